"""What the scripts of the attacks share: connections to the proxy, byte by byte."""

import os, socket, ssl, struct, sys, time

CANARY = os.environ.get("CANARY", "")
PROXY = ("127.0.0.1", 3128)


def show(data):
    """Prints bytes as they came."""
    sys.stdout.write(data.decode("latin1"))
    sys.stdout.flush()


def raw(seconds=8):
    """Returns a connection to the proxy."""
    sock = socket.create_connection(PROXY, 10)
    sock.settimeout(seconds)
    return sock


def rest(sock, limit=200000):
    """Returns all that comes until the other side ends, or is silent for too long."""
    data = b""
    try:
        while len(data) < limit:
            piece = sock.recv(65536)
            if not piece:
                break
            data += piece
    except (OSError, ssl.SSLError) as error:
        data += b"\n<" + type(error).__name__.encode() + b">"
    return data


def head(sock):
    """Returns the head of an answer."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = sock.recv(1)
        if not piece:
            break
        data += piece
    return data


def answer(sock):
    """Returns head and body of one answer, by its length."""
    first = head(sock)
    length = 0
    for line in first.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = b""
    while len(body) < length:
        piece = sock.recv(length - len(body))
        if not piece:
            break
        body += piece
    return first + body


def ask(data):
    """Sends bytes to the proxy, and prints all that comes back."""
    sock = raw()
    try:
        sock.sendall(data)
    except OSError:
        pass
    show(rest(sock))


def tunnel(target, seconds=8):
    """Returns a tunnel, and prints what the proxy said to it. Ends where there is none."""
    sock = raw(seconds)
    sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("latin1"))
    said = head(sock)
    print("connect", said.split(b" ")[1].decode() if b" " in said else "nothing", flush=True)
    if b" 200 " not in said.split(b"\r\n")[0] + b" ":
        show(rest(sock))
        sys.exit(0)
    return sock


def context(verify=True):
    """Returns a context of TLS that trusts the sandbox's own authority alone."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(os.environ["NODE_EXTRA_CA_CERTS"])
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def tls(sock, name, verify=True, alpn=None):
    """Returns TLS in a tunnel. Prints why where there is none, and ends."""
    made = context(verify)
    if alpn:
        made.set_alpn_protocols(alpn)
    try:
        return made.wrap_socket(sock, server_hostname=name)
    except (OSError, ssl.SSLError) as error:
        print("tls", type(error).__name__, error, flush=True)
        sys.exit(0)


def inside(host, port=443):
    """Returns TLS with an allowed host."""
    return tls(tunnel(f"{host}:{port}"), host)


def send(sock, data):
    """Sends bytes, and prints all that comes back."""
    try:
        sock.sendall(data)
    except (OSError, ssl.SSLError) as error:
        print("send", type(error).__name__, flush=True)
    show(rest(sock))


def https(data, host="api.example.com"):
    """Sends bytes inside of TLS with a host, and prints all that comes back."""
    send(inside(host), data)


def attempt(what):
    """Does what should not work, and says whether it did."""
    try:
        made = what()
    except (OSError, ValueError, AttributeError) as error:
        print("refused", type(error).__name__, getattr(error, "errno", ""), flush=True)
        return None
    print("worked", flush=True)
    return made


def hello(*extensions, version=b"\x03\x03", record=b"\x03\x01"):
    """Returns a ClientHello, with extensions as they are given."""
    body = b"".join(struct.pack(">HH", kind, len(data)) + data for kind, data in extensions)
    content = version + b"\x11" * 32 + b"\0" + b"\0\4\x13\x01\xc0\x2f" + b"\1\0"
    content += struct.pack(">H", len(body)) + body
    message = b"\1" + struct.pack(">I", len(content))[1:] + content
    return b"\x16" + record + struct.pack(">H", len(message)) + message


def names(*hosts, kind=0):
    """Returns the extension that names servers."""
    entries = b"".join(bytes([kind]) + struct.pack(">H", len(host)) + host for host in hosts)
    return (0, struct.pack(">H", len(entries)) + entries)


BASICS = [(43, b"\2\3\4"), (10, b"\0\4\0\x1d\0\x17"), (13, b"\0\6\4\3\x08\4\4\1")]


def speak(data, target="api.example.com:443"):
    """Sends bytes in a tunnel, and prints what comes back, in hexadecimal."""
    sock = tunnel(target, 4)
    sock.sendall(data)
    print("answer", rest(sock).hex(), flush=True)


def wait_for_bytes(port, count):
    """Waits until so many bytes are there to be read on a connection, by its own port."""
    for _ in range(400):
        with open("/proc/net/tcp") as table:
            for line in table:
                words = line.split()
                if words[1].endswith(":%04X" % port) and int(words[4].split(":")[1], 16) >= count:
                    return
        time.sleep(0.05)
    print("no bytes came", flush=True)
