/**
 * What validators share: values with their places, and words from a closed set.
 *
 * @module
 */

import type { DiagnosticCode } from "../diagnostic_code.ts";
import type { Findings } from "../parse/findings.ts";
import { suggest } from "../parse/nearest.ts";
import type { Read } from "../parse/reader.ts";
import { quote } from "../parse/source.ts";
import type { Field } from "../parse/tree.ts";

/** A value that was read, and where. */
export interface Placed<T> {
  readonly field: Field;
  readonly value: T;
}

/** Returns those items of a list that could be read. */
export function readable<T>(list: Read<readonly Read<T>[]>): Placed<T>[] {
  return (list.value ?? []).flatMap(({ field, value }) =>
    value === undefined ? [] : [{ field, value }]
  );
}

/** Returns the value where it was written and could be read. */
export function placed<T>(read: Read<T>): Placed<T> | null {
  return read.value === undefined ? null : { field: read.field, value: read.value };
}

/** Returns the word if it is one of the set; otherwise reports it with the nearest one. */
export function oneOf<Word extends string>(
  { field, value }: Placed<string>,
  words: readonly Word[],
  { code, findings }: { readonly code: DiagnosticCode; readonly findings: Findings },
): Word | undefined {
  const word = words.find((candidate) => candidate === value);
  if (word !== undefined) return word;
  const expected = words.join(", ").replace(/, ([^,]*)$/, " or $1");
  const message = `${quote(value)} is not known here, should be ${expected}`;
  findings.add(code, field, message, { fix: suggest(value, words) });
  return undefined;
}

/** Reports entries that their list has already, by what they mean. */
export function warnDuplicates(
  items: readonly { readonly field: Field; readonly key: string | number }[],
  findings: Findings,
): void {
  const seen = new Set<string | number>();
  for (const { field, key } of items) {
    if (seen.has(key)) {
      findings.add("duplicate_entry", field, `${key} is in the list already`, { fix: "remove it" });
    }
    seen.add(key);
  }
}

/** Returns the length of text as UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
