/**
 * Takes out of an event stream the event that only says how many tokens were used.
 *
 * The backend was asked for it by OpenShell; a program that did not ask may not expect an event
 * without choices. What it holds back is at most one unfinished event.
 *
 * @module
 */

import { INFERENCE_METERED_BYTES_MAX } from "../../../proto/inference_limits.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const UTF8 = new TextDecoder();
const NOTHING = new Uint8Array(0);

export class UsageEventFilter {
  /** The start of an event whose end has not come. */
  #held: Uint8Array = NOTHING;
  #isOff = false;

  /** Returns what goes on now. */
  push(piece: Uint8Array): Uint8Array {
    if (this.#isOff) return piece;
    const bytes = concat([this.#held, piece]);
    const kept: Uint8Array[] = [];
    let start = 0;
    for (let end = endOfEvent(bytes, 0); end > 0; end = endOfEvent(bytes, start)) {
      const event = bytes.subarray(start, end);
      if (!isUsageOnly(event)) kept.push(event);
      start = end;
    }
    this.#held = bytes.slice(start);
    if (this.#held.length > INFERENCE_METERED_BYTES_MAX) {
      this.#isOff = true;
      kept.push(this.end());
    }
    return concat(kept);
  }

  /** Returns what was held back. */
  end(): Uint8Array {
    const held = this.#held;
    this.#held = NOTHING;
    return held;
  }
}

/** Returns the place after the next empty line, 0 where there is none. */
function endOfEvent(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LINE_FEED, from); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
    const next = bytes[at + 1] === CARRIAGE_RETURN ? at + 2 : at + 1;
    if (bytes[next] === LINE_FEED) return next + 1;
  }
  return 0;
}

function isUsageOnly(event: Uint8Array): boolean {
  const text = UTF8.decode(event);
  if (!/"usage"\s*:\s*\{/.test(text)) return false;
  const [, data = ""] = /^data:([^\r\n]*)\r?\n\r?\n$/.exec(text) ?? [];
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null && "choices" in value &&
      Array.isArray(value.choices) && value.choices.length === 0;
  } catch {
    return false;
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] ?? NOTHING;
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
