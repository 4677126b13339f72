/**
 * A small policy of every kind of endpoint, and ways to widen it by one edge, for tests.
 *
 * @module
 */

import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../policy-wasm/fixtures.ts";
import type { Endpoint, HttpRule, Policy, Rule } from "../policy-wasm/policy.ts";

/** Chooses one of several. */
export interface Chooser {
  of<T>(choices: readonly T[]): T;
}

/** A small policy with one endpoint of each kind. */
export function basePolicy(chance: Chooser): Policy {
  const path = chance.of(["/a/*", "/v1/items/*", "/x"]);
  const query = [{ key: "k", value: [chance.of(["a*", "x"])] }];
  const rest = endpointOf({
    host: chance.of(["a.ex.com", "b.ex.com"]),
    allow: [httpRuleOf({ path }), httpRuleOf({ method: "PUT", path: "/put/*", query })],
    deny: [httpRuleOf({ method: "*", path: chance.of(["/a/secret", "/v1/items/secret", "/z"]) })],
  });
  const graphql = endpointOf({
    host: "graphql.ex.com",
    protocol: "graphql",
    allow: [{
      kind: "graphql",
      operationType: "query",
      operationName: [chance.of(["Get*", "List"])],
      fields: ["item", "list*"],
    }],
    graphqlPersistedQueries: [
      { id: "h1", operationType: "query", operationName: "GetItem", fields: ["item"] },
    ],
  });
  const mcp = endpointOf({
    host: "mcp.ex.com",
    protocol: "mcp",
    allow: [
      { kind: "rpc", method: "initialize", tool: null },
      { kind: "rpc", method: "tools/call", tool: [chance.of(["get_*", "look"])] },
    ],
  });
  const socket = endpointOf({
    host: "ws.ex.com",
    protocol: "websocket",
    allow: [httpRuleOf({ path: "/live" })],
  });
  return policyOf(
    ruleOf({ key: "g", endpoints: [graphql], binaries: [{ path: "/opt/*", descendants: false }] }),
    ruleOf({
      key: "m",
      endpoints: [mcp],
      binaries: [{ path: "/usr/bin/app", descendants: false }],
    }),
    ruleOf({
      key: "r",
      endpoints: [rest],
      binaries: [{ path: "/usr/bin/curl", descendants: false }],
    }),
    ruleOf({
      key: "w",
      endpoints: [socket],
      binaries: [{ path: "/usr/bin/node", descendants: false }],
    }),
  );
}

/** Makes another policy of a base. */
export type Mutation = (policy: Policy) => Policy;

function onRule(key: string, change: (rule: Rule) => Partial<Rule>): Mutation {
  return (policy) => ({
    ...policy,
    rules: policy.rules.map((rule) => rule.key === key ? { ...rule, ...change(rule) } : rule),
  });
}

function onEndpoint(key: string, change: (endpoint: Endpoint) => Partial<Endpoint>): Mutation {
  return onRule(key, ({ endpoints }) => ({
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, ...change(endpoint) })),
  }));
}

function onAllow(key: string, index: number, change: object): Mutation {
  return onEndpoint(key, ({ allow }) => ({
    allow: allow.with(index, { ...allow[index]!, ...change } as Endpoint["allow"][number]),
  }));
}

function moreAllow(key: string, rule: Partial<HttpRule>): Mutation {
  return onEndpoint(key, ({ allow }) => ({ allow: [...allow, httpRuleOf(rule)] }));
}

const KEYS = ["g", "m", "r", "w"];

/** Each widens the base by one edge, whatever its choices were. */
export const WIDENINGS: Readonly<Record<string, Mutation>> = {
  ...Object.fromEntries(KEYS.flatMap((key): [string, Mutation][] => [
    [
      `${key}: another host`,
      onRule(key, ({ endpoints }) => ({
        endpoints: [...endpoints, { ...endpoints[0]!, host: "more.ex.com" }],
      })),
    ],
    [`${key}: a wildcard`, onEndpoint(key, () => ({ host: "**.ex.com" }))],
    [`${key}: another port`, onEndpoint(key, ({ ports }) => ({ ports: [...ports, 8443] }))],
    [
      `${key}: another binary`,
      onRule(key, ({ binaries }) => ({
        binaries: [...binaries, { path: "/usr/sbin/other", descendants: false }],
      })),
    ],
    [
      `${key}: any binary`,
      onRule(key, () => ({ binaries: [{ path: "/**", descendants: false }] })),
    ],
    [
      `${key}: descendants`,
      onRule(key, ({ binaries }) => ({
        binaries: binaries.map(({ path }) => ({ path, descendants: true })),
      })),
    ],
    [`${key}: audit mode`, onEndpoint(key, () => ({ enforcement: "audit" }))],
    [`${key}: unread`, onEndpoint(key, () => ({ protocol: "l4", allow: [], deny: [] }))],
    [`${key}: tcp`, onEndpoint(key, () => ({ protocol: "tcp", allow: [], deny: [] }))],
  ])),
  "any method": onAllow("r", 0, { method: "*" }),
  "another method": moreAllow("r", { method: "DELETE", path: "/put/*" }),
  "a method nobody names": moreAllow("r", { method: "REPORT" }),
  "a deeper path": onAllow("r", 0, { path: "/**" }),
  "another path": moreAllow("r", { path: "/other" }),
  "one more character": moreAllow("r", { path: "/y?" }),
  "no query": onAllow("r", 1, { query: [] }),
  "a wider query": onAllow("r", 1, { query: [{ key: "k", value: ["a*", "x", "y"] }] }),
  "another query key": onAllow("r", 1, { query: [{ key: "q", value: ["a*"] }] }),
  "two values together": onAllow("r", 1, { query: [{ key: "k", value: ["a*", "x"] }] }),
  "encoded slashes": onEndpoint("r", () => ({ allowEncodedSlash: true })),
  "another operation type": onAllow("g", 0, { operationType: "*" }),
  "any operation name": onAllow("g", 0, { operationName: null }),
  "any field": onAllow("g", 0, { fields: null }),
  "another field": onAllow("g", 0, { fields: ["item", "list*", "secret"] }),
  "registered queries": (policy) =>
    onAllow("g", 0, { operationName: null })(
      onEndpoint("g", () => ({ persistedQueries: "allow_registered" }))(policy),
    ),
  "another tool": onAllow("m", 1, { tool: ["get_*", "look", "drop"] }),
  "any tool": onAllow("m", 1, { tool: null }),
  "another call": onAllow("m", 0, { method: "tools/*" }),
  "all known calls": onEndpoint("m", () => ({ mcpAllowAllKnownMethods: true })),
  "loose tool names": (policy) =>
    onAllow("m", 1, { tool: ["**"] })(
      onEndpoint("m", () => ({ mcpStrictToolNames: false }))(policy),
    ),
  "text messages": moreAllow("w", { method: "WEBSOCKET_TEXT" }),
  "another socket": moreAllow("w", { path: "/other" }),
};

/** Edges that open one thing and close another. */
export const MAY_TAKE: ReadonlySet<string> = new Set(["another query key", "another call"]);
