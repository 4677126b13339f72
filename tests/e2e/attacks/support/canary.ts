/**
 * Text that must not leave a sandbox, and the forms that an attacker may give it on the way.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** Returns fresh text: letters and digits alone, so that it is the same in every protocol. */
export function makeCanary(): string {
  return `canary${crypto.randomUUID().replaceAll("-", "")}`;
}

/** Returns the text, and what it looks like encoded. In lower case, as `holdsCanary` compares. */
function canaryForms(canary: string): readonly string[] {
  const bytes = Buffer.from(canary);
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const forms = [
    canary,
    [...canary].reverse().join(""),
    bytes.toString("hex"),
    percent,
    ...[0, 1, 2].map((offset) => base64At(bytes, offset)),
  ];
  return forms.map((form) => form.toLowerCase());
}

/** Returns whether text holds the canary in any form. */
export function holdsCanary(text: string, canary: string): boolean {
  const lower = text.toLowerCase();
  return canaryForms(canary).some((form) => lower.includes(form));
}

/** Returns what Base64 always has of bytes that follow so many others, without its ragged edges. */
function base64At(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64").replace(/=+$/, "");
  return text.slice(offset === 0 ? 0 : offset + 1, -1);
}
