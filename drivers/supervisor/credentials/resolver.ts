/**
 * Resolves the placeholders of one request, and keeps count of what it gave.
 *
 * @module
 */

import type { CredentialSet, Place } from "./credential_set.ts";
import { holdsMarker, replacePlaceholders } from "./placeholder.ts";
import { Refusal } from "./refusal.ts";

export interface ResolverOptions {
  readonly set: CredentialSet;
  readonly place: Place;
  readonly nowMs: number;
  /** Of all values together: many placeholders of a long value would fill the memory. */
  readonly valueBytesMax: number;
}

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #keys = new Set<string>();
  readonly #secrets = new Set<string>();
  #remaining: number;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#remaining = options.valueBytesMax;
  }

  /** Keys whose values were given. */
  get keys(): readonly string[] {
    return [...this.#keys];
  }

  /** What must not come back: the values in each form in which they were sent. */
  secrets(): readonly string[] {
    return [...this.#secrets];
  }

  /** Takes a further form of a value. */
  addSecret(form: string): void {
    this.#secrets.add(form);
  }

  /** Returns the value of a reference. @throws {Refusal} where it has none here. */
  resolve(reference: string): string {
    const { set, place, nowMs } = this.#options;
    const resolution = set.resolve(reference, place, nowMs);
    if (!resolution.ok) throw new Refusal(resolution.problem, resolution.key);
    const { key, value } = resolution;
    this.#remaining -= value.length;
    if (this.#remaining < 0) throw new Refusal("request_too_large", key);
    this.#keys.add(key);
    this.#secrets.add(value);
    return value;
  }

  /**
   * Replaces the placeholders of a text.
   *
   * INVARIANT: what is left holds no marker, or a server could be led to make one of it.
   */
  replaceAll(
    text: string,
    where: "text" | "url",
    by: (reference: string) => string = (reference) => this.resolve(reference),
  ): string {
    if (!holdsMarker(text)) return text;
    const without = replacePlaceholders(text, { in: where, by: () => "" });
    const replaced = replacePlaceholders(text, { in: where, by });
    if (holdsMarker(without)) throw new Refusal("credential_misplaced", null);
    return replaced;
  }
}
