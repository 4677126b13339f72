/**
 * What becomes of claims about one policy.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { plainRule, restRule, subjectOf } from "../fixtures.ts";
import { prove } from "../prove.ts";
import type { Status } from "../report.ts";
import { parseClaims } from "./parse_claims.ts";

const READ = restRule("read", { deny: '{ method: "*", path: /a/secret }' });
const POLICY = subjectOf([
  READ,
  restRule("api", {
    host: "*.corp.example",
    binary: "/opt/**",
    allow: '{ method: "*", path: "**" }',
  }),
  plainRule("db", "db.example.com", { port: 5432 }),
].join("\n"));

Deno.test.each<{ claim: string; want: Status; shows?: string }>([
  { claim: "never: { host: api.example.com, method: POST }", want: "proved" },
  { claim: "never: { path: /a/secret, host: api.example.com }", want: "proved" },
  { claim: "never: { path: /a/x, host: api.example.com }", want: "refuted", shows: "GET /a/x" },
  { claim: "never: { port: 80 }", want: "proved" },
  { claim: "never: { host: a.corp.example, method: DELETE }", want: "refuted", shows: "DELETE /" },
  { claim: 'never: { host: "**.corp.example", binary: /usr/bin/curl }', want: "proved" },
  { claim: "never: { binary: /opt/tool, method: PROPFIND }", want: "refuted", shows: "PROPFIND /" },
  { claim: "never: { host: db.example.com }", want: "refuted", shows: "POST /" },
  { claim: "never: { credential: token, method: POST }", want: "refuted", shows: "POST /" },
  { claim: "never: { credential: token, host: api.example.com }", want: "proved" },
  {
    claim:
      "always: { binary: /usr/bin/curl, host: api.example.com, port: 443, method: GET, path: /a/b }",
    want: "proved",
  },
  {
    claim:
      'always: { binary: /usr/bin/curl, host: api.example.com, port: 443, method: [GET, HEAD], path: "/a/**" }',
    want: "refuted",
    shows: "GET /a/secret",
  },
  {
    claim:
      'always: { binary: "/usr/bin/*", host: api.example.com, port: 443, method: GET, path: /a/b }',
    want: "refuted",
    shows: "GET /a/b",
  },
  {
    claim:
      "always: { binary: /usr/bin/curl, host: no.example.com, port: 443, method: GET, path: / }",
    want: "refuted",
    shows: "GET /",
  },
  {
    claim:
      "always: { binary: /usr/bin/curl, host: api.example.com, ports: [443, 444], method: GET, path: /a/b }",
    want: "refuted",
    shows: "GET /a/b",
  },
])("claim $claim is $want", async ({ claim, want, shows }) => {
  const { claims, diagnostics } = parseClaims(`version: 1\nclaims: { it: { ${claim} } }`);
  assert.ok(claims !== null, diagnostics[0]?.message);
  const providers = [{ name: "token", endpoints: [{ host: "*.corp.example", ports: [443] }] }];
  const { answers } = await prove({ policy: POLICY, claims, providers });
  const answer = answers.at(-1)!;
  assert.equal(answer.question, "claim:it");
  assert.equal(answer.status, want, answer.reason ?? answer.findings[0]?.message);
  if (shows === undefined) return;
  const { witness } = answer.findings[0]!;
  assert.equal(`${witness?.method} ${witness?.path}`, shows);
});
