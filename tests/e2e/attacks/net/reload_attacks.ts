/**
 * Attacks across a change of the policy: a connection that was allowed goes on, or tries to.
 *
 * Each script opens something that is allowed, waits until the policy has changed, and then sends
 * the canary.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../../support/commands.ts";
import { ANYONE, policy, rest } from "../../support/policies.ts";
import type { Suite } from "../../support/suite.ts";
import { makeCanary } from "../support/canary.ts";
import { python } from "./scripts.ts";

const HOST = "api.example.com";

function allowing(path: string): string {
  const rules = [{ allow: { method: "*", path } }];
  return policy({
    api: {
      endpoints: [rest(HOST, 443, { rules }), rest(HOST, 80, { rules })],
      binaries: ANYONE,
    },
    ...path === "/open/**" && {
      opaque: { endpoints: [{ host: "raw.example.com", port: 7000 }], binaries: ANYONE },
    },
  });
}

const BEFORE = allowing("/open/**");
const AFTER = allowing("/kept-after-reload");

/** Sends all but what carries the canary, waits for the change, and sends that. */
function across(before: string, after: string): string {
  return python(`${before}
open("/sandbox/asked-" + CANARY, "w").close()
while not os.path.exists("/sandbox/go"): time.sleep(0.05)
try:
  ${after}
except OSError as error: print("stopped", flush=True)
show(rest(sock))`);
}

/** A script, and what it shows before the change. */
const SCRIPTS: readonly (readonly [title: string, script: string, shows: RegExp])[] = [
  [
    "a tunnel that is relayed unread",
    across(
      `sock = tunnel("raw.example.com:7000")
sock.sendall(b"first")
show(sock.recv(5))`,
      "sock.sendall(CANARY.encode())",
    ),
    /^connect 200\nfirst/,
  ],
  [
    "a further request on an inspected connection",
    across(
      `sock = inside("${HOST}")
sock.sendall(b"GET /open/1 HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n")
show(answer(sock)[:15])`,
      `sock.sendall(b"GET /open/2?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n")`,
    ),
    /^connect 200\nHTTP\/1\.1 200/,
  ],
  [
    "the second half of a body",
    across(
      `sock = inside("${HOST}")
sock.sendall(b"POST /open/in HTTP/1.1\\r\\nHost: ${HOST}\\r\\nContent-Length: 48\\r\\n\\r\\n0123456789")
time.sleep(0.3)`,
      "sock.sendall(CANARY.encode())",
    ),
    /^connect 200\n/,
  ],
  [
    "the second half of a head",
    across(
      `sock = inside("${HOST}")
sock.sendall(b"GET /open/3?q=")
time.sleep(0.3)`,
      `sock.sendall(CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n")`,
    ),
    /^connect 200\n/,
  ],
  [
    "the second half of a hello of TLS, and a request",
    across(
      `sock = tunnel("${HOST}:443")
data = ssl.MemoryBIO(), ssl.MemoryBIO()
made = context().wrap_bio(data[0], data[1], server_hostname="${HOST}")
try: made.do_handshake()
except ssl.SSLWantReadError: pass
hello = data[1].read()
sock.sendall(hello[:20])
time.sleep(0.3)`,
      "sock.sendall(hello[20:] + CANARY.encode())",
    ),
    /^connect 200\n/,
  ],
  [
    "the second half of CONNECT",
    across(
      `sock = raw()
sock.sendall(b"CONNECT raw.example.com:7000 HTTP/1.1\\r\\n")
time.sleep(0.3)`,
      'sock.sendall(b"Host: a\\r\\n\\r\\n" + CANARY.encode())',
    ),
    /^/,
  ],
  [
    "the body of a request of the proxy's own",
    across(
      `sock = raw()
sock.sendall(b"POST http://${HOST}/open/in HTTP/1.1\\r\\nHost: ${HOST}\\r\\nContent-Length: 48\\r\\n\\r\\n0123456789")
time.sleep(0.3)`,
      "sock.sendall(CANARY.encode())",
    ),
    /^/,
  ],
];

/** Runs all of them at once: one change of the policy ends each. */
export async function attackAcrossReload({ world, step }: Suite, sandbox: string): Promise<void> {
  const { machine, origins } = world;
  assert.equal((await machine.setPolicy(sandbox, BEFORE)).code, 0);
  const tried = SCRIPTS.map(([title, script, shows]) => {
    const canary = makeCanary();
    const words = ["bash", "-c", `export CANARY=${canary}; ${script}`];
    const running = machine.run(["sandbox", "exec", "-n", sandbox, "--", ...words]);
    return { title, shows, canary, running };
  });
  for (const { canary, title } of tried) {
    await waitFor(`"${title}" to be under way`, async () => {
      return (await machine.exec(sandbox, `test -e /sandbox/asked-${canary}`)).code === 0;
    }, 60_000);
  }
  assert.equal((await machine.setPolicy(sandbox, AFTER)).code, 0);
  await machine.exec(sandbox, "touch /sandbox/go");
  for (const { title, shows, canary, running } of tried) {
    const { stdout } = await running;
    await step(`across a reload: ${title}`, async () => {
      assert.match(stdout, shows);
      assert.equal(await origins.received(canary), false, stdout);
    });
  }
}
