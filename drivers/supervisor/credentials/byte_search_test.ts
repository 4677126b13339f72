import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteSearch } from "./byte_search.ts";

const LETTERS = fc.array(fc.constantFrom("a", "b", "A", "B"), { maxLength: 40 });
const PATTERN = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 6 });

function bytesOf(letters: readonly string[]): Uint8Array {
  return new TextEncoder().encode(letters.join(""));
}

Deno.test("ByteSearch.find() finds what a search letter by letter finds", () => {
  fc.assert(
    fc.property(LETTERS, PATTERN, fc.nat(40), fc.boolean(), (text, pattern, from, folds) => {
      const search = new ByteSearch(bytesOf(pattern), { ignoresCase: folds });
      const plain = folds ? text.join("").toLowerCase() : text.join("");
      const start = Math.min(from, text.length);
      assert.equal(search.find(bytesOf(text), start), plain.indexOf(pattern.join(""), start));
    }),
  );
});

Deno.test("ByteSearch.beginningAtEnd() finds the longest beginning", () => {
  fc.assert(fc.property(LETTERS, PATTERN, (text, pattern) => {
    const [plain, wanted] = [text.join("").toLowerCase(), pattern.join("")];
    let want = Math.min(plain.length, wanted.length - 1);
    while (want > 0 && !plain.endsWith(wanted.slice(0, want))) want -= 1;
    const search = new ByteSearch(bytesOf(pattern), { ignoresCase: true });
    assert.equal(search.beginningAtEnd(bytesOf(text)), want);
  }));
});
