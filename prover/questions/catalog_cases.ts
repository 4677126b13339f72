/**
 * Policies with a question and the answer to it, for the tests of both engines.
 *
 * @module
 */

import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../policy-wasm/fixtures.ts";
import { plainRule, restRule, subjectOf, unwritten } from "../fixtures.ts";
import type { ProofInput } from "../input.ts";
import type { Status } from "../report.ts";
import type { QuestionId } from "./catalog.ts";

/** One policy, one question, one answer. */
export interface Case {
  readonly question: QuestionId;
  readonly name: string;
  readonly input: ProofInput;
  readonly want: Status;
  /** Parts of the first finding: place, method, path. */
  readonly shows?: {
    readonly path?: string;
    readonly method?: string;
    readonly target?: string;
    readonly request?: string;
  };
}

const ALL = '{ method: "*", path: "**" }';
const READ = restRule("read", {});
const WIDE = restRule("wide", { allow: '{ method: "*", path: /a/** }' });
const GITHUB = [{ name: "github", endpoints: [{ host: "api.example.com", ports: null }] }];

/** One rule at an endpoint of its own place. */
function at(...rules: string[]): ProofInput {
  return { policy: subjectOf(rules.join("\n")) };
}

/** Every built-in question with both answers. */
export const CASES: readonly Case[] = [
  {
    question: "contradictory_rules",
    name: "a deny rule for part of an allow rule",
    input: at(restRule("a", { deny: "{ method: GET, path: /a/secret }" })),
    want: "proved",
  },
  {
    question: "contradictory_rules",
    name: "a deny rule for all of an allow rule",
    input: at(
      restRule("a", {
        allow: `{ method: GET, path: /a/** } | { method: GET, path: /b }`,
        deny: '{ method: "*", path: "/a/**" }',
      }),
    ),
    want: "refuted",
    shows: { path: "network_policies.a.endpoints[0].rules[0]", method: "GET", request: "/a/" },
  },
  {
    question: "ambiguous_rules",
    name: "two endpoints that agree",
    input: at(READ, WIDE),
    want: "proved",
  },
  {
    question: "ambiguous_rules",
    name: "two endpoints of one rank in different modes",
    input: {
      policy: unwritten(policyOf(
        ruleOf({ key: "a", endpoints: [endpointOf()] }),
        ruleOf({ key: "b", endpoints: [endpointOf({ enforcement: "audit" })] }),
      )),
    },
    want: "refuted",
  },
  {
    question: "unreachable_rules",
    name: "rules that all match something",
    input: at(READ, plainRule("p", "db.example.com", { port: 5432 })),
    want: "proved",
  },
  {
    question: "unreachable_rules",
    name: "an unread endpoint behind an inspected one",
    input: at(READ, plainRule("p", "api.example.com")),
    want: "refuted",
    shows: { path: "network_policies.p.endpoints[0]" },
  },
  {
    question: "unreachable_rules",
    name: "a rule outside the path of its endpoint",
    input: {
      policy: unwritten(policyOf(ruleOf({
        endpoints: [endpointOf({
          path: "/a/**",
          allow: [httpRuleOf({ path: "/a/x" }), httpRuleOf({ path: "/b/x" })],
        })],
      }))),
    },
    want: "refuted",
  },
  { question: "shadowed_rules", name: "distinct rules", input: at(READ), want: "proved" },
  {
    question: "shadowed_rules",
    name: "a rule behind a wider one",
    input: at(
      restRule("a", { allow: "{ method: GET, path: /a/** } | { method: GET, path: /a/b }" }),
    ),
    want: "refuted",
    shows: { path: "network_policies.a.endpoints[0].rules[1]", request: "/a/b" },
  },
  {
    question: "shadowed_rules",
    name: "what presets write twice",
    input: at(
      'p: { endpoints: [{ host: api.example.com, port: 443, protocol: rest, access: read-only }], binaries: [{ path: "/usr/bin/curl" }] }',
    ),
    want: "proved",
  },
  { question: "redundant_rules", name: "distinct rules", input: at(READ), want: "proved" },
  {
    question: "redundant_rules",
    name: "a rule before a wider one",
    input: at(
      restRule("a", { allow: "{ method: GET, path: /a/b } | { method: GET, path: /a/** }" }),
    ),
    want: "refuted",
    shows: { path: "network_policies.a.endpoints[0].rules[0]" },
  },
  {
    question: "redundant_rules",
    name: "a rule that two others make up",
    input: at(restRule("a", {
      allow:
        "{ method: GET, path: '/x/{a,b}' } | { method: GET, path: /x/a } | { method: GET, path: /x/b }",
    })),
    want: "refuted",
  },
  {
    question: "idle_denies",
    name: "a deny rule that denies",
    input: at(restRule("a", { deny: "{ method: GET, path: /a/secret }" })),
    want: "proved",
  },
  {
    question: "idle_denies",
    name: "a deny rule for what nothing allows",
    input: at(restRule("a", { deny: "{ method: POST, path: /a/secret }" })),
    want: "refuted",
    shows: { path: "network_policies.a.endpoints[0].deny_rules[0]" },
  },
  {
    question: "within_ceiling",
    name: "less than the ceiling",
    input: { ...at(READ), ceiling: subjectOf(WIDE) },
    want: "proved",
  },
  {
    question: "within_ceiling",
    name: "a method more than the ceiling",
    input: { ...at(WIDE), ceiling: subjectOf(READ) },
    want: "refuted",
    shows: { path: "network_policies.wide.endpoints[0].rules[0]", method: "POST", request: "/a/" },
  },
  {
    question: "within_ceiling",
    name: "unread traffic under a ceiling that inspects everything",
    input: {
      ...at(plainRule("p", "api.example.com")),
      ceiling: subjectOf(restRule("c", { allow: ALL })),
    },
    want: "refuted",
    shows: { path: "network_policies.p.endpoints[0]" },
  },
  {
    question: "above_floor",
    name: "more than the floor",
    input: { ...at(WIDE), floor: subjectOf(READ) },
    want: "proved",
  },
  {
    question: "above_floor",
    name: "a path less than the floor",
    input: {
      ...at(restRule("r", { allow: "{ method: GET, path: /a/* }" })),
      floor: subjectOf(READ),
    },
    want: "refuted",
    shows: { path: "network_policies.read.endpoints[0].rules[0]", request: "/a/a/" },
  },
  {
    question: "same_as_baseline",
    name: "the same in other words",
    input: {
      ...at(restRule("one", { allow: "{ method: GET, path: '/x/{a,b}' }" })),
      baseline: subjectOf(
        restRule("two", { allow: "{ method: GET, path: /x/a } | { method: GET, path: /x/b }" }),
      ),
    },
    want: "proved",
  },
  {
    question: "same_as_baseline",
    name: "another program",
    input: { ...at(READ), baseline: subjectOf(restRule("read", { binary: "/usr/bin/wget" })) },
    want: "refuted",
  },
  {
    question: "same_as_baseline",
    name: "a deny rule more",
    input: {
      ...at(restRule("read", { deny: "{ method: GET, path: /a/secret }" })),
      baseline: subjectOf(READ),
    },
    want: "refuted",
    shows: { path: "network_policies.read.endpoints[0].rules[0]", request: "/a/secret" },
  },
  { question: "metadata_reach", name: "a public host", input: at(READ), want: "proved" },
  {
    question: "metadata_reach",
    name: "a wildcard over the name of a metadata service",
    input: at(restRule("m", { host: "*.google.internal" })),
    want: "refuted",
    shows: { target: "metadata.google.internal:443" },
  },
  {
    question: "metadata_reach",
    name: "a mapped address",
    input: {
      policy: unwritten(
        policyOf(ruleOf({ endpoints: [endpointOf({ host: "::ffff:169.254.169.254" })] })),
      ),
    },
    want: "refuted",
  },
  {
    question: "metadata_reach",
    name: "a trusted gateway that is link-local",
    input: {
      ...at(restRule("h", { host: "host.openshell.internal" })),
      trustedGatewayIp: "169.254.1.1",
    },
    want: "refuted",
  },
  { question: "private_reach", name: "a name", input: at(READ), want: "proved" },
  {
    question: "private_reach",
    name: "an address",
    input: at(restRule("p", { host: "10.0.0.5" })),
    want: "refuted",
    shows: { target: "10.0.0.5:443" },
  },
  {
    question: "private_reach",
    name: "allowed_ips",
    input: at(restRule("p", { more: "allowed_ips: [10.1.0.0/16]" })),
    want: "refuted",
  },
  { question: "write_bypass", name: "one inspected endpoint", input: at(WIDE), want: "proved" },
  {
    question: "write_bypass",
    name: "another port that nobody reads",
    input: at(READ, plainRule("p", "api.example.com", { port: 8443 })),
    want: "refuted",
    shows: {
      path: "network_policies.p.endpoints[0]",
      method: "POST",
      target: "api.example.com:8443",
    },
  },
  {
    question: "write_bypass",
    name: "another program that nobody reads",
    input: at(READ, plainRule("p", "api.example.com", { binary: "/usr/bin/git" })),
    want: "refuted",
  },
  {
    question: "write_bypass",
    name: "audit mode",
    input: at(restRule("a", { more: "enforcement: audit" })),
    want: "refuted",
    shows: { method: "POST" },
  },
  {
    question: "public_suffix_wildcard",
    name: "own names",
    input: at(restRule("w", { host: "*.corp.example" })),
    want: "proved",
  },
  {
    question: "public_suffix_wildcard",
    name: "names of anybody",
    input: at(restRule("w", { host: "*.github.io" })),
    want: "refuted",
    shows: { path: "network_policies.w.endpoints[0].rules[0]" },
  },
  {
    question: "uninspected_credentials",
    name: "a credential for inspected traffic",
    input: { ...at(READ), providers: GITHUB },
    want: "proved",
  },
  {
    question: "uninspected_credentials",
    name: "a credential for unread traffic",
    input: { ...at(plainRule("p", "api.example.com")), providers: GITHUB },
    want: "refuted",
  },
  {
    question: "exfiltration",
    name: "writes to the credential's host alone",
    input: { ...at(WIDE), providers: GITHUB },
    want: "proved",
  },
  {
    question: "exfiltration",
    name: "writes to a trusted host",
    input: {
      ...at(restRule("w", { host: "log.corp.example", allow: ALL })),
      trustedHosts: ["*.corp.example"],
    },
    want: "proved",
  },
  {
    question: "exfiltration",
    name: "writes elsewhere",
    input: {
      ...at(WIDE, restRule("w", { host: "paste.example.net", allow: ALL })),
      providers: GITHUB,
    },
    want: "refuted",
    shows: { method: "POST", target: "paste.example.net:443" },
  },
  {
    question: "read_carries_data",
    name: "reads of the credential's host alone",
    input: { ...at(READ), providers: GITHUB },
    want: "proved",
  },
  {
    question: "read_carries_data",
    name: "reads elsewhere",
    input: { ...at(restRule("r", { host: "docs.example.net" })), providers: GITHUB },
    want: "refuted",
    shows: { method: "GET" },
  },
  { question: "link_local_reach", name: "a public host", input: at(READ), want: "proved" },
  {
    question: "link_local_reach",
    name: "a link-local address",
    input: {
      policy: unwritten(policyOf(ruleOf({ endpoints: [endpointOf({ host: "169.254.9.9" })] }))),
    },
    want: "refuted",
  },
  {
    question: "l7_bypass_credentialed",
    name: "curl",
    input: { ...at(WIDE), providers: GITHUB },
    want: "proved",
  },
  {
    question: "l7_bypass_credentialed",
    name: "git",
    input: { ...at(restRule("g", { binary: "/usr/bin/git" })), providers: GITHUB },
    want: "refuted",
  },
  {
    question: "l7_bypass_credentialed",
    name: "a glob that covers git",
    input: { ...at(restRule("g", { binary: "/usr/bin/*" })), providers: GITHUB },
    want: "refuted",
  },
  {
    question: "credential_reach_expansion",
    name: "inspected reads",
    input: { ...at(READ), providers: GITHUB },
    want: "proved",
  },
  {
    question: "credential_reach_expansion",
    name: "writes",
    input: { ...at(WIDE), providers: GITHUB },
    want: "refuted",
  },
  {
    question: "credential_reach_expansion",
    name: "writes that the baseline has",
    input: { ...at(WIDE), baseline: subjectOf(WIDE), providers: GITHUB },
    want: "proved",
  },
  {
    question: "capability_expansion",
    name: "a method that the baseline has",
    input: { ...at(WIDE), baseline: subjectOf(WIDE), providers: GITHUB },
    want: "proved",
  },
  {
    question: "capability_expansion",
    name: "a method that the baseline lacks",
    input: {
      ...at(WIDE),
      baseline: subjectOf(restRule("wide", { allow: "{ method: POST, path: /a/** }" })),
      providers: GITHUB,
    },
    want: "refuted",
  },
];
