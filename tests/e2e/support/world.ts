/**
 * One machine under test and the internet that it sees: names, addresses and origins.
 *
 * | Name                      | Address        | There                                          |
 * | ------------------------- | -------------- | ---------------------------------------------- |
 * | `api.example.com`         | 203.0.113.10   | HTTP 80 and 8080, TLS 443 and 8443             |
 * | `other.example.com`       | 203.0.113.11   | HTTP 80, TLS 443                               |
 * | `wrong.example.com`       | 203.0.113.12   | TLS 443, with the certificate of another name  |
 * | `raw.example.com`         | 203.0.113.13   | echo 7000                                      |
 * | those of `ALIASES`        | as `api`       | so that a case has a host, and its events, of its own |
 * | `one.wild.example.net`    | 11.22.33.10    | TLS 443; also `two.one.wild` and `wild`        |
 * | `private.example.com`     | 10.20.0.5      | HTTP 80, TLS 443                               |
 * | `metadata.example.com`    | 169.254.169.254| HTTP 80                                        |
 * | `loopback.example.com`    | 127.0.0.1      | HTTP 8080, of the machine itself               |
 * | `bench.example.com`       | 203.0.113.20   | nobody, until a benchmark starts a server      |
 * | `mixed.example.net`       | a public and a private one                                      |
 * | `gone.example.com`        | 203.0.113.99   | nobody                                         |
 *
 * @module
 */

import { type HostNames, writeHostNames } from "./host_names.ts";
import { isStale, NetworkPair, uniqueName } from "./network_pair.ts";
import { TestMachine } from "./openshell.ts";
import { asUser, type OrdinaryUser } from "./ordinary_user.ts";
import { Origins } from "./origins.ts";
import type { OriginSpec } from "./recording.ts";
import { PROGRAM } from "./requirements.ts";
import { TestAuthority } from "./test_authority.ts";

export const ADDRESSES = {
  api: "203.0.113.10",
  other: "203.0.113.11",
  wrong: "203.0.113.12",
  raw: "203.0.113.13",
  wild: "11.22.33.10",
  private: "10.20.0.5",
  metadata: "169.254.169.254",
  bench: "203.0.113.20",
  nobody: "203.0.113.99",
} as const;

/** Further names of the first server. */
const ALIASES = [
  "audit.example.com",
  "copy.example.com",
  "full.example.com",
  "keep.example.com",
  "mismatch.example.com",
  "readonly.example.com",
  "skip.example.com",
] as const;

const HOST_NAMES: HostNames = {
  ...Object.fromEntries(ALIASES.map((name) => [name, ADDRESSES.api])),
  "api.example.com": ADDRESSES.api,
  "other.example.com": ADDRESSES.other,
  "wrong.example.com": ADDRESSES.wrong,
  "raw.example.com": ADDRESSES.raw,
  "wild.example.net": ADDRESSES.wild,
  "one.wild.example.net": ADDRESSES.wild,
  "two.one.wild.example.net": ADDRESSES.wild,
  "private.example.com": ADDRESSES.private,
  "metadata.example.com": ADDRESSES.metadata,
  "loopback.example.com": "127.0.0.1",
  "bench.example.com": ADDRESSES.bench,
  "mixed.example.net": [ADDRESSES.wild, ADDRESSES.private],
  "gone.example.com": ADDRESSES.nobody,
};

/** Names in the certificate of all origins but the wrong one. */
const CERTIFIED = [
  ...Object.keys(HOST_NAMES).filter((name) => name !== "wrong.example.com"),
  ADDRESSES.private,
];

export class World implements AsyncDisposable {
  private constructor(
    readonly machine: TestMachine,
    readonly origins: Origins,
    /** Servers on the machine's own loopback, which no sandbox may reach. */
    readonly loopback: Origins,
    readonly authority: TestAuthority,
    readonly pair: NetworkPair,
    readonly folder: string,
  ) {}

  /** Starts origins and gateway: as root, or as an ordinary user. */
  static async start(user: OrdinaryUser | null = null): Promise<World> {
    await removeStaleFolders();
    const folder = `${temporaryFolder()}/${uniqueName()}`;
    await Deno.mkdir(folder, { mode: 0o700 });
    const stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    try {
      const authority = await TestAuthority.create(`${folder}/authority`);
      const pair = stack.use(await NetworkPair.create(Object.values(ADDRESSES)));
      const specs = await originSpecs(authority);
      const origins = stack.use(await Origins.start(specs, (line) => pair.onInternet(line)));
      const loopback = stack.use(
        await Origins.start(LOOPBACK_SPECS, (line) => pair.onMachine(line)),
      );
      const program = `${folder}/openshell`;
      await Deno.writeTextFile(program, "");
      const withNames = await writeHostNames(folder, HOST_NAMES, {
        more: user?.files ?? {},
        // An ordinary user may not see where the program was built.
        binds: { [program]: PROGRAM },
      });
      const machine = new TestMachine({
        folder,
        program,
        user,
        enter: (command) =>
          pair.onMachine(withNames(user === null ? command : asUser(user, command))),
        processes: () => pair.machineProcesses(),
        bundleFile: authority.bundleFile,
      });
      await machine.start();
      stack.move();
      return new World(machine, origins, loopback, authority, pair, folder);
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  /** Ends everything; returns a sentence for each thing that the product left behind. */
  async close(): Promise<readonly string[]> {
    await this.loopback.stop();
    const leftovers = await this.machine.close();
    await this[Symbol.asyncDispose]();
    return leftovers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loopback.stop();
    await this.origins.stop();
    await this.pair.remove();
    await removeFolder(this.folder);
  }
}

const LOOPBACK_SPECS: readonly OriginSpec[] = [
  { name: "loopback", address: "127.0.0.1", port: 8080, kind: "http" },
];

async function originSpecs(authority: TestAuthority): Promise<readonly OriginSpec[]> {
  const tls = await authority.issue("origins", CERTIFIED);
  const wrong = await authority.issue("wrong", ["elsewhere.example.com"]);
  const { api, other, wild, raw, metadata } = ADDRESSES;
  return [
    { name: "api-http", address: api, port: 80, kind: "http" },
    { name: "api-http-8080", address: api, port: 8080, kind: "http" },
    { name: "api", address: api, port: 443, kind: "http", tls },
    { name: "api-8443", address: api, port: 8443, kind: "http", tls },
    { name: "other-http", address: other, port: 80, kind: "http" },
    { name: "other", address: other, port: 443, kind: "http", tls },
    { name: "wrong", address: ADDRESSES.wrong, port: 443, kind: "http", tls: wrong },
    { name: "raw", address: raw, port: 7000, kind: "echo" },
    { name: "wild", address: wild, port: 443, kind: "http", tls },
    { name: "private-http", address: ADDRESSES.private, port: 80, kind: "http" },
    { name: "private-8081", address: ADDRESSES.private, port: 8081, kind: "http" },
    { name: "private", address: ADDRESSES.private, port: 443, kind: "http", tls },
    { name: "metadata", address: metadata, port: 80, kind: "http" },
  ];
}

function temporaryFolder(): string {
  return Deno.env.get("TMPDIR") ?? "/tmp";
}

async function removeStaleFolders(): Promise<void> {
  const folder = temporaryFolder();
  for (const { name } of Deno.readDirSync(folder)) {
    if (isStale(name)) await removeFolder(`${folder}/${name}`);
  }
}

/** It may be gone already: two files may tidy up after a third. */
async function removeFolder(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
