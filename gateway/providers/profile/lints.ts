/**
 * Collects what is wrong with a profile beyond its shape.
 *
 * @module
 */

import { rangeOf, type Source, type Span } from "../../../policy-wasm/parse/source.ts";
import type { Field } from "../../../policy-wasm/parse/tree.ts";
import type { ProfileDiagnostic } from "./profile.ts";

export class Lints {
  readonly #source: Source;
  readonly #list: ProfileDiagnostic[] = [];

  constructor(source: Source) {
    this.#source = source;
  }

  get list(): readonly ProfileDiagnostic[] {
    return this.#list;
  }

  /** Records one error, at a field or at a place in the text. */
  add(place: Field | Span, message: string, fix: string | null = null): void {
    const span = "node" in place ? place.span : place;
    const path = "node" in place ? place.path : "";
    const code = "invalid_profile";
    const range = rangeOf(this.#source, span);
    this.#list.push({ severity: "error", code, message, path, ...range, fix });
  }
}
