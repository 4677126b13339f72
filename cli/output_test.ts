import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { formatResult, formatTable } from "./output.ts";
import { isPrintable, printableLine, printableText } from "./printable.ts";
import { PLAIN } from "./style.ts";

/** What an attacker would like a terminal to obey: escape sequences, C1, turned text, new lines. */
const HOSTILE = "a\x1b[31mb\u009b2Jc\u202ed\r\n\u2028e: f";

function result(value: unknown): { value: unknown; text: () => string } {
  return { value, text: () => "text\n" };
}

Deno.test("formatResult() prints text, JSON and YAML, each with a final line feed", async (t) => {
  const value = { name: "x", list: [1, null, true], nested: { empty: [], no: "no" } };
  for (const format of ["table", "json", "yaml"] as const) {
    await t.assertSnapshot(await formatResult(result(value), format, PLAIN));
  }
});

Deno.test("formatResult() keeps any value, and lets nothing through that a terminal obeys", async () => {
  const value = fc.jsonValue({ stringUnit: "binary", depthSize: "small" });
  await fc.assert(
    fc.asyncProperty(value, fc.string(), async (inner, key) => {
      const whole = JSON.parse(JSON.stringify({ [`k${key}${HOSTILE}`]: inner, HOSTILE }));
      const json = await formatResult(result(whole), "json", PLAIN);
      const yaml = await formatResult(result(whole), "yaml", PLAIN);
      assert.deepEqual(JSON.parse(json), whole);
      assert.deepEqual(parse(yaml), whole);
      for (const line of [...json.split("\n"), ...yaml.split("\n")]) assert.ok(isPrintable(line));
    }),
    { numRuns: 50 },
  );
});

Deno.test("formatTable() aligns columns and escapes cells", async (t) => {
  const table = {
    headings: ["NAME", "STATUS"],
    rows: [["häuser-und-mehr", "ready"], ["b", HOSTILE], ["c"]],
  };
  await t.assertSnapshot(formatTable(table, PLAIN));
  assert.equal(formatTable({ headings: ["A"], rows: [] }, PLAIN), "A\n");
});

Deno.test("printableLine() escapes line feeds, printableText() keeps them", () => {
  assert.equal(printableLine("a\nb\u202e"), "a\\x0ab\\u{202e}");
  assert.equal(printableText("a\nb\x1b"), "a\nb\\x1b");
});
