/**
 * Attacks on what controls a sandbox: gateway, keys, policy, the record, the proxy itself, and
 * other sandboxes' ports.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../../support/commands.ts";
import { readDecision } from "../../support/events.ts";
import { quote } from "../../support/probes.ts";
import { PROGRAM } from "../../support/requirements.ts";
import type { World } from "../../support/world.ts";
import type { Attack } from "../support/attack.ts";
import { NEIGHBOUR } from "./scene.ts";
import { EVERYWHERE, perl } from "./scripts.ts";

/** Nothing of the machine answers. */
const REFUSED = /^(?![\s\S]*(200 OK|HTTP\/1\.1 200|status 200|recorded|ANSWERED))/;

const ALLOWED_REQUEST = {
  script: "curl -sS -m 20 -o /dev/null -w 'status %{http_code}\\n' https://api.example.com/twin",
  shows: /status 200/,
};

/** The machine, as names and numbers say it. The port is that of a server on its loopback. */
const MACHINE_NAMES = [
  "127.0.0.1",
  "localhost",
  "LOCALHOST",
  "localhost.",
  "127.1",
  "127.0.0.2",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "017700000001",
  "0.0.0.0",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "loopback.example.com",
  "host.docker.internal",
  "host.containers.internal",
  "host.openshell.internal",
  "gateway",
  "sandbox",
  "openshell",
  "169.254.169.254",
  "metadata.google.internal",
];

/** `inference.local` is answered: its attacks are in `drivers/supervisor/inference/`. */
const INNER_HOSTS = [
  "policy.local",
  "openshell.local",
  "relay.local",
  "gateway.local",
  "supervisor",
];

function proxied(host: string, port: number): string {
  return `for m in connect get; do if [ $m = connect ]; then printf 'CONNECT ${host}:${port} ` +
    `HTTP/1.1\\r\\nHost: ${host}:${port}\\r\\n\\r\\n' ; else printf 'GET http://${host}:${port}/ ` +
    `HTTP/1.1\\r\\nHost: ${host}:${port}\\r\\nConnection: close\\r\\n\\r\\n'; fi | ask; done`;
}

/** Sends its input to the proxy, and prints the first line of the answer. */
const ASK = "ask() { { exec 3<>/dev/tcp/127.0.0.1/3128; cat >&3; IFS= read -r -t 10 line <&3; " +
  'echo "$line"; } 2>&1; exec 3>&-; }; unset no_proxy NO_PROXY; ';

const SCAN = perl(String.raw`use Socket; for my $port (1 .. 65535) {
socket(my $s, AF_INET, SOCK_STREAM, 0); next unless connect($s, sockaddr_in($port, inet_aton("127.0.0.1")));
# A socket that got the very port that it asks for has met itself.
my ($own) = sockaddr_in(getsockname($s)); print "open $port\n" if $own != $port; }
print "scanned\n";`);

const TAKE_THE_PROXY = perl(String.raw`use Socket; my $n = 0;
for my $address ("127.0.0.1", "0.0.0.0") { for my $reuse (0, 2, 15) {
socket(my $s, AF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, $reuse, 1) if $reuse;
if (bind($s, sockaddr_in(3128, inet_aton($address))) && listen($s, 1)) { print "TOOK $address $reuse\n"; $n++ } } }
print "took $n\n";`);

const FORGED = [
  "X-OpenShell-Sandbox: neighbour",
  "X-Forwarded-For: 127.0.0.1",
  "Forwarded: for=127.0.0.1",
  "Proxy-Authorization: Basic b3BlbnNoZWxsOm9wZW5zaGVsbA==",
  "Authorization: Bearer openshell",
  "X-Real-IP: 127.0.0.1",
];

