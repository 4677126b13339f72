import assert from "node:assert/strict";
import fc from "fast-check";
import { PATH_BYTES_MAX } from "../../proto/limits.ts";
import { canonicalPath } from "./path.ts";

const STRICT = { allowEncodedSlash: false };
const LENIENT = { allowEncodedSlash: true };

Deno.test.each([
  // 1. Forms of the target.
  ["/", "/"],
  ["", "/"],
  ["/a/b", "/a/b"],
  ["http://h", "/"],
  ["http://h/", "/"],
  ["http://h/a", "/a"],
  ["HTTPS://h:8443/a/../b", "/b"],
  ["https://[::1]:8443//a", "/a"],
  ["/http://h/a", "/http:/h/a"],
  ["//h/a", "/h/a"],
  ["/*", "/*"],
  // 3. Escapes.
  ["/%61%2D%2e%5F%7e", "/a-._~"],
  ["/%40%3a%21%24", "/@:!$"],
  ["/-._~!$&'()*+,=:@", "/-._~!$&'()*+,=:@"],
  ["/a%20b", "/a%20b"],
  ["/a b", "/a%20b"],
  ['/"<>[]^`{|}', "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"],
  ["/%c3%bc", "/%C3%BC"],
  ["/%ff", "/%FF"],
  ["/%3f%23", "/%3F%23"],
  ["/%25", "/%25"],
  ["/%2520", "/%2520"],
  ["/%252e%252e/a", "/%252e%252e/a"],
  ["/%252F", "/%252F"],
  ["/a%5cb", "/a%5Cb"],
  ["/a\\b", "/a%5Cb"],
  // 4. Parameters.
  ["/a;x=1", "/a"],
  ["/a;x=1/b;y", "/a/b"],
  ["/a;x;y/b", "/a/b"],
  ["/a%3Bx/b", "/a/b"],
  ["/;x/a", "/a"],
  ["/a/;x", "/a/"],
  ["/a/b/..;x", "/a/"],
  ["/a/..;x/b", "/b"],
  ["/a/%2e%2e;/b", "/b"],
  ["/a/.;x/b", "/a/b"],
  ["/a;..", "/a"],
  // 5. Dot segments and slashes.
  ["/.", "/"],
  ["/./", "/"],
  ["/a/.", "/a/"],
  ["/a/./b", "/a/b"],
  ["/a/..", "/"],
  ["/a/b/..", "/a/"],
  ["/a/b/../", "/a/"],
  ["/a/../b", "/b"],
  ["/a/b/../../c", "/c"],
  ["/a/%2e%2e/b", "/b"],
  ["/a/.%2E/b", "/b"],
  ["/a/%2E/b", "/a/b"],
  ["/a//b", "/a/b"],
  ["//", "/"],
  ["///a///", "/a/"],
  ["/a//..", "/"],
  ["/a//../b", "/b"],
  ["/...", "/..."],
  ["/.a/..b/c..", "/.a/..b/c.."],
  ["/a.", "/a."],
  ["/.git/config", "/.git/config"],
  ["/a/%20../b", "/a/%20../b"],
])("canonicalPath() %j is %s", (raw, want) => {
  const form = { ok: true, path: want, query: null, encodedSlash: false };
  assert.deepEqual(canonicalPath(raw, STRICT), form);
  assert.deepEqual(canonicalPath(new TextEncoder().encode(raw), STRICT), form);
});

