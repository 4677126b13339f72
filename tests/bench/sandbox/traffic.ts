/**
 * What the proxy costs: latency, requests and bytes a second, beside no proxy, squid and nginx.
 *
 * @module
 */

import { mustRun } from "../../e2e/support/commands.ts";
import { policy, rest } from "../../e2e/support/policies.ts";
import { hasTool } from "../../e2e/support/requirements.ts";
import type { World } from "../../e2e/support/world.ts";
import type { Budget, Report } from "../report.ts";
import { duration, grouped, ratio, table } from "../table.ts";
import type { Load, Measured } from "./load_client.ts";
import {
  BULK_PATH,
  HOST,
  INSTALL_HINT,
  RELAY_PORT,
  SMALL_PATH,
  SQUID_PORT,
  startOrigin,
  startRelay,
  startSquid,
} from "./peers.ts";

const CLIENT = new URL("./load_client.ts", import.meta.url).pathname;
const SANDBOX = "load";
const PROXY = { hostname: "127.0.0.1", port: 3128 } as const;
const PORTS = { plain: 80, tls: 443 } as const;

/** Rounds of each measurement: the medians are compared, so that noise meets all alike. */
const ROUNDS = 3;

/** A way to the origin. */
interface Way {
  readonly name: string;
  readonly isTls: boolean;
  readonly load: Pick<Load, "hostname" | "port" | "connect" | "tls">;
  readonly run: (load: Load) => Promise<Measured>;
}

const POLICY_RULES = {
  load: {
    endpoints: [
      { host: HOST, port: PORTS.plain, tls: "skip" },
      rest(HOST, PORTS.tls, { access: "read-only" }),
    ],
    binaries: ["/sandbox/deno"],
  },
};

/** Measures all ways in turn. */
export async function traffic(world: World): Promise<Report> {
  if (!hasTool("nginx")) {
    return { tables: [`Proxy: not measured, nginx is missing: ${INSTALL_HINT}\n`], budgets: [] };
  }
  await using stack = new AsyncDisposableStack();
  const folder = `${world.folder}/peers`;
  const certificate = await world.authority.issue("bench", [HOST]);
  const onMachine = (command: readonly string[]) => world.machine.enter(command);
  stack.use(await startOrigin(folder, certificate, (line) => world.pair.onInternet(line)));
  const caFile = world.authority.certificateFile;
  stack.use(await startRelay(folder, { certificate, caFile, enter: onMachine }));
  const hasSquid = hasTool("squid");
  if (hasSquid) stack.use(await startSquid(`${folder}/squid`, onMachine));
  await prepareSandbox(world);
  const ways = waysOf(world, hasSquid);
  const found = await measureAll(ways);
  const note = hasSquid ? "" : `squid: not measured, it is missing: ${INSTALL_HINT}\n`;
  return {
    tables: [...tablesOf(ways, found), note].filter((text) => text !== ""),
    budgets: budgetsOf(found),
  };
}

/** The client goes in as the agent's own file, with the runtime that it needs. */
async function prepareSandbox({ machine }: World): Promise<void> {
  await machine.create(SANDBOX, { policy: policy(POLICY_RULES) });
  const workspace = `${await machine.sandboxFolder(SANDBOX)}/workspace`;
  await Deno.copyFile(Deno.execPath(), `${workspace}/deno`);
  await Deno.copyFile(CLIENT, `${workspace}/client.ts`);
  await Deno.chmod(`${workspace}/deno`, 0o755);
  await Deno.chmod(`${workspace}/client.ts`, 0o644);
}

function waysOf({ machine, authority }: World, hasSquid: boolean): readonly Way[] {
  const deno = ["run", "--quiet", "--no-config", "--no-lock", "--allow-all"];
  const outside = async (load: Load) => {
    const command = machine.enter([Deno.execPath(), ...deno, CLIENT, JSON.stringify(load)]);
    return JSON.parse(await mustRun(command, { timeoutMs: 120_000 }));
  };
  const inside = async (load: Load) => {
    const command = ["/sandbox/deno", ...deno, "/sandbox/client.ts", JSON.stringify(load)];
    const exec = ["sandbox", "exec", "-n", SANDBOX, "--", ...command];
    return JSON.parse(await machine.must(exec, { timeoutMs: 120_000 }));
  };
  const tls = { serverName: HOST, caFile: authority.certificateFile };
  const sandboxTls = { serverName: HOST, caFile: "/run/openshell/tls/openshell-ca.pem" };
  const server = (port: number) => ({ hostname: HOST, port, connect: null });
  const by = (port: number, target: number) => ({
    hostname: "127.0.0.1",
    port,
    connect: `${HOST}:${target}`,
  });
  const ours = (target: number) => ({ ...PROXY, connect: `${HOST}:${target}` });
  const relay = { hostname: "127.0.0.1", port: RELAY_PORT, connect: null, tls };
  const { plain: http, tls: https } = PORTS;
  const plain = { isTls: false } as const;
  const secure = { isTls: true } as const;
  return [
    { name: "direct", ...plain, load: { ...server(http), tls: null }, run: outside },
    ...hasSquid
      ? [{ name: "squid", ...plain, load: { ...by(SQUID_PORT, http), tls: null }, run: outside }]
      : [],
    { name: "openshell", ...plain, load: { ...ours(http), tls: null }, run: inside },
    { name: "direct", ...secure, load: { ...server(https), tls }, run: outside },
    { name: "nginx", ...secure, load: relay, run: outside },
    { name: "openshell", ...secure, load: { ...ours(https), tls: sandboxTls }, run: inside },
  ];
}

