/**
 * Each machine against the function that canonicalises, on every short text over an alphabet that
 * holds all that matters, and on random longer ones.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { canonicalHost } from "../../policy-wasm/canonical/host.ts";
import { canonicalPath } from "../../policy-wasm/canonical/path.ts";
import {
  ENCODED_SLASH_TAG,
  executablePaths,
  graphqlNames,
  hostNames,
  LOOSE_TOOL_TAG,
  PLAIN_TAG,
  requestPaths,
  tagOf,
  texts,
  toolNames,
} from "./language.ts";

const PIECES = [
  "/",
  ".",
  "a",
  "%2F",
  "%5C",
  "%25",
  "%E0",
  "%80",
  "%F0",
  "%C0",
  "%3B",
  "%FF",
  "%41",
];

function* sequences(pieces: readonly string[], longest: number): Generator<string> {
  let level = [""];
  for (let length = 0; length <= longest; length++) {
    yield* level;
    level = length === longest ? [] : level.flatMap((text) => pieces.map((piece) => text + piece));
  }
}

for (const allowEncodedSlash of [false, true]) {
  Deno.test(`requestPaths(${allowEncodedSlash}) holds what canonicalPath gives back`, () => {
    const language = requestPaths(allowEncodedSlash);
    for (const rest of sequences(PIECES, 4)) {
      for (const text of [`/${rest}`, `/x/${rest}`]) {
        const form = canonicalPath(text, { allowEncodedSlash });
        const isFixed = form.ok && form.path === text && form.query === null;
        const want = !isFixed ? 0 : text.includes("%2F") ? ENCODED_SLASH_TAG : PLAIN_TAG;
        assert.equal(tagOf(language, text), want, text);
      }
    }
  });
}

Deno.test("requestPaths() agrees with canonicalPath about every byte", () => {
  const language = requestPaths(true);
  for (let byte = 0; byte < 256; byte++) {
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    for (const text of [`/a%${hex}b`, `/a${String.fromCharCode(byte)}b`, `/%${hex}`]) {
      const form = canonicalPath(text, { allowEncodedSlash: true });
      const isFixed = form.ok && form.path === text && form.query === null;
      assert.equal(tagOf(language, text) !== 0, isFixed, text);
    }
  }
});

Deno.test("hostNames() holds what canonicalHost gives back of names with a letter at their end", () => {
  const language = hostNames();
  for (const rest of sequences([".", "a", "0", "-", "_", "A", "*", "ü"], 4)) {
    const text = `${rest}.com`;
    const form = canonicalHost(text);
    assert.equal(tagOf(language, text) !== 0, form.ok && form.host === text, text);
  }
});

Deno.test.each([
  { language: executablePaths(), text: "/usr/bin/curl", want: PLAIN_TAG },
  { language: executablePaths(), text: "/usr/bin/ünï", want: PLAIN_TAG },
  { language: executablePaths(), text: "/usr/bin/...", want: PLAIN_TAG },
  { language: executablePaths(), text: "/", want: 0 },
  { language: executablePaths(), text: "/a//b", want: 0 },
  { language: executablePaths(), text: "/a/../b", want: 0 },
  { language: executablePaths(), text: "/a/.", want: 0 },
  { language: executablePaths(), text: "/a/", want: 0 },
  { language: executablePaths(), text: "a", want: 0 },
  { language: texts(), text: "", want: PLAIN_TAG },
  { language: texts(), text: "a\0", want: 0 },
  { language: texts(), text: "\u{10ffff}é", want: PLAIN_TAG },
  { language: graphqlNames(true), text: "", want: PLAIN_TAG },
  { language: graphqlNames(false), text: "", want: 0 },
  { language: graphqlNames(false), text: "__schema", want: PLAIN_TAG },
  { language: graphqlNames(false), text: "1a", want: 0 },
  { language: toolNames(), text: "a".repeat(128), want: PLAIN_TAG },
  { language: toolNames(), text: "a".repeat(129), want: LOOSE_TOOL_TAG },
  { language: toolNames(), text: "", want: LOOSE_TOOL_TAG },
  { language: toolNames(), text: "a b", want: LOOSE_TOOL_TAG },
])("tagOf() of $text is $want", ({ language, text, want }) => {
  assert.equal(tagOf(language, text), want);
});
