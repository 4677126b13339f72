/**
 * Tiny policies over tiny alphabets, for which every request that can matter can be listed.
 *
 * @module
 */

import fc from "fast-check";
import { endpointOf, httpRuleOf, policyOf } from "../../../policy-wasm/fixtures.ts";
import type {
  Endpoint,
  GraphqlRule,
  HttpRule,
  Policy,
  RequestRule,
  RpcRule,
} from "../../../policy-wasm/policy.ts";

/** What the requests of one policy are; the alphabets of all others stay out of its lists. */
export const FAMILIES = ["http", "query", "graphql", "rpc"] as const;

export type Family = typeof FAMILIES[number];

const HOSTS = ["a.x.com", "b.x.com", "*.x.com", "**.x.com", "a*.x.com", "*.google.internal"];
const BINARIES = ["/b/x", "/b/y", "/b/*", "/**", "/c"];
const PATHS = ["**", "/a", "/a/*", "/a/**", "/*/b", "/{a,b}", "/b?", "/[!a]*"];
const SCOPES = ["**", "**", "/a/**", "/{a,b}/**", "/*"];
const METHODS = ["GET", "HEAD", "POST", "DELETE", "*"];
const TEXTS = ["a", "b*", "*", "**", "a.*"];

const text = fc.constantFrom(...TEXTS);
const texts = fc.array(text, { minLength: 1, maxLength: 2 });

const http: fc.Arbitrary<HttpRule> = fc.record({
  method: fc.constantFrom(...METHODS),
  path: fc.constantFrom(...PATHS),
}).map(httpRuleOf);

const withQuery: fc.Arbitrary<HttpRule> = fc.record({
  method: fc.constantFrom("GET", "*"),
  path: fc.constantFrom("**", "/a"),
  query: fc.uniqueArray(fc.record({ key: fc.constantFrom("k", "q"), value: texts }), {
    selector: ({ key }) => key,
    maxLength: 2,
  }),
}).map(httpRuleOf);

const graphql: fc.Arbitrary<GraphqlRule> = fc.record({
  kind: fc.constant("graphql" as const),
  operationType: fc.constantFrom("query" as const, "mutation" as const, "*" as const),
  operationName: fc.option(texts),
  fields: fc.option(texts),
});

const rpc: fc.Arbitrary<RpcRule> = fc.oneof(
  fc.record({
    kind: fc.constant("rpc" as const),
    method: fc.constantFrom("ping", "p*", "*", "tools/call"),
    tool: fc.constant(null),
  }),
  fc.record({
    kind: fc.constant("rpc" as const),
    method: fc.constant("tools/call"),
    tool: texts,
  }),
);

/** Which rules an endpoint of each protocol has, by family. */
const PROTOCOLS: Readonly<
  Record<Family, readonly (readonly [Endpoint["protocol"], fc.Arbitrary<RequestRule>])[]>
> = {
  http: [["rest", http], ["rest", http], ["websocket", http]],
  query: [["rest", withQuery]],
  graphql: [["graphql", graphql], ["websocket", fc.oneof(http, graphql)], ["rest", http]],
  rpc: [["mcp", rpc], ["json-rpc", rpc.filter(({ tool }) => tool === null)], ["rest", http]],
};

function endpoint(family: Family): fc.Arbitrary<Endpoint> {
  return fc.constantFrom(...PROTOCOLS[family]).chain(([protocol, rule]) =>
    fc.record({
      isPlain: fc.nat(5).map((number) => number === 0),
      host: fc.constantFrom(...HOSTS),
      ports: fc.constantFrom([1], [1], [1, 2]),
      path: fc.constantFrom(...SCOPES),
      enforcement: fc.constantFrom("enforce" as const, "enforce" as const, "audit" as const),
      allow: fc.array(rule, { maxLength: 3 }),
      deny: fc.array(rule, { maxLength: 2 }),
      mcpAllowAllKnownMethods: fc.boolean().map((is) => is && protocol === "mcp"),
      persistedQueries: fc.constantFrom("deny" as const, "allow_registered" as const),
    }).map(({ isPlain, host, ports, ...rest }) =>
      endpointOf(
        isPlain ? { host, ports, protocol: "l4", allow: [] } : {
          ...rest,
          host,
          ports,
          protocol,
          graphqlPersistedQueries: family === "graphql"
            ? [{ id: "h1", operationType: "query", operationName: "a", fields: ["b"] }]
            : [],
        },
      )
    )
  );
}

/** Returns policies of at most two rules and four endpoints. */
export function smallPolicy(family: Family): fc.Arbitrary<Policy> {
  const rule = fc.record({
    endpoints: fc.array(endpoint(family), { minLength: 1, maxLength: 2 }),
    binaries: fc.array(
      fc.record({ path: fc.constantFrom(...BINARIES), descendants: fc.boolean() }),
      { minLength: 1, maxLength: 2 },
    ),
  });
  return fc.array(rule, { minLength: 1, maxLength: 2 }).map((rules) =>
    policyOf(...rules.map((one, at) => ({ key: `r${at}`, name: `r${at}`, ...one })))
  );
}
