/**
 * Reads credentials, config and times of expiry from flags. No error shows a value.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { printableLine } from "../printable.ts";
import { UsageError } from "../usage_error.ts";

type Texts = Readonly<Record<string, string>>;

/**
 * Returns values by key. `KEY` alone takes the variable's; `KEY=` is empty. Says so where a value
 * was typed.
 *
 * @throws {UsageError}
 */
export function parseCredentials(context: Context, texts: readonly string[]): Texts {
  const typed: string[] = [];
  const entries = texts.map((text): readonly [string, string] => {
    const equals = text.indexOf("=");
    const key = equals < 0 ? text : text.slice(0, equals);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
      throw new UsageError('Cannot use "--credential": it should be KEY or KEY=VALUE', {
        hint: "KEY is the name of a variable, as GITHUB_TOKEN",
      });
    }
    if (equals >= 0) {
      const value = text.slice(equals + 1);
      if (value !== "") typed.push(key);
      return [key, value];
    }
    const value = context.env(key) ?? "";
    if (value === "") {
      throw new UsageError(`Cannot use credential "${key}": the variable ${key} is not set`, {
        hint: `Set it where the shell keeps no history: read -rs ${key}; export ${key}`,
      });
    }
    return [key, value];
  });
  refuseTwice("credential", entries);
  if (typed.length > 0) {
    const names = typed.map(printableLine).join(", ");
    context.stderr.write(
      `! The value of ${names} is in the history of your shell now, and was visible to other ` +
        `programs\n→ Next time export it, and write --credential ${printableLine(typed[0]!)}\n`,
    );
  }
  return Object.fromEntries(entries);
}

/** Returns the config by key. @throws {UsageError} */
export function parseConfig(texts: readonly string[]): Texts {
  const entries = texts.map((text): readonly [string, string] => {
    const equals = text.indexOf("=");
    if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
    throw new UsageError('Cannot use "--config": it should be KEY=VALUE');
  });
  refuseTwice("config", entries);
  return Object.fromEntries(entries);
}

/** Returns times by key, in milliseconds since 1970; 0 is no end. @throws {UsageError} */
export function parseExpiries(texts: readonly string[]): Readonly<Record<string, number>> {
  const entries = texts.map((text): readonly [string, number] => {
    const equals = text.indexOf("=");
    const time = text.slice(equals + 1);
    const at = parseTime(time);
    if (equals > 0 && at !== null) return [text.slice(0, equals), at];
    throw new UsageError(
      'Cannot use "--credential-expires-at": it should be KEY=TIME, as TOKEN=2030-01-31T00:00:00Z',
    );
  });
  refuseTwice("credential-expires-at", entries);
  return Object.fromEntries(entries);
}

/** Returns milliseconds since 1970 of a time in RFC 3339 or of just that, `null` where it is none. */
export function parseTime(text: string): number | null {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const at = isTime ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? null : at;
}

/** @throws {UsageError} where a key is there twice. */
export function refuseTwice(flag: string, entries: readonly (readonly [string, unknown])[]): void {
  const keys = entries.map(([key]) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice === undefined) return;
  throw new UsageError(`Cannot use "--${flag}": ${printableLine(twice)} is given twice`);
}
