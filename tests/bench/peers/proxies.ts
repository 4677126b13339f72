/**
 * What the proxy of each costs a request: latency, a new connection, requests a second.
 *
 * The client is the same program within each sandbox, and finds the proxy as any program does.
 *
 * @module
 */

import { mustRun } from "../../e2e/support/commands.ts";
import { hasTool } from "../../e2e/support/requirements.ts";
import type { World } from "../../e2e/support/world.ts";
import type { Load, Measured } from "../sandbox/load_client.ts";
import { HOST, INSTALL_HINT, SMALL_PATH, startOrigin } from "../sandbox/peers.ts";
import type { Contender, Field } from "./contenders.ts";
import type { Measurement, Section, Unit } from "./measurement.ts";

const CLIENT = new URL("../sandbox/load_client.ts", import.meta.url).pathname;
const TIMEOUT_MS = 120_000;
const CONNECTIONS = 32;

/** How much load, and how often. */
export interface LoadExtent {
  readonly rounds: number;
  readonly requests: number;
  readonly connects: number;
  readonly seconds: number;
}

/** A way to the origin, with TLS or not. */
interface Way {
  readonly title: string;
  readonly contender: Contender;
  readonly isTls: boolean;
  /** Certificates that the client trusts, as it sees the file. */
  readonly caFile: string;
}

const MODES: readonly {
  readonly mode: "latency" | "connect" | "requests";
  readonly what: string;
  readonly unit: Unit;
  readonly valueOf: (measured: Measured) => number;
}[] = [
  {
    mode: "latency",
    what: "one request on an open connection",
    unit: "ns",
    valueOf: ({ p50Us = NaN }) => p50Us * 1000,
  },
  {
    mode: "connect",
    what: "a new connection with one request",
    unit: "ns",
    valueOf: ({ p50Us = NaN }) => p50Us * 1000,
  },
  {
    mode: "requests",
    what: `requests on ${CONNECTIONS} connections`,
    unit: "perSecond",
    valueOf: ({ perSecond = NaN }) => perSecond,
  },
];

/** Samples are the medians of the rounds, which go through all ways in turn. */
export async function proxies(
  world: World,
  field: Field,
  extent: LoadExtent,
): Promise<Section> {
  const skipped = field.missing.map((each) => ({ what: "Proxy", ...each }));
  if (!hasTool("nginx")) {
    const reason = `nginx is missing: ${INSTALL_HINT}`;
    return { measured: [], skipped: [{ what: "Proxy", contender: "all", reason }] };
  }
  const folder = `${world.folder}/proxies`;
  const certificate = await world.authority.issue("proxies", [HOST]);
  await using _origin = await startOrigin(
    folder,
    certificate,
    (line) => world.pair.onInternet(line),
  );
  const ways = waysOf(world, field);
  for (const contender of new Set(ways.map((way) => way.contender))) await bringClient(contender);
  const measured: Measurement[] = [];
  for (const isTls of [false, true]) {
    for (const { mode, what, unit, valueOf } of MODES) {
      const those = ways.filter((way) => way.isTls === isTls);
      const samples = those.map((): number[] => []);
      for (let round = 0; round < extent.rounds; round++) {
        for (const [index, way] of those.entries()) {
          const count = mode === "connect" ? extent.connects : extent.requests;
          samples[index]!.push(valueOf(await load(way, { mode, count, seconds: extent.seconds })));
        }
      }
      const title = `${isTls ? "TLS" : "CONNECT, plain bytes in it"}: ${what}`;
      for (const [index, way] of those.entries()) {
        measured.push({ what: title, contender: way.title, unit, samples: samples[index]! });
      }
    }
  }
  return { measured, skipped };
}

function waysOf({ authority }: World, field: Field): readonly Way[] {
  const { host, runtime, runtimeInspecting, openshell } = field;
  const caFile = authority.certificateFile;
  const ours = "/run/openshell/tls/openshell-ca.pem";
  const peers = [
    { title: "sandbox-runtime", contender: runtime, caFile },
    { title: "sandbox-runtime, inspecting", contender: runtimeInspecting, caFile: "" },
  ];
  const way = (title: string, contender: Contender, file: string) => [
    { title, contender, caFile: file, isTls: true },
    // Inspecting or not, bytes that are not TLS are relayed alike.
    ...title.includes("inspecting") ? [] : [{ title, contender, caFile: file, isTls: false }],
  ];
  return [
    ...way("host, no proxy", host, caFile),
    ...peers.flatMap(({ title, contender, caFile: file }) =>
      contender === null ? [] : way(title, contender, file)
    ),
    ...way("openshell", openshell, ours),
  ];
}

/** The runtime goes in with it. The agent of ours may run what lies in its own folder. */
async function bringClient({ folder }: Contender): Promise<void> {
  await Deno.copyFile(Deno.execPath(), `${folder}/deno`);
  await Deno.copyFile(CLIENT, `${folder}/client.ts`);
  await Deno.chmod(`${folder}/deno`, 0o755);
  await Deno.chmod(`${folder}/client.ts`, 0o644);
}

async function load(
  { contender, isTls, caFile }: Way,
  extent: Pick<Load, "mode" | "count" | "seconds">,
): Promise<Measured> {
  const port = isTls ? 443 : 80;
  const { hasProxy, command, env } = contender;
  const request: Load = {
    ...extent,
    hostname: HOST,
    port,
    connect: hasProxy ? `${HOST}:${port}` : null,
    isProxyFromEnvironment: hasProxy,
    tls: isTls ? { serverName: HOST, caFile } : null,
    host: HOST,
    path: SMALL_PATH,
    connections: CONNECTIONS,
  };
  const run = "exec ./deno run --quiet --no-config --no-lock --allow-all client.ts";
  const script = `export DENO_DIR=$PWD/deno-dir; ${run} "$1"`;
  const line = command(["bash", "-c", script, "bash", JSON.stringify(request)]);
  return JSON.parse(await mustRun(line, { env, clearEnv: true, timeoutMs: TIMEOUT_MS }));
}
