/**
 * The newest output of a process, for whoever attaches later.
 *
 * @module
 */

import type { ProcessOutput } from "./process_channel.ts";

type Output = Extract<ProcessOutput, { bytes: Uint8Array }>;

/** Keeps whole chunks, newest first to stay; the oldest go when `bytesMax` is passed. */
export class ReplayBuffer {
  readonly #chunks: Output[] = [];
  readonly #bytesMax: number;
  #bytes = 0;
  #dropped = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** True when older output is no longer there. */
  get isCut(): boolean {
    return this.#dropped;
  }

  add(chunk: Output): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.bytes.length;
    while (this.#bytes > this.#bytesMax && this.#chunks.length > 1) {
      this.#bytes -= this.#chunks.shift()!.bytes.length;
      this.#dropped = true;
    }
  }

  /** Oldest first. */
  chunks(): readonly Output[] {
    return [...this.#chunks];
  }
}
