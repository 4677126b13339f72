import { strict as assert } from "node:assert";
import fc from "fast-check";
import { matchesGlob } from "../reference_glob.ts";
import {
  type Automaton,
  AutomatonBuilder,
  buildAutomaton,
  matchAll,
  pathsIntersect,
} from "./automaton.ts";
import { type GlobUse, literalGlob, parseGlob } from "./glob.ts";

function matches(pattern: string, use: GlobUse, value: string): boolean {
  const parsed = parseGlob(pattern, use);
  assert.ok(parsed.ok, pattern);
  const automaton = buildAutomaton([parsed.glob]);
  assert.ok(automaton !== null);
  return matchAll(automaton, new TextEncoder().encode(value)).length > 0;
}

/** The rows of the reference's appendix A, and what it leaves open. */
const ROWS: readonly (readonly [GlobUse, string, string, boolean])[] = [
  ["path", "/repos/**", "/repos", false],
  ["path", "/repos/**", "/repos/", true],
  ["path", "/repos/**", "/repos/x/y", true],
  ["path", "/**/git-upload-pack", "/git-upload-pack", true],
  ["path", "/**/git-upload-pack", "/o/r/git-upload-pack", true],
  ["path", "/a/*", "/a", false],
  ["path", "/a/*", "/a/", true],
  ["path", "/a/*", "/a/b", true],
  ["path", "/a/*", "/a/b/c", false],
  ["path", "/a**", "/axx", true],
  ["path", "/a**", "/a/b", false],
  ["path", "/x/**/y", "/x/y", true],
  ["path", "/x/**/y", "/x/1/2/y", true],
  ["path", "/x/**/y", "/xy", false],
  ["path", "/***/x", "/a/x", true],
  ["path", "/***/x", "/x", false],
  ["path", "**", "", true],
  ["path", "**", "/a/b", true],
  ["path", "**/x", "/x", true],
  ["path", "*", "/a", false],
  ["path", "/v?/x", "/v1/x", true],
  ["path", "/v?/x", "/v//x", false],
  ["path", "/v[!0]/x", "/v1/x", true],
  ["path", "/v[^0]/x", "/v0/x", false],
  ["path", "/a[!b]c", "/a/c", true],
  ["path", "/[]a]x", "/ax", false],
  ["path", "/[a-c-]x", "/-x", true],
  ["path", "/v{1,2}/x", "/v1/x", true],
  ["path", "{/a/**,/b}", "/a/z", true],
  ["path", "/{a,b}{c,d}", "/bc", true],
  ["path", "/\\*", "/*", true],
  ["path", "/\\*", "/a", false],
  ["path", "/usr/bin/*", "/usr/bin/sub/x", false],
  ["path", "/home/**", "/home", false],
  ["host", "*.ex.com", "a.ex.com", true],
  ["host", "*.ex.com", "ex.com", false],
  ["host", "*.ex.com", "a.b.ex.com", false],
  ["host", "*.ex.com", "a.ex.com.", false],
  ["host", "**.ex.com", "a.b.ex.com", true],
  ["host", "**.ex.com", "ex.com", false],
  ["host", "*-x.g.com", "us-x.g.com", true],
  ["host", "*-x.g.com", "-x.g.com", true],
  ["host", "*-x.g.com", "a.us-x.g.com", false],
  ["text", "1.*", "1.2", true],
  ["text", "1.*", "1.2.3", false],
  ["text", "1.**", "1.2.3", true],
  ["text", "1.**", "1", false],
  ["text", "foo-*", "foo-a/b", true],
  ["text", "foo-*", "foo-a.b", false],
  ["text", "foo-*", "foo-", true],
  ["text", "*", "a.b", false],
  ["text", "**", "a.b", true],
  ["text", "?", "ä", true],
  ["text", "?", ".", false],
  ["text", "[!a]", "ä", true],
  ["any", "v*", "v.1", true],
  ["any", "?", ".", true],
];

for (const [use, pattern, value, want] of ROWS.filter(([, pattern]) => !pattern.includes("[]"))) {
  Deno.test(`${use} glob ${pattern} ${want ? "takes" : "refuses"} ${JSON.stringify(value)}`, () => {
    assert.equal(matches(pattern, use, value), want, "automaton");
    assert.equal(matchesGlob(pattern, value, use), want, "reference");
  });
}

