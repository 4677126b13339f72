import assert from "node:assert/strict";
import { formatAuthority, hasSameAuthority, namesAuthority, parseAuthority } from "./authority.ts";

Deno.test.each(
  [
    { text: "h", scheme: "http", want: { host: "h", port: 80 } },
    { text: "H.Example:8080", scheme: "http", want: { host: "h.example", port: 8080 } },
    { text: "h", scheme: "https", want: { host: "h", port: 443 } },
    { text: "127.0.0.1:1", scheme: "http", want: { host: "127.0.0.1", port: 1 } },
    { text: "[::1]", scheme: "https", want: { host: "::1", port: 443 } },
    { text: "[0:0::1]:65535", scheme: "https", want: { host: "::1", port: 65535 } },
    { text: "", scheme: "http", want: null },
    { text: ":80", scheme: "http", want: null },
    { text: "h:", scheme: "http", want: null },
    { text: "h:0", scheme: "http", want: null },
    { text: "h:65536", scheme: "http", want: null },
    { text: "h:+80", scheme: "http", want: null },
    { text: "h:80:80", scheme: "http", want: null },
    { text: "h:80a", scheme: "http", want: null },
    { text: "::1", scheme: "http", want: null },
    { text: "[::1", scheme: "http", want: null },
    { text: "[h]", scheme: "http", want: null },
    { text: "a@h", scheme: "http", want: null },
    { text: "h.", scheme: "http", want: null },
    { text: "127.1", scheme: "http", want: null },
  ] as const,
)("parseAuthority() reads $text of $scheme", ({ text, scheme, want }) => {
  assert.deepEqual(parseAuthority(text, scheme), want);
  if (want !== null) {
    assert.deepEqual(parseAuthority(formatAuthority(want, scheme), scheme), want);
  }
});

Deno.test.each([
  { host: "h", target: "/", want: true },
  { host: "H:443", target: "/", want: true },
  { host: null, target: "/", want: true },
  { host: "h:80", target: "/", want: false },
  { host: "other", target: "/", want: false },
  { host: "h.", target: "/", want: false },
  { host: "h", target: "https://h/a", want: true },
  { host: "h", target: "https://h:443?b", want: true },
  { host: "h", target: "http://h/a", want: false },
  { host: "h", target: "https://other/a", want: false },
  { host: null, target: "https://other/a", want: false },
  { host: "h", target: "https://h@other/a", want: false },
  { host: "h", target: "https:///a", want: false },
  { host: "h", target: "/https://other/", want: true },
])("namesAuthority() of $host and $target is $want", ({ host, target, want }) => {
  const authority = { host: "h", port: 443 };
  assert.equal(namesAuthority({ host, target }, "https", authority), want);
});

Deno.test.each([
  { target: "/a", host: "h", want: true },
  { target: "*", host: "h", want: true },
  { target: "http://H/", host: "h:80", want: true },
  { target: "http://h:8080/", host: "h:8080", want: true },
  { target: "http://h/", host: "h:8080", want: false },
  { target: "http://h.evil/", host: "h", want: false },
  { target: "http://h?x", host: "h", want: true },
])("hasSameAuthority() of $target and $host is $want", ({ target, host, want }) => {
  assert.equal(hasSameAuthority(target, host), want);
});
