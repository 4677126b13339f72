/**
 * The sandbox that the network is attacked from, and what stands around it.
 *
 * | Rule         | Lets through                                                             |
 * | ------------ | ------------------------------------------------------------------------ |
 * | `api`        | `/open/**` of `api.example.com`, by TLS and plain, but `/open/secret/**` |
 * | `full`       | anything of `full.example.com`, and of one with a wrong certificate      |
 * | `opaque`     | unread bytes to `skip` and `raw.example.com`                             |
 * | `patterns`   | unread bytes to what the stars match                                     |
 * | `addresses`  | any name on port 8081, within one private network                        |
 * | `blocked`    | names whose addresses nobody may reach                                   |
 * | `curl_alone` | `copy.example.com`, for `curl`                                           |
 * | `tools`      | `keep` and `mismatch.example.com`, for a program in a writable folder    |
 * | `shell`      | `readonly.example.com`, for `bash` and what it starts                    |
 *
 * @module
 */

import assert from "node:assert/strict";
import { Origins } from "../../support/origins.ts";
import { ANYONE, BASH, CURL, rest, type Rule } from "../../support/policies.ts";
import type { OriginSpec } from "../../support/recording.ts";
import { ADDRESSES, type World } from "../../support/world.ts";
import { policiesOf, type SandboxSpec } from "../support/sandbox_spec.ts";
import { MachineNameServer } from "./name_server.ts";

const OPEN_RULES = [
  { allow: { method: "GET", path: "/open/**" } },
  { allow: { method: "POST", path: "/open/in" } },
];

const RULES: Readonly<Record<string, Rule>> = {
  api: {
    endpoints: [
      rest("api.example.com", 443, {
        rules: OPEN_RULES,
        deny_rules: [{ method: "*", path: "/open/secret/**" }],
      }),
      rest("api.example.com", 80, { rules: OPEN_RULES }),
    ],
    binaries: ANYONE,
  },
  full: {
    endpoints: [
      rest("full.example.com", 443, { access: "full" }),
      rest("wrong.example.com", 443, { access: "full" }),
    ],
    binaries: ANYONE,
  },
  opaque: {
    endpoints: [
      { host: "skip.example.com", port: 443, tls: "skip" },
      { host: "raw.example.com", port: 7000 },
    ],
    binaries: ANYONE,
  },
  patterns: {
    endpoints: [
      { host: "*.wild.example.net", port: 443 },
      { host: "*.example.net", port: 443 },
      { host: "*.example.org", port: 443 },
    ],
    binaries: ANYONE,
  },
  addresses: { endpoints: [{ port: 8081, allowed_ips: ["10.20.0.0/16"] }], binaries: ANYONE },
  blocked: {
    endpoints: [
      { host: "loopback.example.com", port: 8080 },
      { host: "metadata.example.com", port: 80 },
    ],
    binaries: ANYONE,
  },
  curl_alone: { endpoints: [{ host: "copy.example.com", ports: [443, 8080] }], binaries: [CURL] },
  tools: {
    endpoints: [
      { host: "keep.example.com", port: 443 },
      { host: "mismatch.example.com", port: 443 },
    ],
    binaries: ["/tmp/*/tool"],
  },
  shell: { endpoints: [{ host: "readonly.example.com", port: 443 }], binaries: [BASH] },
};

/** Of the machine itself: none may be reached. */
const LOOPBACK_SPECS: readonly OriginSpec[] = [
  { name: "loopback-443", address: "127.0.0.1", port: 443, kind: "silent" },
  { name: "loopback-8081", address: "127.0.0.1", port: 8081, kind: "http" },
  { name: "loopback6-443", address: "::1", port: 443, kind: "silent" },
  { name: "loopback6-8081", address: "::1", port: 8081, kind: "http" },
];

const INTERNET_SPECS: readonly OriginSpec[] = [
  { name: "metadata-8081", address: ADDRESSES.metadata, port: 8081, kind: "http" },
  { name: "metadata-443", address: ADDRESSES.metadata, port: 443, kind: "silent" },
];

/** Origins that some rule leads to. Nobody may connect to any other. */
const REACHABLE: ReadonlySet<string> = new Set([
  "api",
  "api-http",
  "api-http-8080",
  "private-8081",
  "raw",
  "wild",
  // Connected to before its certificate is looked at; it gets no request.
  "wrong",
]);

/** What surrounds the sandbox. */
export class AttackedNetwork implements AsyncDisposable {
  private constructor(
    readonly names: MachineNameServer,
    readonly servers: readonly Origins[],
  ) {}

  static async start(world: World): Promise<AttackedNetwork> {
    const { pair } = world;
    await using stack = new AsyncDisposableStack();
    const names = stack.use(await MachineNameServer.start(world));
    const inside = await Origins.start(LOOPBACK_SPECS, (line) => pair.onMachine(line));
    stack.use(inside);
    const outside = await Origins.start(INTERNET_SPECS, (line) => pair.onInternet(line));
    stack.move();
    return new AttackedNetwork(names, [inside, outside]);
  }

  /** The sandbox to attack from. */
  sandbox(): SandboxSpec {
    return {
      name: "attack-net",
      policies: policiesOf(RULES),
      prepare,
      received: async () => [
        ...this.names.names(),
        ...(await this.#recordings()).map(({ received }) => received),
      ],
      check: async ({ origins, loopback }) => {
        const all = [
          ...await origins.recordings(),
          ...await loopback.recordings(),
          ...await this.#recordings(),
        ];
        const reached = new Set(all.map(({ origin }) => origin));
        assert.deepEqual([...reached].filter((name) => !REACHABLE.has(name)), []);
        const wrong = all.filter(({ origin, bytes }) => origin === "wrong" && bytes > 0);
        assert.deepEqual(wrong, [], "a server with a wrong certificate gets nothing");
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server.stop();
    await this.names[Symbol.asyncDispose]();
  }

  async #recordings() {
    return (await Promise.all(this.servers.map((server) => server.recordings()))).flat();
  }
}

async function prepare({ machine }: World, sandbox: string): Promise<void> {
  const kit = await Deno.readTextFile(new URL("./kit.py", import.meta.url));
  const { code, stderr } = await machine.exec(sandbox, "cat > /sandbox/kit.py", { stdin: kit });
  assert.equal(code, 0, stderr);
}
