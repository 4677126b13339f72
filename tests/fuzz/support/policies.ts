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

/** Examples, and the cases of the validator without the marks of their mistakes. */
const TEXTS: readonly string[] = [
  ANCHORED,
  ...[...Deno.readDirSync(examples())].filter(({ name }) => name.endsWith(".yaml"))
    .map(({ name }) => Deno.readTextFileSync(new URL(name, examples()))),
  ...ALL_CASES.map(({ policy }) => policy.replaceAll(/«[a-z_]+»/g, ""))
    .filter((text) => text.length < 10_000),
].sort();

function examples(): URL {
  return new URL("../../../examples/", import.meta.url);
}

export function anyPolicyText(chance: Chance): string {
  return chance.of(TEXTS);
}