Deno.test.each(
  [
    // 1. Forms of the target.
    ["*", /names no path/],
    ["a/b", /neither a path nor/],
    ["example.com:443", /neither a path nor/],
    ["ftp://h/a", /neither a path nor/],
    ["http:/h/a", /neither a path nor/],
    ["http:h", /neither a path nor/],
    ["wss://h/a", /neither a path nor/],
    [" /a", /neither a path nor/],
    ["\\a", /neither a path nor/],
    ["%2Fa", /neither a path nor/],
    ["http://", /authority/],
    ["http:///a", /authority/],
    ["http://u@h/a", /authority/],
    ["http://h\\@g/a", /authority/],
    ["http://h%2eg/a", /authority/],
    ["http://h g/a", /authority/],
    ["http://h#/a", /authority/],
    ["http://ｈ/a", /authority/],
    // 2. Bytes.
    ["/a#b", /fragment/],
    ["/ü", /beyond ASCII/],
    ["/a／b", /beyond ASCII/],
    ["/\u0100", /beyond ASCII/],
    ["/a\0", /control/],
    ["/a\tb", /control/],
    ["/a\r\nb", /control/],
    ["/a\x7f", /control/],
    ["/a%00", /control/],
    ["/a%0A", /control/],
    ["/a%0d", /control/],
    ["/a%1F", /control/],
    ["/a%7f", /control/],
    ["/a%09", /control/],
    // 3. Escapes.
    ["/%", /without two hexadecimal/],
    ["/%4", /without two hexadecimal/],
    ["/%4/", /without two hexadecimal/],
    ["/%g1", /without two hexadecimal/],
    ["/%u002e", /without two hexadecimal/],
    ["/%%41", /without two hexadecimal/],
    ["/a%2Fb", /encoded slash$/],
    ["/a%2fb", /encoded slash$/],
    ["/a;b%2fc", /encoded slash$/],
    ["/a/..%2fb", /encoded slash$/],
    // 5. Above the root.
    ["/..", /above its root/],
    ["/../a", /above its root/],
    ["/a/../..", /above its root/],
    ["/a/../../b", /above its root/],
    ["/%2e%2e", /above its root/],
    ["/..;x/a", /above its root/],
    ["//..", /above its root/],
    ["http://h/../a", /above its root/],
    // Stricter: backslashes.
    ["/a/..\\b", /dot segment next to/],
    ["/a/..%5c", /dot segment next to/],
    ["/a/%5c..", /dot segment next to/],
    ["/a/%5C%2e%2e%5Cb", /dot segment next to/],
    ["/a/b\\..", /dot segment next to/],
    ["/a/b\\.\\c", /dot segment next to/],
    ["/..\\;x", /dot segment next to/],
    // Stricter: overlong UTF-8.
    ["/%c0%ae%c0%ae/a", /overlong/],
    ["/%c0%af", /overlong/],
    ["/%c1%9c", /overlong/],
    ["/%e0%80%af", /overlong/],
    ["/%f0%80%80%ae", /overlong/],
    // 7. The query.
    ["/a?b c", /query/],
    ["/a?b#c", /query/],
    ["/a?\r\n", /query/],
    ["/a?ü", /query/],
    ["/a?\0", /query/],
  ] as const,
)("canonicalPath() refuses %j", (raw, want) => {
  for (const form of [raw, new TextEncoder().encode(raw)]) {
    const got = canonicalPath(form, STRICT);
    assert.ok(!got.ok);
    assert.match(got.detail, want);
  }
});

Deno.test.each([
  ["/a%2fb", "/a%2Fb", true],
  ["/%2F", "/%2F", true],
  ["/a%2F%2Fb", "/a%2F%2Fb", true],
  ["/a%2Fb/../c", "/c", true],
  ["/a;b%2fc", "/a", true],
  ["/a%252Fb", "/a%252Fb", false],
  ["/a/b", "/a/b", false],
  ["/a%2F...", "/a%2F...", true],
  ["/a%2F..;/b", null, true],
  ["/a/..%2fb", null, true],
  ["/a/..%2F", null, true],
  ["/a/%2F..", null, true],
  ["/a/x%2f%2e%2e%2fb", null, true],
  ["/a/.%2fb", null, true],
  ["/a%5c..%2f", null, true],
])("canonicalPath() with allowEncodedSlash: %j is %j", (raw, path, encodedSlash) => {
  const got = canonicalPath(raw, LENIENT);
  if (path === null) assert.ok(!got.ok && /dot segment next to/.test(got.detail));
  else assert.deepEqual(got, { ok: true, path, query: null, encodedSlash });
});

