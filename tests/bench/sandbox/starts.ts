/**
 * How long a sandbox takes to its first output, and what it holds, beside bubblewrap alone.
 *
 * @module
 */

import { run } from "../../e2e/support/commands.ts";
import { hasTool } from "../../e2e/support/requirements.ts";
import type { World } from "../../e2e/support/world.ts";
import type { Report } from "../report.ts";
import { duration, ratio, table } from "../table.ts";
import { INSTALL_HINT } from "./peers.ts";

const RUNS = 20;
const WARM_UP_RUNS = 2;
const SANDBOXES = 6;
/** Until a supervisor waits for the next sandbox. */
const POOL_PAUSE_MS = 1_500;
/** Beyond what bubblewrap alone takes. */
const RATIO_COLD = 2;
const WARM_NS_MAX = 60e6;
const MEMORY_BYTES_MAX = 10e6;

interface Contender {
  readonly name: string;
  readonly command: (run: number) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly pauseMs: number;
}

/** Measures from the start of the command line to the first byte that the sandboxed program writes. */
export async function starts({ machine }: World): Promise<Report> {
  const env = machine.environment;
  const once = (label: string) => (run: number) =>
    machine.command([
      ...["sandbox", "create", "--name", `${label}${run + WARM_UP_RUNS}`, "--no-keep"],
      ...["--", "/bin/echo", "hi"],
    ]);
  const contenders: Contender[] = [
    { name: "/bin/echo alone", command: () => ["/bin/echo", "hi"], pauseMs: 0 },
    ...hasTool("bwrap")
      ? [{ name: "bubblewrap", command: () => [...BUBBLEWRAP, "/bin/echo", "hi"], pauseMs: 0 }]
      : [],
    { name: "openshell --version", command: () => machine.command(["--version"]), env, pauseMs: 0 },
    { name: "openshell, back to back", command: once("cold"), env, pauseMs: 0 },
    { name: "openshell, one waiting", command: once("warm"), env, pauseMs: POOL_PAUSE_MS },
  ];
  const samples = contenders.map((): number[] => []);
  for (let i = -WARM_UP_RUNS; i < RUNS; i++) {
    for (const [index, contender] of contenders.entries()) {
      await new Promise((resolve) => setTimeout(resolve, contender.pauseMs));
      const ns = await timeToOutput(contender.command(i), contender.env);
      if (i >= 0) samples[index]!.push(ns);
    }
  }
  const found = samples.map((each) => each.toSorted((a, b) => a - b));
  const p50 = (index: number) => found[index]![RUNS >> 1]!;
  const p95 = (index: number) => found[index]![Math.floor(RUNS * 0.95)]!;
  const peer = contenders.findIndex(({ name }) => name === "bubblewrap");
  const rows = contenders.map(({ name }, index) => [
    name,
    duration(p50(index)),
    duration(p95(index)),
    peer < 0 ? "" : ratio(p50(index) / p50(peer)),
  ]);
  const head = ["", "p50", "p95", "of bubblewrap"];
  const note = peer < 0 ? `bubblewrap: not measured, it is missing: ${INSTALL_HINT}\n` : "";
  const [cold, warm] = [contenders.length - 2, contenders.length - 1];
  return {
    tables: [table("To the first output of the command", head, rows), note].filter((t) => t !== ""),
    budgets: [
      ...peer < 0 ? [] : [{
        name: "create, back to back, of bubblewrap",
        unit: "ratio" as const,
        limit: RATIO_COLD,
        median: p50(cold) / p50(peer),
        fastest: found[cold]![0]! / found[peer]![0]!,
      }],
      {
        name: "create with one waiting",
        unit: "ns",
        limit: WARM_NS_MAX,
        median: p50(warm),
        fastest: found[warm]![0]!,
      },
    ],
  };
}

/** A sandbox of the same kind: all namespaces, the machine read-only. */
export const BUBBLEWRAP = [
  ...["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr"],
  ...["--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64"],
  ...["/lib64", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
];

export async function timeToOutput(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> | undefined,
): Promise<number> {
  const start = performance.now();
  const child = new Deno.Command(program, {
    args,
    clearEnv: env !== undefined,
    env: { ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const ns = (performance.now() - start) * 1e6;
  reader.releaseLock();
  await child.stdout.cancel();
  await child.status;
  if (value === undefined) throw new Error(`Cannot measure "${program}": it wrote nothing`);
  return ns;
}

/** Measures the memory of all processes of OpenShell for each further sandbox that sleeps. */
export async function memory({ machine, pair }: World): Promise<Report> {
  const held = async () => {
    const sizes = (await pair.machineProcesses()).map(proportionalBytes);
    return sizes.reduce((sum, size) => sum + size, 0);
  };
  const create = (index: number) => machine.create(`held-${index}`);
  const settle = () => new Promise((resolve) => setTimeout(resolve, POOL_PAUSE_MS * 2));
  await create(0);
  await settle();
  const before = await held();
  for (let index = 1; index <= SANDBOXES; index++) await create(index);
  await settle();
  const each = (await held() - before) / SANDBOXES;
  const rows = [["openshell, each further sandbox", megabytes(each)]];
  const peer = await bubblewrapBytes();
  if (peer !== null) rows.push(["bubblewrap", megabytes(peer)]);
  for (let index = 0; index <= SANDBOXES; index++) {
    await run(machine.command(["sandbox", "delete", `held-${index}`]), {
      clearEnv: true,
      env: machine.environment,
    });
  }
  return {
    tables: [table("Memory beyond the agent's own (proportional set size)", ["", "MB"], rows)],
    budgets: [{
      name: "memory of a sandbox, of the budget",
      unit: "ratio",
      limit: 1,
      median: each / MEMORY_BYTES_MAX,
      fastest: each / MEMORY_BYTES_MAX,
    }],
  };
}

async function bubblewrapBytes(): Promise<number | null> {
  if (!hasTool("bwrap")) return null;
  const [program = "", ...args] = [...BUBBLEWRAP, "sleep", "60"];
  const child = new Deno.Command(program, { args, stdin: "null", stderr: "null" }).spawn();
  await new Promise((resolve) => setTimeout(resolve, 200));
  // It waits outside, and is init inside; the third is the agent's own.
  const { stdout } = await run(["pgrep", "-P", String(child.pid)]);
  const bytes = [child.pid, Number(stdout)].map(proportionalBytes);
  child.kill("SIGKILL");
  await child.status;
  return bytes.reduce((sum, size) => sum + size, 0);
}

export function proportionalBytes(pid: number): number {
  try {
    const [, kilobytes = "0"] = /^Pss:\s+(\d+)/m.exec(
      Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`),
    ) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0; // It has ended since.
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
