/**
 * Paths and queries: one canonical form, the one under which a URL parser and lenient servers see
 * the same resource, so that no spelling gets past a deny rule.
 *
 * @module
 */

import assert from "node:assert/strict";
import { canonicalPath, type PathForm } from "../../../policy-wasm/canonical/path.ts";
import { decodeQuery } from "../../../policy-wasm/canonical/query.ts";
import { compilePolicy } from "../../../policy-wasm/compile.ts";
import { Evaluator } from "../../../policy-wasm/evaluator.ts";
import { answer } from "../../../policy-wasm/raw_question.ts";
import { mutate } from "../mutate.ts";
import { lenientPath } from "../support/check_recording.ts";
import { POLICY } from "../support/recorded_proxy.ts";
import { latin1Bytes, latin1Text, type Target } from "../target.ts";

const WORDS = [
  ..."/ // . .. /./ /../ ; ;a= ? # % %2e %2E %2f %2F %5c \\ %00 %0a %25 %252e %c0%ae %e0%80%af"
    .split(" "),
  ..."secret /secret %73ecret s%65cret /secret/ *  & = + %20 %26 %3b %3f %23 %ff http://a".split(
    " ",
  ),
  "\xc3\xa9",
  "\t",
  " ",
];

const PATHS = [
  "/",
  "/public/a",
  "/secret/key",
  "/a/../secret/key",
  "/a/b/../../secret?x=/../y",
  "/secret;v=1/key;a",
  "/a//b/./c/",
  "/a%2Fb%5Cc",
  "http://api.example.com/secret/key?a=b",
  "/~user/$&'()*+,=:@!-._",
];

export const PATH: Target = {
  name: "path",
  holds: "a path has one canonical form, and no spelling of it gets past a deny rule",
  iterations: 8_000,
  generate: (chance) => {
    const input = latin1Bytes(chance.of(PATHS));
    const other = latin1Bytes(chance.of(PATHS));
    return mutate(input, chance, { words: WORDS, other, changesMax: 6 });
  },
  check: (input) => {
    const text = latin1Text(input);
    for (const allowEncodedSlash of [false, true]) {
      const form = canonicalPath(text, { allowEncodedSlash });
      assert.deepEqual(canonicalPath(input, { allowEncodedSlash }), form, "bytes read differently");
      if (form.ok) checkForm(text, form, allowEncodedSlash);
    }
    checkDeny(text);
  },
};

type Form = Extract<PathForm, { ok: true }>;

function checkForm(raw: string, form: Form, allowEncodedSlash: boolean): void {
  const { path, query } = form;
  assert.match(path, /^\/[\x21-\x7e]*$/);
  const again = canonicalPath(path, { allowEncodedSlash });
  assert.ok(again.ok, "a canonical path is refused");
  assert.equal(again.path, path, "it has two canonical forms");
  // A browser, and all that takes URLs apart like one, finds the same path behind it.
  const url = new URL(`http://a${path}${query === null ? "" : `?${query}`}`);
  assert.equal(url.pathname, path, "a URL parser finds another path");
  assert.equal(url.hash, "");
  checkUrl(raw, path, allowEncodedSlash);
  checkQuery(query);
}

/** What a URL parser makes of the raw target has the same canonical form. */
function checkUrl(raw: string, path: string, allowEncodedSlash: boolean): void {
  if (isReadOtherwise(raw.replace(/^https?:\/\//i, "").split("?")[0]!)) return;
  const url = URL.parse(/^https?:/i.test(raw) ? raw : `http://a${raw}`);
  if (url === null) return;
  const form = canonicalPath(url.pathname, { allowEncodedSlash });
  assert.ok(form.ok, `a URL parser finds ${url.pathname}, which is refused`);
  assert.equal(form.path, path, "a URL parser finds another path");
}

/**
 * A URL parser takes backslashes for slashes, cuts off space, counts empty segments, and knows no
 * parameters; the one of Deno also never leaves a segment like the drive `a:`. What we send on has none of these, so that nobody can.
 */
function isReadOtherwise(path: string): boolean {
  return /[\s\0\\;]|\/\/|%3b|\/[a-z](?:[:|]|%3a|%7c)/i.test(path);
}

/** Values agree with those of a form decoder, but for what it mends and we refuse. */
function checkQuery(query: string | null): void {
  const form = decodeQuery(query);
  if (!form.ok || query === null) return;
  assert.deepEqual(form.pairs.map((pair) => [...pair]), [...new URLSearchParams(`?${query}`)]);
}

const EVALUATOR = new Evaluator(compilePolicy(POLICY).bytes);
const CALLER = { binary: "/usr/bin/curl", ancestors: [] };

/** No lenient server reads `/secret` in what goes on to it. */
function checkDeny(raw: string): void {
  for (const host of ["api.example.com", "slash.example.com"]) {
    const { decision, request } = answer(
      {
        generation: EVALUATOR.generation,
        connect: (caller, target) => EVALUATOR.connect(EVALUATOR.resolve(caller), target),
        request: (connection, asked) => EVALUATOR.request(connection, asked),
      },
      { caller: CALLER, host, port: 443, method: "GET", path: raw },
    );
    if (decision.verdict === "deny" || request === null) continue;
    const path = lenientPath(request.path);
    assert.ok(path !== "/secret" && !path.startsWith("/secret/"), `${request.path} is ${path}`);
  }
}