Deno.test.each([
  ["/a?", "/a", ""],
  ["/a?b=1&c=%2e%2e", "/a", "b=1&c=%2e%2e"],
  ["/a/../b?x=../../y", "/b", "x=../../y"],
  ["/a?b?c", "/a", "b?c"],
  ["?a=1", "/", "a=1"],
  ["http://h?a=1", "/", "a=1"],
  ["http://h/a?u=http://g/", "/a", "u=http://g/"],
  ["/a?%", "/a", "%"],
  ["/a?%2f\\;", "/a", "%2f\\;"],
])("canonicalPath() %j has path %j and query %j", (raw, path, query) => {
  assert.deepEqual(canonicalPath(raw, STRICT), { ok: true, path, query, encodedSlash: false });
});

Deno.test("canonicalPath() takes PATH_BYTES_MAX bytes and no more, in and out", () => {
  const longest = `/${"a".repeat(PATH_BYTES_MAX - 1)}`;
  assert.equal(canonicalPath(longest, STRICT).ok, true);
  assert.equal(canonicalPath(`http://host${longest}?q`, STRICT).ok, true);
  assert.equal(canonicalPath(`${longest}a`, STRICT).ok, false);
  assert.equal(canonicalPath(`/a/../${longest}`, STRICT).ok, false);
  const growing = `/${" ".repeat(PATH_BYTES_MAX / 2)}`;
  assert.deepEqual(canonicalPath(growing, STRICT), {
    ok: false,
    detail: `The path is longer than ${PATH_BYTES_MAX} bytes`,
  });
});

const PIECE = fc.constantFrom(
  ...["a", "B", "/", "//", ".", "..", "/../", "/./", ";", "%2e", "%2F", "%2f", "%5c", "\\", "%25"],
  ...["%3B", "%20", " ", "%c3%bc", "%ff", "%41", "~", "?", "%", "%C0", "%E0", "%a0", "*", "@"],
);
const TARGET = fc.array(PIECE, { maxLength: 16 }).map((pieces) => `/${pieces.join("")}`);
const OPTIONS = fc.constantFrom(STRICT, LENIENT);

Deno.test("canonicalPath() gives a path that is its own canonical form", () => {
  fc.assert(
    fc.property(TARGET, OPTIONS, (raw, options) => {
      const got = canonicalPath(raw, options);
      if (!got.ok) return;
      const again = canonicalPath(got.path, options);
      assert.equal(again.ok && again.path, got.path);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("canonicalPath() leaves no dot segment, empty segment, parameter or raw backslash", () => {
  fc.assert(
    fc.property(TARGET, OPTIONS, (raw, options) => {
      const got = canonicalPath(raw, options);
      if (!got.ok) return;
      assert.match(got.path, /^(\/([A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-F]{2})+)*\/?$/);
      // The worst reader: decodes, then separates at both kinds of slash.
      const parts = got.path.replace(/%2F|%5C/g, "/").split("/");
      assert.ok(!parts.includes(".") && !parts.includes(".."));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("canonicalPath() agrees with the URL standard where both only resolve dots", () => {
  const piece = fc.constantFrom("/a", "/b", "/.", "/..", "/%2e", "/%2E.", "/c.d", "/...");
  fc.assert(fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
    const got = canonicalPath(pieces.join(""), STRICT);
    if (got.ok) assert.equal(got.path, new URL(`http://h${pieces.join("")}`).pathname);
  }));
});

Deno.test("canonicalPath() never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), OPTIONS, (bytes, options) => {
    const slashed = Uint8Array.from([0x2f, ...bytes]);
    assert.equal(typeof canonicalPath(bytes, options).ok, "boolean");
    assert.equal(typeof canonicalPath(slashed, options).ok, "boolean");
  }));
  fc.assert(fc.property(fc.string({ unit: "binary" }), OPTIONS, (text, options) => {
    assert.equal(typeof canonicalPath(`/${text}`, options).ok, "boolean");
  }));
});
