import assert from "node:assert/strict";
import fc from "fast-check";
import { hostPatternCovers, hostPatternsIntersect } from "./host_pattern.ts";

Deno.test.each([
  ["a.example.com", "a.example.com", true],
  ["a.example.com", "b.example.com", false],
  ["*.example.com", "a.example.com", true],
  ["*.example.com", "example.com", false],
  ["*.example.com", "a.b.example.com", false],
  ["**.example.com", "a.b.example.com", true],
  ["**.example.com", "example.com", false],
  ["**.example.com", "**.a.example.com", true],
  ["**.a.example.com", "**.b.example.com", false],
  ["*-api.x.y", "us-*.x.y", true],
  ["*-api.x.y", "us-web.x.y", false],
  ["a*.x.y", "*b.x.y", true],
  ["*.s3.*.amazonaws.com", "b.s3.eu.amazonaws.com", true],
  ["*.s3.*.amazonaws.com", "b.s4.eu.amazonaws.com", false],
  ["a.**.c", "a.b1.b2.c", true],
  ["a.**.c", "a.c", false],
  ["**", "a", true],
  ["2001:db8::1", "2001:db8::1", true],
])("hostPatternsIntersect() of %s and %s is %s", (a, b, want) => {
  assert.equal(hostPatternsIntersect(a, b), want);
  assert.equal(hostPatternsIntersect(b, a), want);
});

Deno.test.each([
  ["**", "*.example.com", true],
  ["**.com", "a.com", true],
  ["**.com", "com", false],
  ["*.example.com", "a*.example.com", true],
  ["a*.example.com", "*.example.com", false],
  ["*.example.com", "**.example.com", false],
  ["**.example.com", "*.*.example.com", true],
  ["a.example.com", "a.example.com", true],
  ["a.example.com", "*.example.com", false],
])("hostPatternCovers() of %s over %s is %s", (outer, inner, want) => {
  assert.equal(hostPatternCovers(outer, inner), want);
});

const LABEL = fc.constantFrom("a", "b", "ab", "ba", "*", "a*", "*b", "**");
const PATTERN = fc.array(LABEL, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));

/** Every host of one to four labels over a small alphabet. */
const HOSTS = [1, 2, 3, 4].flatMap((count) => hostsOf(count));

Deno.test("hostPatternsIntersect() finds each host that both patterns match", () => {
  fc.assert(
    fc.property(PATTERN, PATTERN, (a, b) => {
      const shared = HOSTS.some((host) => matches(a, host) && matches(b, host));
      return !shared || hostPatternsIntersect(a, b);
    }),
    { numRuns: 300 },
  );
});

Deno.test("hostPatternCovers() is right when it says so", () => {
  fc.assert(
    fc.property(PATTERN, PATTERN, (outer, inner) =>
      !hostPatternCovers(outer, inner) ||
      HOSTS.every((host) => !matches(inner, host) || matches(outer, host))),
    { numRuns: 300 },
  );
});

function hostsOf(count: number): string[] {
  const labels = ["a", "b", "ab", "ba", "abb"];
  if (count === 1) return labels;
  return hostsOf(count - 1).flatMap((rest) => labels.map((label) => `${label}.${rest}`));
}

/** An independent reading of patterns, by a regular expression. */
function matches(pattern: string, host: string): boolean {
  const labels = pattern.split(".").map((label) =>
    label === "**" ? "[^.]+(?:\\.[^.]+)*" : label.replaceAll("*", "[^.]*")
  );
  return new RegExp(`^${labels.join("\\.")}$`).test(host);
}
