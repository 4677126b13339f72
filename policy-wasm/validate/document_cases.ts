/**
 * For tests: findings about text, YAML and the schema.
 *
 * @module
 */

import { type MarkedCase, withEndpoint } from "./marked_policy.ts";

/** A chain of anchors in which each refers twice to the one before. */
const ALIAS_BOMB = `version: 1
network_policies:
  a0: &a0 [x, x]
${
  Array.from({ length: 30 }, (_, i) => {
    const mark = i === 15 ? "«too_many_nodes»" : "";
    return `  a${i + 1}: &a${i + 1} [*a${i}, ${mark}*a${i}]`;
  }).join("\n")
}
`;

export const DOCUMENT_CASES: readonly MarkedCase[] = [
  { name: "refuses nothing", policy: "«empty_document»", fix: "version: 1" },
  { name: "refuses a comment alone", policy: "«empty_document»# nothing\n" },
  { name: "refuses text as document", policy: "«wrong_type»hello" },
  { name: "refuses null as document", policy: "«wrong_type»~" },
  { name: "refuses a list as document", policy: "«wrong_type»- version: 1" },
  { name: "refuses a second document", policy: "version: 1\n«several_documents»---\nversion: 1" },
  { name: "accepts document marks", policy: "---\nversion: 1\n...\n" },
  { name: "accepts %YAML 1.2", policy: "%YAML 1.2\n---\nversion: 1\n" },
  { name: "refuses %YAML 1.1", policy: "«yaml_directive»%YAML 1.1\n---\nversion: 1\n" },
  { name: "refuses %TAG", policy: "«yaml_directive»%TAG ! tag:x,2000:\n---\nversion: 1\n" },
  { name: "accepts JSON with tabs", policy: '{\n\t"version": 1,\n\t"landlock": {}\n}\n' },
  { name: "accepts CRLF", policy: "version: 1\r\nlandlock: {}\r\n" },
  { name: "counts lines with CRLF", policy: "version: 1\r\nlandlock: «wrong_type»x\r\n" },
  { name: "accepts a byte order mark", policy: "\ufeffversion: 1" },
  { name: "refuses another byte order mark", policy: "version: 1 # «control_character»\ufeff" },
  { name: "refuses a NUL", policy: "version: 1 # «control_character»\0" },
  { name: "refuses an escape character", policy: "version: 1 # «control_character»\x1b[2J" },
  { name: "refuses a lone carriage return", policy: "# x«control_character»\rversion: 1" },
  { name: "refuses a YAML 1.1 line break", policy: "# x«control_character»\u2028version: 1" },
  { name: "refuses a bidirectional override", policy: "version: 1 # «control_character»\u202e" },
  {
    name: "reports every control character",
    policy: "version: 1 # «control_character»\x01\n# «control_character»\x02",
  },
  {
    name: "refuses an escaped control character",
    policy: 'version: 1\nprocess: { run_as_user: «control_character»"a\\0" }',
  },
  {
    name: "refuses an escaped control character in a key",
    policy: 'version: 1\nnetwork_policies: { «control_character»"a\\e[2J": {} }',
  },
  {
    name: "refuses several lines as value",
    policy: "version: 1\nprocess:\n  run_as_user: «control_character»|\n    1\n    2\n",
  },
  {
    name: "refuses an escaped half of a surrogate pair",
    policy: 'version: 1\nprocess: { run_as_user: «control_character»"\\ud800" }',
  },
  { name: "refuses what is not YAML", policy: "version: 1\n«yaml_syntax»\tlandlock: {}" },
  { name: "refuses an open quote", policy: 'version: "1«yaml_syntax»' },
  { name: "reports the first syntax error", policy: "a: «yaml_syntax»b: c\nd: e: f" },
  {
    name: "reports one syntax error for an unquoted class",
    policy: "a: { path: /usr/bin/«yaml_syntax»[a-z] }\nb: [x: {\nc: y",
  },
  {
    name: "refuses a duplicate key",
    policy: "version: 1\n«duplicate_key»version: 1",
  },
  {
    name: "refuses a duplicate key in another spelling",
    policy: 'version: 1\n«duplicate_key»"version": 1',
  },
  { name: "refuses a number as key", policy: "version: 1\n«key_not_text»1: 2", fix: '"1"' },
  { name: "refuses no key", policy: "version: 1\n«key_not_text»~: 2", fix: null },
  { name: "refuses a list as key", policy: "version: 1\n? «key_not_text»[a]\n: 2" },
  { name: "refuses a merge key", policy: "version: 1\nlandlock: { «merge_key»<<: {} }" },
  { name: "refuses a tag", policy: "version: !!int «yaml_tag»1", fix: '"1"' },
  { name: "refuses a tag of its own", policy: "version: 1\nlandlock: !x «yaml_tag»{}" },
  {
    name: "accepts the tag of text",
    policy: "version: 1\nprocess: { run_as_user: !!str 2001 }",
  },
  {
    name: "refuses an unknown alias",
    policy: "version: 1\nlandlock: «alias_unknown»*x",
  },
  {
    name: "refuses an alias in its own node",
    policy: "version: 1\nnetwork_policies: &n { a: «alias_cycle»*n }",
  },
  {
    name: "follows aliases",
    policy: withEndpoint("&e\nhost: a.example.com\nport: 443") +
      "  s: { endpoints: [*e], binaries: [{ path: /usr/bin/git }] }",
  },
  {
    name: "reports one mistake of an anchor once",
    policy: withEndpoint("&e\n«missing_port»host: a.example.com") +
      "  s: { endpoints: [*e], binaries: [{ path: /usr/bin/git }] }",
  },
  { name: "refuses an explosion of aliases", policy: ALIAS_BOMB },
  { name: "refuses deep nesting", policy: `${"[".repeat(32)}«too_deep»${"[".repeat(1000)}` },
  { name: "refuses deep blocks", policy: `${"- ".repeat(32)}«too_deep»${"- ".repeat(100)}` },
  {
    name: "refuses deep nesting by aliases",
    policy: `a0: &a0 ${"[".repeat(20)}${"]".repeat(20)}\na1: &a1 ${"[".repeat(20)}` +
      `«too_deep»*a0${"]".repeat(20)}`,
  },
  {
    name: "refuses too many nodes before composing them",
    policy: `[${"[],".repeat(499_999)}[«too_many_nodes»],${"[],".repeat(300_000)}]`,
  },
];