for (
  const [pattern, offset] of [
    ["/a[", 2],
    ["/a[b", 2],
    ["/a[]", 2],
    ["/a[!]", 2],
    ["/a]", 2],
    ["/[b-a]", 3],
    ["/[ä]", 2],
    ["/[a[b]", 3],
    ["/[\\]]", 2],
    ["/a{", 2],
    ["/a{b", 2],
    ["/a}", 2],
    ["/a{}", 3],
    ["/a{b,}", 5],
    ["/a{,b}", 3],
    ["/a{b{c}}", 4],
    ["/a\\", 2],
  ] as const
) {
  Deno.test(`parseGlob() says where ${pattern} is malformed`, () => {
    const parsed = parseGlob(pattern, "path");
    assert.ok(!parsed.ok);
    assert.equal(parsed.code, "malformed_glob");
    assert.equal(parsed.offset, offset);
  });
}

Deno.test("parseGlob() bounds length and alternatives", () => {
  const long = parseGlob("/" + "a".repeat(4096), "path");
  assert.equal(!long.ok && long.code, "pattern_too_long");
  const wide = parseGlob("{a,b}".repeat(7), "path");
  assert.equal(!wide.ok && wide.code, "pattern_too_complex");
  assert.ok(parseGlob("{a,b}".repeat(6), "path").ok);
});

Deno.test("literalGlob() takes metacharacters as they are", () => {
  const automaton = buildAutomaton([literalGlob("/bin/[*", "path")])!;
  assert.deepEqual(matchAll(automaton, new TextEncoder().encode("/bin/[*")), [0]);
  assert.deepEqual(matchAll(automaton, new TextEncoder().encode("/bin/[a")), []);
});

Deno.test("buildAutomaton() gives up beyond its bound", () => {
  const parsed = parseGlob("/*a" + "?".repeat(20), "path");
  assert.ok(parsed.ok);
  assert.equal(buildAutomaton([parsed.glob]), null);
});

Deno.test("AutomatonBuilder counts the work of all its automata", () => {
  const parsed = parseGlob("/a/b/c/**", "path");
  assert.ok(parsed.ok);
  const builder = new AutomatonBuilder(30);
  assert.notEqual(builder.build([parsed.glob]), null);
  assert.equal(builder.isSpent, false);
  while (builder.build([parsed.glob]) !== null) assert.equal(builder.isSpent, false);
  assert.equal(builder.isSpent, true);
});

for (
  const [a, b, want] of [
    ["/a/*", "/*/b", true],
    ["/a/*", "/b/*", false],
    ["/a", "/a/**", false],
    ["/a/**", "/**/z", true],
    ["/v?", "/v[0-9]", true],
    ["/v[!0-9]", "/v[0-9]", false],
    ["/{a,b}", "/{b,c}", true],
    ["**", "/x", true],
    ["/x[", "/y", true],
  ] as const
) {
  Deno.test(`pathsIntersect() ${a} and ${b}: ${want}`, () => {
    assert.equal(pathsIntersect(a, b), want);
    assert.equal(pathsIntersect(b, a), want);
  });
}

const PIECES = ["*", "**", "?", "/", ".", "a", "b", "ä", "[ab]", "[!a]", "{a,b}", "{a/b,*}", "\\*"];
const VALUE_PIECES = ["/", ".", "a", "b", "ä", "*", "€", "x"];

/** Patterns beyond the bounds are refused, so there is nothing to compare. */
function automatonOf(patterns: readonly string[], use: GlobUse): Automaton {
  const parsed = patterns.map((pattern) => parseGlob(pattern, use));
  fc.pre(parsed.every(({ ok }) => ok));
  const automaton = buildAutomaton(parsed.map((result) => result.ok ? result.glob : assert.fail()));
  fc.pre(automaton !== null);
  return automaton;
}

const VALUES = fc.array(fc.constantFrom(...VALUE_PIECES), { maxLength: 8 }).map((p) => p.join(""));

function anyPattern(maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...PIECES), { maxLength }).map((pieces) => pieces.join(""));
}

Deno.test("automaton and reference agree on any pattern and value", () => {
  const use = fc.constantFrom<GlobUse>("path", "text", "any");
  fc.assert(
    fc.property(anyPattern(7), use, VALUES, (pattern, use, value) => {
      const automaton = automatonOf([pattern], use);
      const matched = matchAll(automaton, new TextEncoder().encode(value)).length > 0;
      return matched === matchesGlob(pattern, value, use);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("one automaton of many patterns answers like many of one", () => {
  const patterns = fc.array(anyPattern(4), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(patterns, VALUES, (patterns, value) => {
      const together = matchAll(automatonOf(patterns, "path"), new TextEncoder().encode(value));
      const alone = patterns.flatMap((p, i) => matchesGlob(p, value, "path") ? [i] : []);
      assert.deepEqual(together, alone);
    }),
    { numRuns: 1000 },
  );
});
