/**
 * Makes a failing input small: leaves out ever smaller parts, then puts plain bytes for others.
 *
 * @module
 */

import { concat } from "./target.ts";

export interface ShrinkOptions {
  /** Tries at most. */
  readonly triesMax?: number;
  /** Milliseconds at most. */
  readonly msMax?: number;
}

/** Returns an input that still fails. */
export async function shrink(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
  { triesMax = 5000, msMax = 30_000 }: ShrinkOptions = {},
): Promise<Uint8Array> {
  const end = performance.now() + msMax;
  let best = input;
  let tries = 0;
  const isOver = () => tries >= triesMax || performance.now() > end;
  const attempt = async (candidate: Uint8Array) => {
    tries++;
    if (!await fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && !isOver();) {
      const shorter = concat(best.subarray(0, at), best.subarray(at + size));
      if (!await attempt(shorter)) at += size;
    }
  }
  for (let at = 0; at < best.length && !isOver(); at++) {
    if (best[at] === PLAIN) continue;
    const simpler = best.slice();
    simpler[at] = PLAIN;
    await attempt(simpler);
  }
  return best;
}

const PLAIN = 0x61;
