/**
 * Tests of documents of accepted risks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NOW } from "./fixtures.ts";
import { parseRisks } from "./parse_risks.ts";

const OK = {
  question: "private_reach",
  match: { rule: "db" },
  reason: "The database is ours",
  expires: "2027-01-31",
};

function parse(change: object, root: object = {}) {
  const text = JSON.stringify({ version: 1, risks: [{ ...OK, ...change }], ...root });
  return parseRisks(text, { now: NOW, claims: ["no-admin"] });
}

Deno.test.each<{ name: string; change: object; isExpired?: boolean }>([
  { name: "a built-in question", change: {} },
  { name: "a claim", change: { question: "claim:no-admin" } },
  {
    name: "every key of a match",
    change: {
      match: {
        rule: "db",
        endpoint: 0,
        host: "DB.example.com",
        port: 5432,
        binary: "/usr/bin/psql",
        method: "get",
        path: "/",
      },
    },
  },
  { name: "the last day that is allowed", change: { expires: "2027-11-25" } },
  { name: "the day itself, which still counts", change: { expires: "2026-11-24" } },
  { name: "a day that is over", change: { expires: "2026-11-23" }, isExpired: true },
])("parseRisks() takes $name", ({ change, isExpired = false }) => {
  const { risks, diagnostics } = parse(change);
  assert.deepEqual(diagnostics, []);
  assert.equal(risks?.[0]?.isExpired, isExpired);
});

Deno.test("parseRisks() compares hosts and methods in their canonical form", () => {
  const { risks } = parse({ match: { host: "DB.Example.com", method: "get" } });
  assert.deepEqual([risks?.[0]?.match.host, risks?.[0]?.match.method], ["db.example.com", "GET"]);
});

Deno.test.each<{ name: string; change?: object; root?: object; code: string }>([
  { name: "an unknown key", change: { because: "no" }, code: "unknown_key" },
  { name: "an unknown key of a match", change: { match: { hosts: "a" } }, code: "unknown_key" },
  { name: "an unknown key of the document", root: { more: 1 }, code: "unknown_key" },
  { name: "no version", root: { version: undefined }, code: "missing_key" },
  { name: "another version", root: { version: 2 }, code: "unsupported_version" },
  { name: "no risks", root: { risks: undefined }, code: "missing_key" },
  { name: "no question", change: { question: undefined }, code: "missing_key" },
  { name: "a question that does not exist", change: { question: "reach" }, code: "wrong_type" },
  { name: "a claim that is not asked", change: { question: "claim:x" }, code: "wrong_type" },
  { name: "no match", change: { match: undefined }, code: "missing_key" },
  { name: "a match of everything", change: { match: {} }, code: "missing_key" },
  { name: "a match of another type", change: { match: { port: "x" } }, code: "wrong_type" },
  { name: "no reason", change: { reason: undefined }, code: "missing_key" },
  { name: "an empty reason", change: { reason: "  " }, code: "wrong_type" },
  { name: "no date", change: { expires: undefined }, code: "missing_key" },
  { name: "a date with a time", change: { expires: "2027-01-31T00:00" }, code: "wrong_type" },
  { name: "a day that does not exist", change: { expires: "2027-02-30" }, code: "wrong_type" },
  { name: "a date too far away", change: { expires: "2027-11-26" }, code: "wrong_type" },
])("parseRisks() refuses $name", ({ change = {}, root = {}, code }) => {
  const { risks, diagnostics } = parse(change, root);
  assert.equal(risks, null);
  assert.deepEqual(diagnostics.map((one) => one.code), [code]);
});
