import assert from "node:assert/strict";
import fc from "fast-check";
import { MarkerGuard } from "./marker_guard.ts";

/** Returns what went on, and whether a placeholder was found. */
function guard(text: string, cuts: readonly number[]): { passed: string; found: boolean } {
  const bytes = new TextEncoder().encode(text);
  const guarding = new MarkerGuard();
  const passed: number[] = [];
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    const result = guarding.push(bytes.slice(from, Math.max(from, cut)));
    if (result.kind === "found") return { passed: decode(passed), found: true };
    passed.push(...result.bytes);
    from = Math.max(from, cut);
  }
  return { passed: decode([...passed, ...guarding.end()]), found: false };
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder().decode(new Uint8Array(bytes));
}

Deno.test.each([
  { name: "raw", text: '{"key":"openshell:resolve:env:TOKEN"}' },
  { name: "in a form", text: "a=1&key=openshell%3Aresolve%3aenv%3ATOKEN" },
  { name: "with escaped colons", text: '"openshell\\u003aresolve\\u003Aenv\\u003aTOKEN"' },
  { name: "as an alias", text: "sk-OPENSHELL-RESOLVE-ENV-TOKEN" },
])("MarkerGuard finds a placeholder $name, however it is split", ({ text }) => {
  const cuts = fc.array(fc.nat(text.length), { maxLength: 40 });
  fc.assert(fc.property(cuts, (at) => {
    const { passed, found } = guard(text, at);
    assert.ok(found);
    assert.ok(!/openshell.{1,7}resolve.{1,7}env/i.test(passed), passed);
  }));
});

Deno.test("MarkerGuard passes everything else on, however it is split", () => {
  const piece = fc.constantFrom(
    "openshell",
    ":resolve",
    "%3A",
    "open",
    "o",
    "shell:",
    "x",
    "-",
    "é",
  );
  const text = fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(""))
    .filter((candidate) => !/openshell:resolve:env:|openshell-resolve-env-/i.test(candidate));
  fc.assert(fc.property(text, fc.array(fc.nat(200), { maxLength: 20 }), (sent, cuts) => {
    const within = cuts.filter((cut) => cut <= new TextEncoder().encode(sent).length);
    assert.deepEqual(guard(sent, within), { passed: sent, found: false });
  }));
});
