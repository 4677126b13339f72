/**
 * Claims documents that are refused, each at its place and in its words.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { parse } from "yaml";
import { parseClaims } from "../../prover/claims/parse_claims.ts";
import { Fields } from "../cases/fields.ts";

const FILE = "refused_claims.yaml";
const TEXT = Deno.readTextFileSync(new URL(FILE, import.meta.url));
const DOCUMENT = new Fields(parse(TEXT), FILE);

for (const [index, value] of DOCUMENT.list("cases").entries()) {
  const fields = new Fields(value, `Case ${index + 1} of ${FILE}`);
  Deno.test(`parseClaims() refuses ${fields.text("name")}`, () => {
    const { claims, diagnostics } = parseClaims(fields.text("text"));
    assert.equal(claims, null);
    const error = diagnostics.find(({ severity }) => severity === "error")!;
    const { line, column, code, message } = error;
    const want = {
      at: fields.text("at"),
      code: fields.text("code"),
      message: fields.text("message"),
    };
    fields.end();
    assert.deepEqual({ at: `${line}:${column}`, code, message }, want);
  });
}
