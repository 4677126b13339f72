/**
 * One proof, cold and then warm. Cold means that its process has done nothing else.
 *
 * @module
 */

import process from "node:process";
import { prove } from "../../../prover/prove.ts";
import { type Asked, inputOf } from "./policies.ts";

/** What one process measured. */
export interface Measured {
  readonly coldMs: number;
  /** Time of all processors, which a busy machine does not stretch. */
  readonly coldCpuMs: number;
  /** Median of the proofs after it, `null` where there was no time for any. */
  readonly warmMs: number | null;
  readonly peakMb: number;
  /** Answers that are neither proved nor refuted. */
  readonly unknown: number;
  readonly cells: number;
}

const SLOW_MS = 4_000;
const WARM_RUNS = 3;

/** Proves once for the cold time, and some more times for the warm one. */
export async function runProof(
  asked: Asked,
  rules: number,
  engine: "exact" | "both",
): Promise<Measured> {
  const input = inputOf(asked, rules);
  const options = { engine, timeoutMs: 300_000 };
  const cpu = process.cpuUsage();
  const start = performance.now();
  const report = await prove(input, options);
  const coldMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const warm: number[] = [];
  for (let run = 0; run < WARM_RUNS && coldMs < SLOW_MS; run++) {
    const begin = performance.now();
    await prove(input, options);
    warm.push(performance.now() - begin);
  }
  warm.sort((a, b) => a - b);
  return {
    coldMs,
    coldCpuMs: (user + system) / 1000,
    warmMs: warm[warm.length >> 1] ?? null,
    peakMb: peakMb(),
    unknown: report.answers.filter(({ status }) => status === "unknown").length,
    cells: report.combinations,
  };
}

/** The most memory that the process ever had, as the kernel counts it. */
function peakMb(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
