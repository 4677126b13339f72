/**
 * Placeholders: what a sandbox has in the place of a credential.
 *
 * `openshell:resolve:env:KEY`, with a handle before the key where the value changes by itself, or as a
 * part of a word that has to look like a key: `sk-OPENSHELL-RESOLVE-ENV-KEY`. In a URL the colons may
 * be encoded.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

/** What every placeholder begins with, or holds. */
const MARKER = "openshell:resolve:env:";
const ALIAS_MARKER = "OPENSHELL-RESOLVE-ENV-";

/** The handle and the key, or the key alone. */
const REFERENCE = "(?:s[0-9a-f]{64}_|v[0-9]{1,20}_)?[A-Za-z_][A-Za-z0-9_]*";

/** An alias is a whole word; what is before the marker goes with it. */
const ALIAS_PREFIX = "[A-Za-z0-9._-]*";

const PLAIN = new RegExp(
  `${MARKER}(${REFERENCE})|${ALIAS_PREFIX}${ALIAS_MARKER}(${REFERENCE})`,
  "g",
);

const COLON = "(?::|%3[Aa])";
const ENCODED = new RegExp(
  `openshell${COLON}resolve${COLON}env${COLON}(${REFERENCE})|` +
    `${ALIAS_PREFIX}${ALIAS_MARKER}(${REFERENCE})`,
  "g",
);

/** Returns the placeholder of a credential; `handle` is empty where its value does not change. */
export function placeholderOf(key: string, handle: string): string {
  return MARKER + (handle === "" ? key : `${handle}_${key}`);
}

/** What stands for a placeholder where people read it. */
export const REDACTED = "[CREDENTIAL]";

export interface ReplaceOptions {
  /** `url` also knows colons that are encoded. */
  readonly in: "text" | "url";
  /** Returns what takes the place of a reference. */
  readonly by: (reference: string) => string;
}

/** Replaces each placeholder of a text. */
export function replacePlaceholders(text: string, { in: where, by }: ReplaceOptions): string {
  if (!mayHoldPlaceholder(text)) return text;
  const pattern = where === "url" ? ENCODED : PLAIN;
  return text.replaceAll(pattern, (_, plain?: string, alias?: string) => by(plain ?? alias ?? ""));
}

/**
 * Whether a text holds a marker, in this form or under up to two layers of percent-encoding. What a
 * server might decode into a placeholder must not get there.
 */
export function holdsMarker(text: string): boolean {
  let form = text;
  for (let layer = 0; layer <= 2; layer++) {
    if (mayHoldPlaceholder(form)) return true;
    if (!form.includes("%")) return false;
    const decoded = form.replaceAll(
      /%([2-7][0-9A-Fa-f])/g,
      (_, digits) => String.fromCharCode(parseInt(digits, 16)),
    );
    if (decoded === form) return false;
    form = decoded;
  }
  return mayHoldPlaceholder(form);
}

/** Returns the text as people may read it. */
export function redact(text: string): string {
  return replacePlaceholders(text, { in: "url", by: () => REDACTED });
}

function mayHoldPlaceholder(text: string): boolean {
  return /openshell(?::|%3a)resolve|openshell-resolve-env-/i.test(text);
}
