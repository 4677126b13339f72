/**
 * Looks for placeholders in bytes that pass, and holds back what may become one.
 *
 * Where bodies are not rewritten, a placeholder in one is a mistake or an attempt to have it resolved
 * elsewhere: nothing of it reaches the server, however the bytes are split.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

/** Begins every placeholder in a body: raw, in a form, or in JSON with its escape of a colon. */
const MARKERS: readonly Uint8Array[] = [
  "openshell:resolve:env:",
  "openshell%3Aresolve%3Aenv%3A",
  "openshell\\u003aresolve\\u003aenv\\u003a",
  "openshell-resolve-env-",
].map((text) => new TextEncoder().encode(text.toLowerCase()));

const EMPTY = new Uint8Array(0);

/** What one piece came to. */
export type Guarded =
  /** May go on now; what is missing at its end comes with the next piece. */
  | { readonly kind: "clean"; readonly bytes: Uint8Array }
  /** A placeholder begins here: nothing more may go on. */
  | { readonly kind: "found" };

export class MarkerGuard {
  /** A beginning of a marker at the end of what was seen. */
  #held: Uint8Array = EMPTY;

  /** Takes the next piece. */
  push(piece: Uint8Array): Guarded {
    const bytes = concat(this.#held, piece);
    const lower = toLower(bytes);
    if (MARKERS.some((marker) => indexOf(lower, marker) >= 0)) return { kind: "found" };
    const kept = longestBeginning(lower);
    this.#held = bytes.slice(bytes.length - kept);
    return { kind: "clean", bytes: bytes.subarray(0, bytes.length - kept) };
  }

  /** Returns what was held back: at the end it can become nothing any more. */
  end(): Uint8Array {
    const held = this.#held;
    this.#held = EMPTY;
    return held;
  }
}

/** Length of the longest end of `bytes` that a marker begins with. */
function longestBeginning(bytes: Uint8Array): number {
  let longest = 0;
  for (const marker of MARKERS) {
    for (let length = Math.min(marker.length - 1, bytes.length); length > longest; length--) {
      if (startsWith(marker, bytes.subarray(bytes.length - length))) longest = length;
    }
  }
  return longest;
}

function indexOf(bytes: Uint8Array, marker: Uint8Array): number {
  const first = marker[0]!;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (startsWith(bytes.subarray(at), marker)) return at;
  }
  return -1;
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return bytes.length >= beginning.length && beginning.every((byte, at) => bytes[at] === byte);
}

/** ASCII letters alone. */
function toLower(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
