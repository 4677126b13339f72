/**
 * Reads a mapping of a case file key by key. What is missing, of another type or left over fails
 * an assertion that names the place, so that a misspelt key cannot weaken a case.
 *
 * @module
 */

import assert from "node:assert/strict";

/** One mapping, and the keys of it that were read so far. */
export class Fields {
  readonly #map: Readonly<Record<string, unknown>>;
  readonly #where: string;
  readonly #read = new Set<string>();

  constructor(value: unknown, where: string) {
    assert.ok(isMap(value), `${where} has to be a mapping`);
    this.#map = value;
    this.#where = where;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#map, key);
  }

  /** The value of a key, whatever it is. */
  any(key: string): unknown {
    assert.ok(this.has(key), `${this.#where} has no "${key}"`);
    this.#read.add(key);
    return this.#map[key];
  }

  text(key: string, fallback?: string): string {
    if (fallback !== undefined && !this.has(key)) return fallback;
    const value = this.any(key);
    assert.ok(typeof value === "string", `${this.#place(key)} has to be text`);
    return value;
  }

  number(key: string): number {
    const value = this.any(key);
    assert.ok(Number.isInteger(value), `${this.#place(key)} has to be a whole number`);
    return value as number;
  }

  flag(key: string, fallback: boolean): boolean {
    if (!this.has(key)) return fallback;
    const value = this.any(key);
    assert.ok(typeof value === "boolean", `${this.#place(key)} has to be true or false`);
    return value;
  }

  /** A word of a closed set. */
  word<Word extends string>(key: string, words: readonly Word[]): Word {
    const value = this.any(key);
    const word = words.find((candidate) => candidate === value);
    assert.ok(word !== undefined, `${this.#place(key)} has to be one of ${words.join(", ")}`);
    return word;
  }

  list(key: string): readonly unknown[] {
    const value = this.any(key);
    assert.ok(Array.isArray(value), `${this.#place(key)} has to be a list`);
    return value;
  }

  texts(key: string, fallback?: readonly string[]): readonly string[] {
    if (fallback !== undefined && !this.has(key)) return fallback;
    return this.list(key).map((value) => {
      assert.ok(typeof value === "string", `${this.#place(key)} has to hold texts`);
      return value;
    });
  }

  /** The value of a key as a mapping of its own; its reader calls {@link end} on it. */
  fields(key: string): Fields {
    return new Fields(this.any(key), this.#place(key));
  }

  keys(): readonly string[] {
    return Object.keys(this.#map);
  }

  /** Asserts that no key is left over. */
  end(): void {
    const unknown = this.keys().filter((key) => !this.#read.has(key));
    assert.deepEqual(unknown, [], `${this.#where} has unknown keys`);
  }

  #place(key: string): string {
    return `"${key}" of ${this.#where}`;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
