import assert from "node:assert/strict";
import { nearest, suggest } from "./nearest.ts";

Deno.test.each([
  { word: "endpoint", want: "endpoints" },
  { word: "enpdoints", want: "endpoints" },
  { word: "readOnly", want: "read_only" },
  { word: "READ-ONLY", want: "read_only" },
  { word: "read", want: null },
  { word: "x", want: null },
  { word: "", want: null },
  { word: "a".repeat(1000), want: null },
])("nearest() to $word is $want", ({ word, want }) => {
  assert.equal(nearest(word, ["endpoints", "read_only", "read_write", "host"]), want);
});

Deno.test.each([
  { word: "chekc", want: "check" },
  { word: "complie", want: "compile" },
  { word: "explian", want: "explain" },
  { word: "fmtt", want: "fmt" },
  { word: "dif", want: "diff" },
  { word: "zzz", want: null },
])("nearest() to command $word is $want", ({ word, want }) => {
  assert.equal(nearest(word, ["check", "explain", "fmt", "diff", "compile"]), want);
});

Deno.test.each([
  { word: "LIST", candidates: ["POST", "GET"] },
  { word: "READ", candidates: ["HEAD"] },
  { word: "FETCH", candidates: ["PATCH"] },
  { word: "REMOVE", candidates: ["MOVE"] },
  { word: "tools", candidates: ["tls"] },
  { word: "auth", candidates: ["path"] },
])("nearest() to $word is none of $candidates", ({ word, candidates }) => {
  assert.equal(nearest(word, candidates), null);
});

Deno.test.each([
  { word: "http", want: "rest" },
  { word: "HTTPS", want: "rest" },
  { word: "rst", want: "rest" },
  { word: "tpc", want: null },
  { word: "ful", want: null },
  { word: "skp", want: null },
  { word: "audti", want: null },
  { word: "", want: null },
])("suggest() answers $word with $want", ({ word, want }) => {
  assert.equal(suggest(word, ["tcp", "*", "full", "skip", "audit", "rest"]), want);
});
