/**
 * Whole processes: `openshell --version` against a Deno script that does nothing.
 *
 * @module
 */

import type { Timing } from "./measure.ts";
import { timingOf } from "./measure.ts";
import type { Report } from "./report.ts";
import { duration, ratio, table } from "./table.ts";

const RUNS = 25;
const WARM_UP_RUNS = 3;
/** Most that the built file may take, in runs of an empty script. */
const VERSION_RATIO = 1.3;
const BUILT_FILE = new URL("../../dist/openshell", import.meta.url).pathname;

/** Runs both in turn, so that noise meets both alike. */
export async function processes(): Promise<Report> {
  try {
    await Deno.stat(BUILT_FILE);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { tables: ["Whole process: not run, dist/openshell is not there\n"], budgets: [] };
  }
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    return reportOf(
      ...await runInTurn([BUILT_FILE, "--version"], [
        Deno.execPath(),
        "run",
        "--no-config",
        script,
      ]),
    );
  } finally {
    await Deno.remove(script);
  }
}

async function runInTurn(
  first: readonly string[],
  second: readonly string[],
): Promise<[Timing, Timing]> {
  const samples: [number[], number[]] = [[], []];
  for (let i = -WARM_UP_RUNS; i < RUNS; i++) {
    for (const [index, command] of [first, second].entries()) {
      const ns = await run(command);
      if (i >= 0) samples[index]!.push(ns);
    }
  }
  return [timingOf(samples[0]), timingOf(samples[1])];
}

async function run([program, ...args]: readonly string[]): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command(program!, { args, stdout: "null", stderr: "null" })
    .output();
  if (!success) throw new Error(`Cannot measure "${program}": it failed`);
  return (performance.now() - start) * 1e6;
}

function reportOf(version: Timing, empty: Timing): Report {
  const median = version.medianNs / empty.medianNs;
  const fastest = version.fastestNs / empty.fastestNs;
  const rows = [
    ["empty Deno script", duration(empty.medianNs), duration(empty.fastestNs), ""],
    ["openshell --version", duration(version.medianNs), duration(version.fastestNs), ratio(median)],
  ];
  return {
    tables: [table("Whole process", ["", "median", "fastest", "ratio"], rows)],
    budgets: [
      { name: "openshell --version", unit: "ratio", limit: VERSION_RATIO, median, fastest },
    ],
  };
}
