"""Speaks WebSocket through the proxy of a sandbox, with nothing but what Python brings along.

websocket_client.py URL [forward] ACTION...   where an action is one of

  text:WORDS  binary:WORDS  ping:WORDS  a whole frame
  begin:WORDS more:WORDS done:WORDS     frames of one text message
  bytes:HEX                             as they are
  trickle:WORDS                         a text frame, one byte a write
  read                                  one message or control frame
  wait                                  says so, then reads to the end
  header:NAME=VALUE protocol:NAME       of the handshake

It prints a line for each thing that it sees.
"""
import base64
import os
import socket
import ssl
import struct
import sys

OPCODES = {"text": 1, "binary": 2, "begin": 1, "more": 0, "done": 0, "ping": 9}
NAMES = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def say(*words):
    print(*words, flush=True)


def frame(name, payload):
    mask = os.urandom(4)
    first = OPCODES[name] | (0 if name in ("begin", "more") else 0x80)
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class Reader:
    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def take(self, count):
        while len(self.buffer) < count:
            piece = self.sock.recv(65536)
            if not piece:
                raise EOFError
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def head(self):
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            text += self.take(1)
        return text.decode()

    def message(self):
        """Returns a control frame, or a message whose frames are put together."""
        kind, payload = None, b""
        while True:
            first, second = self.take(2)
            size = second & 127
            if size == 126:
                size = struct.unpack("!H", self.take(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", self.take(8))[0]
            data = self.take(size)
            opcode = first & 15
            if opcode >= 8:
                if opcode == 8 and size >= 2:
                    code = struct.unpack("!H", data[:2])[0]
                    return f"close {code} {data[2:].decode()}".rstrip()
                return f"{NAMES[opcode]} {data.decode('latin1')}"
            kind = NAMES[opcode] if opcode else kind
            payload += data
            if first & 128:
                return f"{kind} {payload.decode('latin1')}"


def connect(host, port, is_tls, is_forward):
    sock = socket.create_connection(("127.0.0.1", 3128), timeout=30)
    if is_forward:
        return sock
    sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    answer = Reader(sock).head()
    if " 200 " not in answer:
        say("tunnel", answer.split("\r\n")[0])
        sys.exit(3)
    if not is_tls:
        return sock
    return ssl.create_default_context().wrap_socket(sock, server_hostname=host)


def main():
    url, *actions = sys.argv[1:]
    is_forward = actions[:1] == ["forward"]
    scheme, _, rest = url.partition("://")
    place, _, path = rest.partition("/")
    host, _, port = place.partition(":")
    sock = connect(host, port, scheme == "wss", is_forward)
    reader = Reader(sock)
    key = base64.b64encode(os.urandom(16)).decode()
    target = f"http://{place}/{path}" if is_forward else f"/{path}"
    head = f"GET {target} HTTP/1.1\r\nHost: {place}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    for action in actions:
        name, _, value = action.partition(":")
        if name == "header":
            head += value.replace("=", ": ", 1) + "\r\n"
        if name == "protocol":
            head += f"Sec-WebSocket-Protocol: {value}\r\n"
    sock.sendall(head.encode() + b"\r\n")
    try:
        answer = reader.head()
        say("answer", answer.split("\r\n")[0])
        for line in answer.split("\r\n"):
            if line.lower().startswith(("sec-websocket-protocol", "x-openshell-reason")):
                say(line.lower())
        if " 101 " not in answer:
            return
        for action in actions:
            act(sock, reader, *action.partition(":")[::2])
    except (EOFError, ConnectionError, ssl.SSLError):
        say("end")


def act(sock, reader, name, value):
    if name == "read":
        say(reader.message())
    elif name == "wait":
        say("waiting")
        while True:
            say(reader.message())
    elif name == "bytes":
        sock.sendall(bytes.fromhex(value))
    elif name == "trickle":
        for byte in frame("text", value.encode()):
            sock.sendall(bytes([byte]))
    elif name in OPCODES:
        sock.sendall(frame(name, value.encode()))


main()
