import assert from "node:assert/strict";
import { UsageError } from "../usage_error.ts";
import {
  findSecretNames,
  parseBind,
  parseEnvironment,
  parseLabels,
  parseListenAddress,
  parseUpload,
  toAbsolute,
} from "./parse_values.ts";

Deno.test("parseEnvironment() keeps what is behind the first =", () => {
  assert.deepEqual(parseEnvironment(["A=1=2", "_b="]), { A: "1=2", _b: "" });
  assert.deepEqual(parseLabels(["team=docs"]), { team: "docs" });
});

Deno.test.each([
  { text: "A" },
  { text: "=1" },
  { text: "1A=x" },
  { text: "A-B=x" },
  { text: "OPENSHELL_X=1" },
  { text: "A=x\ny" },
])("parseEnvironment() refuses [$text]", ({ text }) => {
  assert.throws(() => parseEnvironment([text]), UsageError);
});

Deno.test("findSecretNames() looks at names alone", () => {
  const names = [
    "GITHUB_TOKEN",
    "my_api_key",
    "AWS_SECRET_ACCESS_KEY",
    "DB_PASSWORD",
    "TOKENS",
    "KEY",
    "API",
    "PATH",
  ];
  assert.deepEqual(findSecretNames(names), names.slice(0, 4));
});

Deno.test.each([
  { text: ".", want: ["/home/me/project", "/sandbox/project", false] },
  { text: "sub/", want: ["/home/me/project/sub", "/sandbox/sub", false] },
  { text: "/data:ro", want: ["/data", "/sandbox/data", true] },
  { text: "/data:/mnt", want: ["/data", "/mnt", false] },
  { text: "/data:/mnt:ro", want: ["/data", "/mnt", true] },
  { text: "/data:/mnt:rw", want: ["/data", "/mnt", false] },
  { text: "../x", want: ["/home/me/x", "/sandbox/x", false] },
])("parseBind() of $text is $want", ({ text, want }) => {
  assert.deepEqual(Object.values(parseBind(text, "/home/me/project")), want);
});

Deno.test.each([
  { text: "" },
  { text: ":/mnt" },
  { text: "/" },
  { text: "/data:mnt" },
  { text: "/data:/a/../b" },
  { text: "/data:/mnt:/x" },
  { text: "/data:/mnt:wo" },
])("parseBind() refuses [$text]", ({ text }) => {
  assert.throws(() => parseBind(text, "/home/me"), UsageError);
});

Deno.test.each([
  { text: "a", want: ["a", ""] },
  { text: "a:/b", want: ["a", "/b"] },
  { text: "a:b:c", want: ["a:b", "c"] },
])("parseUpload() of $text is $want", ({ text, want }) => {
  assert.deepEqual(Object.values(parseUpload(text)), want);
  assert.throws(() => parseUpload(":x"), UsageError);
});

Deno.test.each([
  { text: "8080", want: ["127.0.0.1", 8080] },
  { text: "0.0.0.0:80", want: ["0.0.0.0", 80] },
  { text: "[::1]:80", want: ["::1", 80] },
])("parseListenAddress() of $text is $want", ({ text, want }) => {
  assert.deepEqual(Object.values(parseListenAddress(text)), want);
});

Deno.test.each([{ text: "0" }, { text: "65536" }, { text: "x" }, { text: ":80" }, { text: "1:" }])(
  "parseListenAddress() refuses [$text]",
  ({ text }) => assert.throws(() => parseListenAddress(text), UsageError),
);

Deno.test.each([
  { path: "a", want: "/home/me/a" },
  { path: "./a/../b/", want: "/home/me/b" },
  { path: "/../a//b", want: "/a/b" },
  { path: "..", want: "/home" },
])("toAbsolute() of $path is $want", ({ path, want }) => {
  assert.equal(toAbsolute(path, "/home/me"), want);
});
