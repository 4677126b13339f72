/**
 * Small policies of which something can be widened: one rule for each kind of traffic, each with
 * a host and a program of its own, and for each a request that passes.
 *
 * @module
 */

import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Endpoint, HttpRule, Policy, Rule } from "../../../policy-wasm/policy.ts";
import type { RawQuestion } from "../../../policy-wasm/raw_question.ts";

/** What a rule is for. `socket` is a WebSocket, `operations` one with GraphQL rules. */
export const KINDS = [
  "rest",
  "graphql",
  "mcp",
  "json-rpc",
  "socket",
  "operations",
  "plain",
] as const;

export type Kind = typeof KINDS[number];

/** Choices about one rule. */
export interface RuleSpec {
  readonly kind: Kind;
  /** The host is a pattern. */
  readonly isPattern: boolean;
  readonly hasTwoPorts: boolean;
  readonly hasDescendants: boolean;
  /** The endpoint is for paths below `/v1`. */
  readonly isScoped: boolean;
  readonly hasNetworks: boolean;
  readonly isAudited: boolean;
}

/** A rule of a base policy, and what is known about it. */
export interface Site {
  readonly rule: Rule;
  readonly endpoint: Endpoint;
  readonly spec: RuleSpec;
  /** Before the paths of all its rules. */
  readonly prefix: string;
  /** Passes. */
  readonly question: RawQuestion;
}

/** Returns a rule that no other number shares anything with. */
export function siteOf(spec: RuleSpec, number: number): Site {
  const prefix = spec.isScoped ? "/v1" : "";
  const host = `h${number}.ex.com`;
  const endpoint = endpointOf({
    host: spec.isPattern ? `*.${host}` : host,
    ports: spec.hasTwoPorts ? [443, 8080] : [443],
    path: spec.isScoped ? "/v1/**" : "**",
    enforcement: spec.isAudited ? "audit" : "enforce",
    allowedIps: spec.hasNetworks ? ["10.1.0.0/16", "93.184.0.0/16"] : [],
    ...TRAFFIC[spec.kind](prefix),
  });
  const binary = `/usr/bin/b${number}`;
  const rule = ruleOf({
    key: `r${number}`,
    endpoints: [endpoint],
    binaries: [{ path: binary, descendants: spec.hasDescendants }],
  });
  const question: RawQuestion = {
    caller: { binary, ancestors: [] },
    host: spec.isPattern ? `x.${host}` : host,
    port: 443,
    ...PASSING[spec.kind](prefix),
  };
  return { rule, endpoint, spec, prefix, question };
}

/** Returns the policy of these rules. */
export function policyOfSites(sites: readonly Site[]): Policy {
  return policyOf(...sites.map(({ rule }) => rule));
}

const OPERATION = {
  kind: "graphql",
  operationType: "query",
  operationName: ["Get*"],
  fields: ["item", "list*"],
} as const;

/** Returns a rule for `PUT` with a query. */
export function putRule(prefix: string, change: Partial<HttpRule> = {}): HttpRule {
  const query = [{ key: "k", value: ["a*", "x"] }];
  return httpRuleOf({ method: "PUT", path: `${prefix}/put/*`, query, ...change });
}

const TRAFFIC: Readonly<Record<Kind, (prefix: string) => Partial<Endpoint>>> = {
  rest: (prefix) => ({
    allow: [httpRuleOf({ path: `${prefix}/items/*` }), putRule(prefix)],
    deny: [
      httpRuleOf({ method: "*", path: `${prefix}/items/secret*` }),
      httpRuleOf({ path: `${prefix}/items/*`, query: [{ key: "debug", value: ["*"] }] }),
    ],
  }),
  graphql: () => ({
    protocol: "graphql",
    allow: [OPERATION],
    deny: [{ ...OPERATION, operationName: null, fields: ["listSecrets"] }],
    graphqlPersistedQueries: [
      { id: "h1", operationType: "query", operationName: "GetItem", fields: ["item"] },
    ],
  }),
  mcp: () => ({
    protocol: "mcp",
    allow: [
      { kind: "rpc", method: "initialize", tool: null },
      { kind: "rpc", method: "tools/call", tool: ["get_*", "look"] },
    ],
    deny: [{ kind: "rpc", method: "tools/call", tool: ["get_secret*"] }],
  }),
  "json-rpc": () => ({
    protocol: "json-rpc",
    allow: [{ kind: "rpc", method: "status", tool: null }],
  }),
  socket: (prefix) => ({
    protocol: "websocket",
    allow: [httpRuleOf({ path: `${prefix}/live` })],
  }),
  operations: (prefix) => ({
    protocol: "websocket",
    allow: [httpRuleOf({ path: `${prefix}/live` }), OPERATION],
  }),
  plain: () => ({ protocol: "l4", path: "**", allow: [] }),
};

const GET_ITEM = { kind: "operation", type: "query", name: "GetItem", fields: ["item"] } as const;

const PASSING: Readonly<Record<Kind, (prefix: string) => Partial<RawQuestion>>> = {
  rest: (prefix) => ({ method: "GET", path: `${prefix}/items/one` }),
  graphql: (prefix) => ({ method: "POST", path: `${prefix}/graphql`, graphql: GET_ITEM }),
  mcp: (prefix) => ({
    method: "POST",
    path: `${prefix}/mcp`,
    rpc: { kind: "call", method: "initialize" },
  }),
  "json-rpc": (prefix) => ({
    method: "POST",
    path: `${prefix}/rpc`,
    rpc: { kind: "call", method: "status" },
  }),
  socket: (prefix) => ({ method: "GET", path: `${prefix}/live` }),
  operations: (prefix) => ({ isText: true, path: `${prefix}/live`, graphql: GET_ITEM }),
  plain: () => ({ method: "GET", path: "/" }),
};
