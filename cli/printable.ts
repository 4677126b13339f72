/**
 * Makes text from elsewhere safe to show on a terminal.
 *
 * A policy file or an argument may hold escape sequences that move the cursor, change colours or
 * turn the reading direction, and so make a person read something else than what is there.
 *
 * @module
 */

/** C0 and C1 controls, line and paragraph separators, marks that turn the reading direction. */
// deno-lint-ignore no-control-regex -- control characters are what this is about
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** True when nothing in the text needs an escape. */
export function isPrintable(text: string): boolean {
  return text.search(UNSAFE) < 0;
}

/** Returns one line: every unsafe character as `\xNN` or `\u{NNNN}`, the line feed included. */
export function printableLine(text: string): string {
  return text.replaceAll(UNSAFE, escapeCharacter);
}

/** Returns the same text with its line feeds, everything else escaped as in a line. */
export function printableText(text: string): string {
  return text.split("\n").map(printableLine).join("\n");
}

/** Returns JSON text of the same value without unsafe characters. It is still the same value. */
export function printableJson(json: string): string {
  return json.replaceAll(
    UNSAFE,
    (character) => character === "\n" ? character : `\\u${hex(character, 4)}`,
  );
}

function escapeCharacter(character: string): string {
  return character <= "\u00ff" ? `\\x${hex(character, 2)}` : `\\u{${hex(character, 4)}}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