export const SCHEMA_CASES: readonly MarkedCase[] = [
  {
    name: "suggests filesystem_policy",
    policy: "version: 1\n«unknown_key»filesystem: {}",
    fix: "filesystem_policy",
  },
  {
    name: "suggests network_policies",
    policy: "version: 1\n«unknown_key»network: {}",
    fix: "network_policies",
  },
  {
    name: "suggests the nearest key",
    policy: "version: 1\nfilesystem_policy: { «unknown_key»readOnly: [] }",
    fix: "read_only",
  },
  {
    name: "suggests a key with a letter missing",
    policy: "version: 1\nnetwork_policies: {}\nlandlock: { «unknown_key»compatiblity: x }",
    fix: "compatibility",
  },
  {
    name: "suggests nothing far away",
    policy: "version: 1\n«unknown_key»zzz: 1",
    fix: null,
  },
  {
    name: "explains inference",
    policy: "version: 1\n«unknown_key»inference: {}",
    fix: null,
  },
  {
    name: "refuses internal markers",
    policy: withEndpoint(
      "host: a.example.com\nport: 443\n«unknown_key»advisor_proposed: true\n" +
        "«unknown_key»provider_credentialed: true",
    ),
  },
  {
    name: "refuses a key that JavaScript objects have",
    policy: "version: 1\n«unknown_key»__proto__: {}\n«unknown_key»constructor: {}",
  },
  {
    name: "shows an empty map for an empty section",
    policy: "version: 1\n«wrong_type»network_policies:",
    fix: "network_policies: {}",
  },
  {
    name: "refuses yes as boolean",
    policy: "version: 1\nfilesystem_policy: { include_workdir: «wrong_type»yes }",
    fix: "true",
  },
  {
    name: "shows a binary as map",
    policy: "version: 1\nnetwork_policies: { r: { endpoints: [{ host: a.io, port: 1 }], " +
      "binaries: [«wrong_type»/usr/bin/git] } }",
    fix: "{ path: /usr/bin/git }",
  },
  {
    name: "refuses text as port",
    policy: withEndpoint('host: a.example.com\nport: «wrong_type»"443"'),
    fix: "443",
  },
  {
    name: "refuses an octal port",
    policy: withEndpoint("host: a.example.com\nport: «number_spelling»0443"),
    fix: null,
  },
];
