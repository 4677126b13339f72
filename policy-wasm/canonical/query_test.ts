import assert from "node:assert/strict";
import fc from "fast-check";
import { QUERY_BYTES_MAX, QUERY_PAIRS_MAX } from "../../proto/limits.ts";
import { decodeQuery } from "./query.ts";

Deno.test.each([
  { raw: null, want: [] },
  { raw: "", want: [] },
  { raw: "&", want: [] },
  { raw: "&&&", want: [] },
  { raw: "a=1", want: [["a", "1"]] },
  { raw: "a", want: [["a", ""]] },
  { raw: "a=", want: [["a", ""]] },
  { raw: "=1", want: [["", "1"]] },
  { raw: "=", want: [["", ""]] },
  { raw: "a=1&b=2", want: [["a", "1"], ["b", "2"]] },
  { raw: "a=1&&b=2&", want: [["a", "1"], ["b", "2"]] },
  { raw: "a=1&a=2&a=1", want: [["a", "1"], ["a", "2"], ["a", "1"]] },
  { raw: "a=b=c", want: [["a", "b=c"]] },
  { raw: "a+b=c+d", want: [["a b", "c d"]] },
  { raw: "a=%2B", want: [["a", "+"]] },
  { raw: "a=%20", want: [["a", " "]] },
  { raw: "a%3Db=c%26d", want: [["a=b", "c&d"]] },
  { raw: "a=%2526", want: [["a", "%26"]] },
  { raw: "a=1;b=2", want: [["a", "1;b=2"]] },
  { raw: "a=%3b", want: [["a", ";"]] },
  { raw: "a=?/:@", want: [["a", "?/:@"]] },
  { raw: "a[0]=1", want: [["a[0]", "1"]] },
  { raw: "q=%C3%BC", want: [["q", "ü"]] },
  { raw: "q=%f0%9f%98%80", want: [["q", "😀"]] },
  { raw: "q=%EF%BB%BFx", want: [["q", "\ufeffx"]] },
  { raw: "q=%0A", want: [["q", "\n"]] },
  { raw: "__proto__=1", want: [["__proto__", "1"]] },
])("decodeQuery() reads $raw", ({ raw, want }) => {
  assert.deepEqual(decodeQuery(raw), { ok: true, pairs: want });
});

Deno.test.each([
  { raw: "a=%", want: /escape/ },
  { raw: "a=%4", want: /escape/ },
  { raw: "a=%4g", want: /escape/ },
  { raw: "a=%u0041", want: /escape/ },
  { raw: "%zz=1", want: /escape/ },
  { raw: "ok=1&a=%", want: /escape/ },
  { raw: "a=%FF", want: /escape/ },
  { raw: "a=%C3", want: /escape/ },
  { raw: "a=%C3&b=%BC", want: /escape/ },
  { raw: "a=%C0%AF", want: /escape/ },
  { raw: "a=%E0%80%AF", want: /escape/ },
  { raw: "a=%ED%A0%80", want: /escape/ },
  { raw: "a=%F4%90%80%80", want: /escape/ },
  { raw: "a=%00", want: /escape/ },
  { raw: "%00", want: /escape/ },
  { raw: "a=b c", want: /white space/ },
  { raw: "a=\u0000", want: /white space/ },
  { raw: "a=\r\n", want: /white space/ },
  { raw: "a=\u007f", want: /white space/ },
  { raw: "a=ü", want: /white space/ },
  { raw: "a=１", want: /white space/ },
  { raw: "a=1#b", want: /white space/ },
])("decodeQuery() refuses $raw", ({ raw, want }) => {
  const got = decodeQuery(raw);
  assert.ok(!got.ok);
  assert.match(got.detail, want);
});

Deno.test("decodeQuery() takes QUERY_PAIRS_MAX pairs and no more", () => {
  const pairs = new Array<string>(QUERY_PAIRS_MAX).fill("a=1");
  const got = decodeQuery(`${pairs.join("&")}&&`);
  assert.equal(got.ok && got.pairs.length, QUERY_PAIRS_MAX);
  assert.equal(decodeQuery([...pairs, "b"].join("&")).ok, false);
});

Deno.test("decodeQuery() takes QUERY_BYTES_MAX bytes and no more", () => {
  assert.equal(decodeQuery("a".repeat(QUERY_BYTES_MAX)).ok, true);
  assert.equal(decodeQuery("a".repeat(QUERY_BYTES_MAX + 1)).ok, false);
});

Deno.test("decodeQuery() reads back what was encoded", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 8 })
    .filter((candidate) => !candidate.includes("\0"));
  const pairs = fc.array(fc.tuple(text, text), { maxLength: 6 });
  fc.assert(fc.property(pairs, (want) => {
    const encoded = want.map(([key, value]) => {
      return `${encodeURIComponent(key)}=${encodeURIComponent(value)}`;
    });
    assert.deepEqual(decodeQuery(encoded.join("&")), { ok: true, pairs: want });
  }));
});

Deno.test("decodeQuery() never throws and agrees with URLSearchParams where it accepts", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ab=&;+%012CF3BX"), maxLength: 20 });
  fc.assert(fc.property(text, (raw) => {
    const got = decodeQuery(raw);
    if (got.ok) assert.deepEqual(got.pairs, [...new URLSearchParams(raw)]);
  }));
  fc.assert(fc.property(fc.string({ unit: "binary" }), (raw) => {
    assert.equal(typeof decodeQuery(raw).ok, "boolean");
  }));
});
