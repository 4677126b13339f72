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

import { ByteSearch } from "./byte_search.ts";

const FIRST_WORD = "openshell";
const WORDS = [FIRST_WORD, "resolve", "env"].map(bytesOf);

/** Between the words: raw, in a form once or twice encoded, in JSON with its escape, in an alias. */
const SEPARATORS = [":", "%3a", "%253a", "\\u003a", "-"].map(bytesOf);

const SEARCH = new ByteSearch(bytesOf(FIRST_WORD), { ignoresCase: true });
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

  /** Takes the next piece. What it returns may be a part of that, and is good for as long. */
  push(piece: Uint8Array): Guarded {
    const bytes = this.#held.length === 0 ? piece : concat(this.#held, piece);
    for (let at = SEARCH.find(bytes); at >= 0; at = SEARCH.find(bytes, at + 1)) {
      const reach = reachOf(bytes, at);
      if (reach === "marker") return { kind: "found" };
      if (reach === "beginning") return this.#hold(bytes, at);
    }
    return this.#hold(bytes, bytes.length - SEARCH.beginningAtEnd(bytes));
  }

  /** Returns what was held back: at the end it can become nothing any more. */
  end(): Uint8Array {
    const held = this.#held;
    this.#held = EMPTY;
    return held;
  }

  #hold(bytes: Uint8Array, from: number): Guarded {
    this.#held = from === bytes.length ? EMPTY : bytes.slice(from);
    return { kind: "clean", bytes: bytes.subarray(0, from) };
  }
}

/** How far the bytes from here on make up a marker, whose first word is there. */
function reachOf(bytes: Uint8Array, start: number): "marker" | "beginning" | "nothing" {
  let at = start;
  for (const word of WORDS) {
    const afterWord = skip(bytes, at, word);
    if (typeof afterWord === "string") return afterWord;
    let next: Skipped = "nothing";
    for (const separator of SEPARATORS) {
      const skipped = skip(bytes, afterWord, separator);
      if (skipped !== "nothing") next = skipped;
    }
    if (typeof next === "string") return next;
    at = next;
  }
  return "marker";
}

/** The place behind a text, or that it is not there, or that the bytes end inside of it. */
type Skipped = number | "beginning" | "nothing";

function skip(bytes: Uint8Array, from: number, text: Uint8Array): Skipped {
  for (let at = 0; at < text.length; at += 1) {
    const byte = bytes[from + at];
    if (byte === undefined) return "beginning";
    if ((byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte) !== text[at]) return "nothing";
  }
  return from + text.length;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
