/**
 * Policy documents to damage, and what YAML and policies are made of.
 *
 * @module
 */

import { ALL_CASES } from "../../../policy-wasm/validate/all_cases.ts";
import type { Chance } from "../../differential/generate.ts";

export const POLICY_WORDS: readonly string[] = [
  ..."&a *a <<: ? - | > |+ >- ! !!str !!binary !!set !!js/function %YAML --- ... # { } [ ] , : ' \""
    .split(" "),
  "__proto__:",
  "constructor:",
  "prototype:",
  "toString:",
  "\n",
  "\n  ",
  "\n      - ",
  ": ",
  "\t",
  "\0",
  "\x85",
  "\xe2\x80\xa8",
  "\xef\xbb\xbf",
  "\xff",
  "null",
  "~",
  "true",
  "yes",
  "0o17",
  "0x1F",
  "1e400",
  ".inf",
  ".nan",
  "-0",
  "1_000",
  "99999999999999999999",
  "2001-01-01",
  "<<: *a\n",
  "&a [*a]",
  "{ __proto__: { allow: true } }",
  "network_policies:",
  "endpoints:",
  "binaries:",
  "host: ",
  "port: ",
  "ports: [ 80, 443 ]",
  "protocol: rest",
  "access: full",
  "rules: [ { allow: { method: GET, path: '/**' } } ]",
  "deny_rules: [ { method: '*', path: /x } ]",
  "path: ",
  "{a,b}",
  "[!a-z]",
  "**",
  "\\",
];

const ANCHORED = `version: 1
network_policies:
  a: &rule
    endpoints: &endpoints
      - &endpoint { host: api.example.com, port: 443, protocol: rest, access: read-only }
      - { <<: *endpoint, host: b.example.com }
    binaries: [ { path: /usr/bin/curl } ]
  b: *rule
  c: { endpoints: *endpoints, binaries: [ { path: "/usr/**" } ] }
`;

/** Small, and huge once its aliases are followed. */
const BOMB = `version: 1
network_policies:
  a: &a { name: x, endpoints: [ { host: a.example, port: 1 } ], binaries: [ { path: /a } ] }
  b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
  c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
  d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
  e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
  f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
  g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
  h: [*g, *g, *g, *g, *g, *g, *g, *g, *g]
`;

/** Examples, and the cases of the validator without the marks of their mistakes. */
const TEXTS: readonly string[] = [
  ANCHORED,
  BOMB,
  ...[...Deno.readDirSync(examples())].filter(({ name }) => name.endsWith(".yaml"))
    .map(({ name }) => Deno.readTextFileSync(new URL(name, examples()))),
  ...ALL_CASES.map(({ policy }) => policy.replaceAll(/«[a-z_]+»/g, ""))
    .filter((text) => text.length < 10_000),
].sort();

function examples(): URL {
  return new URL("../../../examples/", import.meta.url);
}

/** Now and then a document is long, or nests deep. */
export function anyPolicyText(chance: Chance): string {
  const text = chance.once(30) ? chance.of([ANCHORED, BOMB]) : chance.of(TEXTS);
  if (!chance.once(150)) return text;
  const lines = text.split("\n");
  const line = lines[chance.below(lines.length)]!;
  const times = chance.of([50, 500, 3000]);
  if (chance.once(3)) return text + chance.of(["[", "{a: ", "- ", "? "]).repeat(times);
  return text.replace(line, () => `${line}\n`.repeat(times));
}
