/**
 * Reads what a program prints, for as long as that is of interest.
 *
 * A program may leave others running that hold its outputs for ever. Once it has ended, they are
 * given a moment, and then nobody reads any more.
 *
 * @module
 */

import { OUTPUT_LINGER_MS_MAX } from "../../../proto/limits.ts";
import type { JailExit } from "../launch/jail_spec.ts";
import type { JailProcess } from "../launch/jail.ts";
import type { ProcessOutput } from "./process_channel.ts";

type Chunk = Extract<ProcessOutput, { bytes: Uint8Array }>;

/** Gives each chunk to `take`, which may make the program wait; resolves at the program's end. */
export async function readOutput(
  process: JailProcess,
  take: (chunk: Chunk) => Promise<void>,
): Promise<JailExit> {
  const late = new AbortController();
  const outputs = Promise.all([
    readStream("stdout", { process, take, late: late.signal }),
    readStream("stderr", { process, take, late: late.signal }),
  ]);
  const ending = process.wait().then((exit) => {
    const grace = setTimeout(() => late.abort(), OUTPUT_LINGER_MS_MAX);
    void outputs.finally(() => clearTimeout(grace)).catch(() => {});
    return exit;
  });
  const [exit] = await Promise.all([ending, outputs]);
  return exit;
}

interface StreamOptions {
  readonly process: JailProcess;
  readonly take: (chunk: Chunk) => Promise<void>;
  readonly late: AbortSignal;
}

async function readStream(
  kind: "stdout" | "stderr",
  { process, take, late }: StreamOptions,
): Promise<void> {
  const reader = process[kind].getReader();
  const leave = () => void reader.cancel().catch(() => {});
  late.addEventListener("abort", leave);
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      await take({ kind, bytes: next.value });
    }
  } finally {
    late.removeEventListener("abort", leave);
  }
}