/** What a way came to in each mode: the median of the rounds. */
type Found = ReadonlyMap<Way, Readonly<Record<Load["mode"], Measured>>>;

const MODES = [
  { mode: "latency", path: SMALL_PATH, count: 1000 },
  { mode: "connect", path: SMALL_PATH, count: 150 },
  { mode: "requests", path: SMALL_PATH, count: 0 },
  { mode: "bulk", path: BULK_PATH, count: 3 },
] as const;

async function measureAll(ways: readonly Way[]): Promise<Found> {
  const found = new Map<Way, Record<Load["mode"], Measured>>();
  for (const { mode, path, count } of MODES) {
    const rounds = new Map<Way, Measured[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const way of ways) {
        const load = { ...way.load, mode, path, count, host: HOST, connections: 32, seconds: 3 };
        rounds.get(way)!.push(await way.run(load));
      }
    }
    for (const [way, measured] of rounds) {
      const results = found.get(way) ?? {} as Record<Load["mode"], Measured>;
      results[mode] = medians(measured);
      found.set(way, results);
    }
  }
  return found;
}

function medians(measured: readonly Measured[]): Measured {
  const names = Object.keys(measured[0]!) as (keyof Measured)[];
  return Object.fromEntries(names.map((name) => {
    const sorted = measured.map((each) => each[name]!).toSorted((a, b) => a - b);
    return [name, sorted[sorted.length >> 1]!];
  }));
}

function tablesOf(ways: readonly Way[], found: Found): readonly string[] {
  const head = ["", "request p50", "p95", "new p50", "p95", "requests/s", "MB/s", "of direct"];
  return [false, true].map((isTls) => {
    const those = ways.filter((way) => way.isTls === isTls);
    const direct = found.get(those[0]!)!;
    const rows = those.map((way) => {
      const { latency, connect, requests, bulk } = found.get(way)!;
      const times = [latency.p50Us, latency.p95Us, connect.p50Us, connect.p95Us];
      return [
        way.name,
        ...times.map((us) => duration(us! * 1000)),
        grouped(Math.round(requests.perSecond!)),
        grouped(Math.round(bulk.medianMBs!)),
        ratio(bulk.medianMBs! / direct.bulk.medianMBs!),
      ];
    });
    return table(
      isTls ? "TLS, each request inspected" : "CONNECT, opaque, plain bytes in it",
      head,
      rows,
    );
  });
}

/** Added latency is against no proxy at all; the ratios say how many times slower at most. */
function budgetsOf(found: Found): readonly Budget[] {
  const way = (name: string, isTls: boolean) =>
    [...found].find(([each]) => each.name === name && each.isTls === isTls)![1];
  const ns = (us: number) => us * 1000;
  const added = (isTls: boolean) =>
    ns(way("openshell", isTls).latency.p50Us! - way("direct", isTls).latency.p50Us!);
  const slower = (peer: string, isTls: boolean, key: "medianMBs" | "bestMBs") =>
    way(peer, isTls).bulk[key]! / way("openshell", isTls).bulk[key]!;
  const budget = (name: string, limit: number, peer: string, isTls: boolean): Budget => ({
    name,
    unit: "ratio",
    limit,
    median: slower(peer, isTls, "medianMBs"),
    fastest: slower(peer, isTls, "bestMBs"),
  });
  return [
    {
      name: "CONNECT, added to a request",
      unit: "ns",
      limit: 0.3e6,
      median: added(false),
      fastest: added(false),
    },
    {
      name: "TLS-inspected, added to a request",
      unit: "ns",
      limit: 1e6,
      median: added(true),
      fastest: added(true),
    },
    budget("CONNECT, direct's MB/s by ours", 1 / 0.65, "direct", false),
    budget("TLS-inspected, nginx's MB/s by ours", 1 / 0.8, "nginx", true),
  ];
}
