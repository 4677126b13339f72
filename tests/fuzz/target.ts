/**
 * What a fuzz target is: a source of inputs, and what has to hold for each of them.
 *
 * Every input is a byte string, whatever it stands for, so that mutation, shrinking, the corpus and
 * a re-run are the same for all targets. All randomness comes from the seed; `check` has none, so
 * that a failing input fails again. Where a check needs a choice, as where to split what it feeds,
 * it takes it from the input ({@link chanceOf}).
 *
 * @module
 */

import { Chance } from "../differential/generate.ts";

export interface Target {
  /** Of the command line and of the corpus folder. */
  readonly name: string;
  /** One sentence: what has to hold. */
  readonly holds: string;
  /** Inputs of the bounded run in the tests. */
  readonly iterations: number;
  /** Makes an input: mostly a valid one that is damaged a little. */
  readonly generate: (chance: Chance) => Uint8Array;
  /** Throws where something does not hold. */
  readonly check: (input: Uint8Array) => void | Promise<void>;
}

/** Returns choices that depend on the input alone. */
export function chanceOf(input: Uint8Array): Chance {
  let hash = 0x811c9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  return new Chance(hash);
}

/** Returns the bytes of a text whose characters are bytes. */
export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Returns bytes as a text of as many characters. */
export function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function utf8Bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Returns the text, with a mark in place of what is not UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Cuts bytes into pieces, down to single ones. */
export function split(bytes: Uint8Array, chance: Chance): readonly Uint8Array[] {
  const longest = chance.of([1, 2, 7, 64, 1024]);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + chance.below(longest);
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}