export const CONTROL_ATTACKS: readonly Attack[] = [
  {
    id: "ports-of-the-loopback",
    title: "find the gateway, or anything, on a port of the loopback",
    area: "control",
    attack: { script: SCAN, shows: /^open 3128\nscanned\n$/ },
    twin: ALLOWED_REQUEST,
  },
  {
    id: "machine-through-the-proxy",
    title: "reach a server of the machine's loopback by each of its names",
    area: "control",
    attack: {
      script: ASK + MACHINE_NAMES.map((name) => proxied(name, 8080)).join("; "),
      shows: REFUSED,
    },
    twin: ALLOWED_REQUEST,
    async check(world) {
      assert.deepEqual(await world.loopback.recordings(), []);
    },
  },
  {
    id: "gateway-through-the-proxy",
    title: "reach the gateway's own port by the proxy",
    area: "control",
    attack: { script: ASK + proxied("127.0.0.1", 1), shows: REFUSED },
    twin: ALLOWED_REQUEST,
    async check({ machine }, sandbox) {
      const { port } = new URL(JSON.parse(await Deno.readTextFile(machine.endpointFile)).endpoint);
      const script = ASK + proxied("127.0.0.1", Number(port)) + "; " +
        proxied("localhost", Number(port));
      const { stdout } = await machine.exec(sandbox, `bash -c ${quote(script)}`);
      assert.match(stdout, /^(HTTP\/1\.1 403[^\n]*\n){4}$/);
    },
  },
  {
    id: "inner-hosts",
    title: "ask hosts that only OpenShell itself would answer for",
    area: "control",
    attack: {
      script: ASK +
        INNER_HOSTS.flatMap((name) => [proxied(name, 80), proxied(name, 443)]).join("; "),
      shows: REFUSED,
    },
    twin: ALLOWED_REQUEST,
  },
  {
    id: "endpoints-of-the-proxy",
    title: "ask the proxy itself for policy, approvals or figures",
    area: "control",
    attack: {
      script: ASK + ["/", "/policy", "/approve", "/metrics", "/healthz", "/debug", "/shutdown"]
        .flatMap((path) => [
          `printf 'GET ${path} HTTP/1.1\\r\\nHost: 127.0.0.1:3128\\r\\n\\r\\n' | ask`,
          `printf 'POST http://127.0.0.1:3128${path} HTTP/1.1\\r\\nHost: 127.0.0.1:3128\\r\\n` +
          `Content-Length: 0\\r\\n\\r\\n' | ask`,
        ]).join("; "),
      shows: /^(HTTP\/1\.1 4\d\d[^\n]*\n)+$/,
    },
    twin: ALLOWED_REQUEST,
  },
  {
    id: "forged-headers",
    title: "pass for another sandbox, or for the machine, by headers",
    area: "control",
    attack: {
      script: ASK +
        FORGED.map((header) =>
          `printf 'CONNECT forged.example.com:443 HTTP/1.1\\r\\nHost: forged.example.com:443\\r\\n` +
          `${header}\\r\\n\\r\\n' | ask`
        ).join("; "),
      shows: /^(HTTP\/1\.1 40\d[^\n]*\n){6}$/,
    },
    twin: ALLOWED_REQUEST,
  },
  {
    id: "take-the-proxys-port",
    title: "stand in for the proxy on its own port",
    area: "control",
    attack: { script: TAKE_THE_PROXY, shows: /^took 0\n$/ },
    twin: ALLOWED_REQUEST,
  },
  {
    id: "sockets-of-the-machine",
    title: "find a socket of OpenShell, a container engine, or a session bus",
    area: "control",
    attack: {
      script: `find ${EVERYWHERE} -type s 2>/dev/null; ` +
        "for s in /run/docker.sock /var/run/docker.sock " +
        "/run/dbus/system_bus_socket /run/containerd/containerd.sock /run/user/*/bus " +
        "/tmp/.X11-unix /run/openshell/*.sock $SSH_AUTH_SOCK; do [ -e $s ] && echo FOUND $s; done; " +
        "grep -v '@$' /proc/net/unix | awk 'NR > 1 && $8 != \"\"' | grep -v openshell-evil; echo tried",
      shows: /^tried\n$/,
    },
    twin: {
      script: perl(
        'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); unlink "/tmp/own.sock"; ' +
          'print bind($s, pack_sockaddr_un("/tmp/own.sock")) ? "bound" : name(); unlink "/tmp/own.sock"',
      ),
      shows: /^bound$/m,
    },
  },
  {
    id: "keys-and-tokens",
    title: "find OpenShell's keys, its token for the gateway, or where the gateway is",
    area: "control",
    attack: {
      script: `find ${EVERYWHERE} ` +
        "\\( -name '*endpoint.json' -o -name 'client*key*' -o -name 'assignment*' " +
        "-o -name 'exit.json' -o -name 'store*' -path '*gateway*' \\) -not -path '/usr/*' " +
        "-not -path '/proc/*' 2>/dev/null; ls -A /run/openshell 2>/dev/null; " +
        "grep -rl 'PRIVATE KEY' /run /sandbox /tmp /dev/shm 2>/dev/null; " +
        "( echo x >> /run/openshell/tls/ca-bundle.pem ) 2>/dev/null && echo WROTE; echo tried",
      shows: /^tried\n$/,
    },
    twin: { script: "grep -c 'BEGIN CERT' /run/openshell/tls/openshell-ca.pem", shows: /^1$/m },
  },
  {
    id: "policy-and-record",
    title: "change the policy in force, or the record",
    area: "control",
    attack: {
      script: `find ${EVERYWHERE} ` +
        "\\( -name 'policy*.y*ml' -o -name '*.jsonl' -o -name 'events*' \\) " +
        "-not -path '/usr/*' -not -path '/proc/*' -not -path '/etc/*' 2>/dev/null | head; " +
        "ls $HOST_HOME/../state 2>/dev/null; echo tried",
      shows: /^tried\n$/,
    },
    twin: ALLOWED_REQUEST,
    async check({ machine }, sandbox) {
      const verified = await machine.must(["logs", sandbox, "--verify"]);
      assert.match(verified, /sandbox: \d+ events, intact/);
      const { version } = JSON.parse(await machine.must(["policy", "get", sandbox, "-o", "json"]));
      assert.equal(version, 1);
    },
  },
  {
    id: "variables-of-the-supervisor",
    title: "read the environment, arguments or descriptors of the supervisor",
    area: "control",
    attack: {
      script: "ls -d /proc/[0-9]* | wc -l | awk '{ if ($1 > 30) print \"MANY\" }'; " +
        "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -aE " +
        "'^[^ ]*(openshell|deno) '; done; readlink /proc/1/exe; " +
        "cat /proc/1/environ 2>/dev/null | wc -c; echo tried",
      shows: /^0\ntried\n$/,
    },
    twin: { script: "readlink /proc/self/exe", shows: /readlink|coreutils/ },
  },
  {
    id: "programs-named-like-openshell",
    title: "be taken for the proxy, or for an allowed program, by a name",
    area: "control",
    attack: {
      // A host for each, since denials that are the same are folded into one event.
      script:
        "i=0; for n in openshell supervise /usr/bin/curl deno; do i=$((i + 1)); ( exec -a $n perl " +
        '-MIO::Socket::INET -e \'$0 = shift; my $h = "named" . shift() . ".example.com:443"; ' +
        'my $s = IO::Socket::INET->new("127.0.0.1:3128") or die; print $s "CONNECT $h ' +
        "HTTP/1.1\\r\\nHost: $h\\r\\n\\r\\n\"; print scalar <$s>' $n $i ); done",
      shows: /^(HTTP\/1\.1 403[^\n]*\n){4}$/,
    },
    twin: ALLOWED_REQUEST,
    async check({ machine }, sandbox) {
      const decisions = (await machine.events(sandbox)).map(readDecision)
        .filter((decision) => decision?.host.startsWith("named"));
      assert.deepEqual(
        decisions.map((decision) => [decision?.host, decision?.verdict, decision?.binary]),
        [1, 2, 3, 4].map((n) => [`named${n}.example.com`, "denied", "/usr/bin/perl"]),
      );
    },
  },
  {
    id: "openshell-in-the-sandbox",
    title: "run openshell itself inside, to command the gateway or to make an own one",
    area: "control",
    attack: { script: "command -v openshell; echo tried", shows: /tried\n$/ },
    twin: ALLOWED_REQUEST,
    check: commandsNothing,
  },
  {
    id: "forward-of-another-sandbox",
    title: "reach a port that another sandbox has forwarded to the machine",
    area: "control",
    attack: { script: ASK + proxied("127.0.0.1", 17_433), shows: REFUSED },
    twin: ALLOWED_REQUEST,
    check: reachesNoForward,
  },
];

