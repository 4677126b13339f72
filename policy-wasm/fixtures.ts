/**
 * Short ways to write policies in tests.
 *
 * @module
 */

import type { Endpoint, HttpRule, Policy, Rule } from "./policy.ts";

/** Returns a policy of these rules; their order is their keys' order when none is given. */
export function policyOf(...rules: readonly Rule[]): Policy {
  return {
    version: 1,
    filesystem: { includeWorkdir: true, readOnly: [], readWrite: [] },
    landlock: { compatibility: "hard_requirement" },
    process: { runAsUser: null, runAsGroup: null },
    rules: rules.toSorted((a, b) => a.key < b.key ? -1 : 1),
    middlewares: [],
  };
}

/** Returns a rule for every program, with key `rule`, unless changed. */
export function ruleOf(change: Partial<Rule> = {}): Rule {
  return {
    key: "rule",
    name: change.key ?? "rule",
    endpoints: [endpointOf()],
    binaries: [{ path: "/**", descendants: false }],
    ...change,
  };
}

/** Returns a REST endpoint at `api.example.com:443` that allows `GET`, unless changed. */
export function endpointOf(change: Partial<Endpoint> = {}): Endpoint {
  return {
    host: "api.example.com",
    ports: [443],
    path: "**",
    protocol: "rest",
    tls: "auto",
    enforcement: "enforce",
    allow: [httpRuleOf()],
    deny: [],
    allowedIps: [],
    allowEncodedSlash: false,
    websocketCredentialRewrite: false,
    requestBodyCredentialRewrite: false,
    allowUninspectedCredentials: false,
    credentialSigning: null,
    signingService: null,
    signingRegion: null,
    credentialBindingProvider: null,
    persistedQueries: "deny",
    graphqlPersistedQueries: [],
    graphqlMaxBodyBytes: 65536,
    rpcMaxBodyBytes: 65536,
    mcpStrictToolNames: true,
    mcpAllowAllKnownMethods: false,
    ...change,
  };
}

/** Returns a rule for `GET` on every path, unless changed. */
export function httpRuleOf(change: Partial<HttpRule> = {}): HttpRule {
  return { kind: "http", method: "GET", path: "**", query: [], ...change };
}
