import assert from "node:assert/strict";
import fc from "fast-check";
import { SecretMask } from "./secret_mask.ts";

const SECRETS = ["sk-abcabcabd", "abcabcab"];

/** Returns what passes, and how often something was covered. */
function mask(text: string, cuts: readonly number[]): { passed: string; found: number } {
  let found = 0;
  const masking = new SecretMask(SECRETS, () => found += 1);
  const bytes = new TextEncoder().encode(text);
  const passed: number[] = [];
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    const to = Math.max(from, Math.min(cut, bytes.length));
    passed.push(...masking.push(bytes.slice(from, to)));
    from = to;
  }
  passed.push(...masking.end());
  return { passed: new TextDecoder().decode(new Uint8Array(passed)), found };
}

Deno.test("SecretMask covers secrets, however they are split, and keeps the length", () => {
  const pieces = fc.constantFrom(...SECRETS, "sk-", "abc", "ab", "x", "\n", "é");
  const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(fc.property(texts, fc.array(fc.nat(120), { maxLength: 20 }), (text, cuts) => {
    const { passed, found } = mask(text, cuts);
    const holds = SECRETS.some((secret) => text.includes(secret));
    assert.ok(SECRETS.every((secret) => !passed.includes(secret)), passed);
    assert.equal(found > 0, holds);
    if (!holds) assert.equal(passed, text);
    assert.equal(new TextEncoder().encode(passed).length, new TextEncoder().encode(text).length);
  }));
});

Deno.test("SecretMask leaves short values alone: they are in texts by chance", () => {
  const masking = new SecretMask(["on"], () => assert.fail());
  assert.ok(masking.isIdle);
  assert.equal(masking.text("one"), "one");
});