/** The very program, put where the agent can run it. */
async function commandsNothing({ machine }: World, sandbox: string): Promise<void> {
  const place = `${machine.home}/project/openshell`;
  await Deno.copyFile(PROGRAM, place);
  await machine.own(place);
  const { endpoint } = JSON.parse(await Deno.readTextFile(machine.endpointFile));
  const script =
    "cd /project; for c in 'sandbox list' 'policy get attacker' 'sandbox delete --all' " +
    `'gateway stop'; do timeout 60 ./openshell $c --gateway-endpoint ${endpoint} >/tmp/said 2>&1 ` +
    "&& echo OBEYED $c; cat /tmp/said >&2; done; rm -rf openshell /tmp/said /sandbox/.cache; echo tried";
  const { stdout, stderr } = await machine.exec(sandbox, script, { timeoutMs: 240_000 });
  assert.equal(stdout, "tried\n", stderr);
  assert.equal(stderr.match(/^error: /gm)?.length, 4, stderr);
  const names = (await machine.must(["sandbox", "list", "--names"])).trim().split("\n");
  assert.ok(names.includes(NEIGHBOUR) && names.includes(sandbox));
}

async function reachesNoForward({ machine }: World, sandbox: string): Promise<void> {
  const port = 17_433;
  const server = `use IO::Socket::INET; my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => ` +
    `"127.0.0.1", LocalPort => ${port}, ReuseAddr => 1) or die; while (my $c = $s->accept) { ` +
    `print $c "HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\nANSWERED"; close $c }`;
  const serving = machine.spawn(["sandbox", "exec", "-n", NEIGHBOUR, "--", "perl", "-e", server]);
  const forward = machine.spawn(["forward", "start", String(port), NEIGHBOUR]);
  try {
    const ask =
      `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET / HTTP/1.1\\r\\n\\r\\n' >&3; cat <&3`;
    await waitFor("the forward of the neighbour", async () => {
      return (await machine.runOnMachine(["bash", "-c", ask])).stdout.includes("ANSWERED");
    }, 60_000);
    const script = `( ${ask} ) 2>/dev/null; ${ASK} ${proxied("127.0.0.1", port)}; ` +
      `${proxied("localhost", port)}`;
    const { stdout } = await machine.exec(sandbox, `bash -c ${quote(script)}`);
    assert.match(stdout, /^(HTTP\/1\.1 403[^\n]*\n){4}$/);
  } finally {
    forward.kill("SIGINT");
    serving.kill("SIGINT");
    await Promise.all([forward.status, serving.status]);
  }
}
