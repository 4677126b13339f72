/**
 * What a program in a sandbox pays for being in one: many files, many processes, a compiler, a
 * package manager.
 *
 * Each is timed within the sandbox, by the same script, so that its start does not count.
 *
 * @module
 */

import { mustRun } from "../../e2e/support/commands.ts";
import { hasTool } from "../../e2e/support/requirements.ts";
import type { World } from "../../e2e/support/world.ts";
import { HOST, INSTALL_HINT, type Peer, startOrigin } from "../sandbox/peers.ts";
import { type Contender, contendersOf, type Field } from "./contenders.ts";
import { makeFixtures, makeRegistry, type Sizes } from "./fixtures.ts";
import type { Measurement, Section, Skipped } from "./measurement.ts";

const TIMEOUT_MS = 300_000;

interface Job {
  readonly what: string;
  readonly tool: string;
  /** Lines of `bash`, which are timed. */
  readonly once: string;
  readonly needsNetwork: boolean;
}

const JOBS: readonly Job[] = [
  {
    what: "git status of a large tree",
    tool: "git",
    once: "git -C tree status --porcelain",
    needsNetwork: false,
  },
  {
    what: "Compile and link a C program",
    tool: "gcc",
    once: "gcc -O1 -o many many.c",
    needsNetwork: false,
  },
  {
    what: "Start 100 processes",
    tool: "bash",
    once: "for ((n = 0; n < 100; n++)); do /usr/bin/true || exit 1; done",
    needsNetwork: false,
  },
  {
    what: "npm install from a registry of files, by TLS",
    tool: "npm",
    once: "(cd app; rm -rf node_modules package-lock.json ../cache; npm install --cache ../cache " +
      `--globalconfig /dev/null --fetch-retries 0 --registry https://${HOST}/ --no-audit --no-fund --no-update-notifier --loglevel error)`,
    needsNetwork: true,
  },
];

/** Runs every job `rounds` times in each sandbox, in turn. */
export async function work(
  world: World,
  field: Field,
  { sizes, rounds, times }: {
    readonly sizes: Sizes;
    readonly rounds: number;
    readonly times: number;
  },
): Promise<Section> {
  const contenders = contendersOf(field);
  await using registry = await startRegistry(world, sizes.packages);
  const source = `${world.folder}/fixtures`;
  await makeFixtures(source, sizes);
  for (const { folder } of contenders) await copyInto(source, folder);
  const measured: Measurement[] = [];
  const skipped: Skipped[] = field.missing.map((each) => ({ what: "Work", ...each }));
  for (const { what, tool, once, needsNetwork } of JOBS) {
    const why = !hasTool(tool) ? `${tool} is missing` : needsNetwork ? registry.reason : null;
    if (why !== null) {
      skipped.push({ what, contender: "all", reason: why });
      continue;
    }
    const samples = new Map<Contender, number[]>(contenders.map((each) => [each, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [contender, own] of samples) {
        console.error(`${what}: ${contender.name}`);
        own.push(...await time(contender, once, times));
      }
    }
    for (const [{ name, hasProxy }, own] of samples) {
      const contender = needsNetwork && !hasProxy ? `${name}, no proxy` : name;
      measured.push({ what, contender, unit: "ns", samples: own });
    }
  }
  return { measured, skipped };
}

/** The first run is not counted. */
async function time({ command, env }: Contender, once: string, times: number): Promise<number[]> {
  const script = `export TMPDIR=$PWD/tmp HOME=$PWD/tmp; mkdir -p "$TMPDIR"
for ((i = 0; i <= ${times}; i++)); do
  s=$EPOCHREALTIME; { ${once}; } >/dev/null || exit 1; e=$EPOCHREALTIME
  echo "took $((\${e/./} - \${s/./}))"
done`;
  const line = command(["bash", "-c", script]);
  const output = await mustRun(line, { env, clearEnv: true, timeoutMs: TIMEOUT_MS });
  const took = [...output.matchAll(/^took (\d+)$/gm)].map(([, us]) => Number(us) * 1000);
  if (took.length !== times + 1) throw new Error(`Cannot measure "${once}": ${output}`);
  return took.slice(1);
}

/** The agent of ours is a user of its own, who is to own the files. */
async function copyInto(source: string, folder: string): Promise<void> {
  const { uid, gid } = await Deno.stat(folder);
  for (const name of ["tree", "many.c", "app"]) {
    const options = { timeoutMs: TIMEOUT_MS };
    await mustRun(["cp", "-a", `${source}/${name}`, `${folder}/${name}`], options);
    await mustRun(["chown", "-R", `${uid}:${gid}`, `${folder}/${name}`], options);
  }
}

/** A server of files, or why there is none. */
class Registry implements AsyncDisposable {
  constructor(readonly peer: Peer | null, readonly reason: string | null) {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer?.stop();
  }
}

async function startRegistry(world: World, packages: number): Promise<Registry> {
  if (!hasTool("nginx")) return new Registry(null, `nginx is missing: ${INSTALL_HINT}`);
  const folder = `${world.folder}/registry`;
  const certificate = await world.authority.issue("registry", [HOST]);
  await makeRegistry(`${folder}/files`, packages);
  return new Registry(
    await startOrigin(folder, certificate, (line) => world.pair.onInternet(line)),
    null,
  );
}
