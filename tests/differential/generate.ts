/**
 * Random policies and requests that meet each other often: few hosts, paths and names, so that
 * most requests get past the first step, and all protocols and patterns.
 *
 * Small and seeded: the same seed gives the same policies and requests.
 *
 * @module
 */

import { endpointOf, policyOf } from "../../policy-wasm/fixtures.ts";
import type {
  Binary,
  Endpoint,
  GraphqlOperationType,
  Matcher,
  Policy,
  Protocol,
  RequestRule,
  Rule,
} from "../../policy-wasm/policy.ts";
import type { Caller, Request, RpcMessage, Target } from "../../policy-wasm/request.ts";

/** Numbers from a seed (SplitMix32), with the choices that generators need. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below` minus one. */
  below(below: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) % below;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** True one time in `n`. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  some<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }
}

const HOSTS = ["a.ex.com", "a.ex.com", "x-api.ex.com", "a.b.ex.com", "10.0.0.1", "fd00::1"];
const HOST_PATTERNS = [
  "*.ex.com",
  "**.ex.com",
  "*-api.ex.com",
  "a.*.ex.com",
  "*.*.ex.com",
  "x*.ex.com",
];
const PORTS = [443, 443, 80];
const BINARIES = ["/usr/bin/curl", "/usr/bin/git", "/opt/a/b/run", "/bin/[", "/usr/bin/ünï"];
const BINARY_PATTERNS = [
  "/**",
  "/usr/bin/*",
  "/usr/**",
  "/opt/*/b/*",
  "/opt/**/run",
  "/*/bin/c*",
  "/usr/bin/[cg]*",
];
const PATHS = [
  "/long/prefix/one/suffix-part",
  "/long/prefix/two/suffix-part",
  "/",
  "/a",
  "/a/",
  "/a/b",
  "/a/b/c",
  "/api/v1/x",
  "/api/v2/x/y",
  "/api/v1%2Fx",
  "/A",
];
const PATH_PATTERNS = [
  "/long/prefix/one/suffix-part",
  "/long/prefix/*/suffix-part",
  "**",
  "**",
  "/**",
  "/a/**",
  "/a/*",
  "/a",
  "/**/b",
  "/a/**/c",
  "/api/v?/*",
  "/api/v[!2]/**",
  "/{a,api}/**",
  "/api/v{1,2}/x{,_}".replace("{,_}", "*"),
  "**/x",
  "/a**",
  "/[aA]*",
  "/a/*/**",
];
const TEXTS = [
  "t".repeat(129),
  "",
  "a",
  "v1",
  "v.1",
  "get_x",
  "get.x.y",
  "admin",
  "ä",
  "a/b",
  "tools/call",
  "X y",
];
const TEXT_PATTERNS = [
  "*",
  "**",
  "v*",
  "get_*",
  "get.**",
  "[a-v]*",
  "?",
  "{a,admin}",
  "a",
  "v.?",
  "*.x.*",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "WEBSOCKET_TEXT", "PROPFIND"];
const REQUEST_METHODS = [...METHODS, "get", "Post", "FOO", "SEARCH", "G T"];
const RPC_METHODS = ["initialize", "tools/call", "tools/list", "ping", "Ping"];
const TYPES: readonly GraphqlOperationType[] = ["query", "mutation", "subscription"];
const COMMANDS = ["SELECT", "INSERT", "DROP"];
const PROTOCOLS: readonly Protocol[] = [
  "rest",
  "rest",
  "rest",
  "websocket",
  "graphql",
  "json-rpc",
  "mcp",
  "sql",
  "l4",
  "tcp",
];

/** Returns a policy; not always one that validation lets through, but always one with a meaning. */
export function anyPolicy(chance: Chance): Policy {
  const keys = ["a", "b", "c", "d", "e", "f"].slice(0, chance.once(30) ? 0 : 1 + chance.below(6));
  return policyOf(...keys.map((key) => anyRule(chance, key)));
}

/** Returns a caller, a place and mostly a request, all of the kind that `anyPolicy` speaks of. */
export function anyQuestion(
  chance: Chance,
): { caller: Caller; target: Target; request?: Request } {
  const caller = {
    binary: chance.once(50) ? "curl" : chance.of(BINARIES),
    ancestors: chance.some(0, 2, () => chance.of(BINARIES)),
  };
  const target = {
    host: chance.once(20) ? chance.of(["other.com", "com", "a.a.b.ex.com"]) : chance.of(HOSTS),
    port: chance.once(12) ? 22 : chance.of(PORTS),
  };
  return chance.once(12) ? { caller, target } : { caller, target, request: anyRequest(chance) };
}

function anyRule(chance: Chance, key: string): Rule {
  return {
    key,
    name: key,
    endpoints: chance.some(1, 3, () => anyEndpoint(chance)),
    binaries: chance.some(1, 3, () => anyBinary(chance)),
  };
}

function anyBinary(chance: Chance): Binary {
  const path = chance.of(chance.once(3) ? BINARIES : BINARY_PATTERNS);
  return { path, descendants: chance.once(4) };
}

function anyEndpoint(chance: Chance): Endpoint {
  const protocol = chance.of(PROTOCOLS);
  const withGraphql = protocol === "graphql" || (protocol === "websocket" && chance.once(3));
  const host = chance.once(15) ? "" : chance.of(chance.once(2) ? HOSTS : HOST_PATTERNS);
  const ports = [...new Set(chance.some(1, 2, () => chance.of(PORTS)))].sort((a, b) => a - b);
  const isPlain = protocol === "l4" || protocol === "tcp";
  const rules = () =>
    isPlain ? [] : chance.some(0, 3, () => anyRequestRule(chance, protocol, withGraphql));
  return endpointOf({
    host,
    ports,
    path: isPlain ? "**" : chance.of(PATH_PATTERNS),
    protocol,
    enforcement: chance.once(5) ? "audit" : "enforce",
    allow: rules(),
    deny: chance.once(2) ? [] : rules(),
    allowedIps: host === "" ? ["10.0.0.0/8"] : [],
    allowEncodedSlash: chance.once(3),
    persistedQueries: chance.once(2) ? "deny" : "allow_registered",
    graphqlPersistedQueries: chance.some(0, 2, () => ({
      id: chance.of(["h1", "h2"]),
      operationType: chance.of(TYPES),
      operationName: chance.of(TEXTS),
      fields: chance.some(1, 2, () => chance.of(TEXTS)),
    })).filter((entry, index, all) => all.findIndex(({ id }) => id === entry.id) === index),
    mcpStrictToolNames: chance.once(2),
    mcpAllowAllKnownMethods: protocol === "mcp" && chance.once(2),
  });
}

function anyRequestRule(chance: Chance, protocol: Protocol, withGraphql: boolean): RequestRule {
  if (protocol === "sql") return { kind: "sql", command: chance.of([...COMMANDS, "*"]) };
  if (protocol === "json-rpc") {
    return { kind: "rpc", method: chance.of([...RPC_METHODS, "*"]), tool: null };
  }
  if (protocol === "mcp") {
    const tool = chance.once(2) ? anyMatcher(chance) : null;
    const method = tool === null ? chance.of([...RPC_METHODS, "tools/*"]) : "tools/call";
    return { kind: "rpc", method, tool };
  }
  if (withGraphql && (protocol === "graphql" || chance.once(2))) {
    return {
      kind: "graphql",
      operationType: chance.of([...TYPES, "*"]),
      operationName: chance.once(2) ? anyMatcher(chance) : null,
      fields: chance.once(2) ? anyMatcher(chance) : null,
    };
  }
  return {
    kind: "http",
    method: chance.once(3) ? "*" : chance.of(METHODS),
    path: chance.of(PATH_PATTERNS),
    query: chance.once(3)
      ? [...new Set(chance.some(1, 2, () => chance.of(["k", "q", ""])))]
        .map((key) => ({ key, value: anyMatcher(chance) }))
      : [],
  };
}

function anyMatcher(chance: Chance): Matcher {
  return chance.some(1, 2, () => chance.of(TEXT_PATTERNS));
}

function anyRequest(chance: Chance): Request {
  const path = chance.of(PATHS);
  return {
    method: chance.of(chance.once(8) ? REQUEST_METHODS : ["GET", "POST", "WEBSOCKET_TEXT"]),
    path,
    encodedSlash: path.includes("%2F"),
    ...(chance.once(2) && {
      query: chance.some(0, 3, () => [chance.of(["k", "q", "", "z"]), chance.of(TEXTS)] as const),
    }),
    ...(chance.once(2) && {
      graphql: chance.once(4)
        ? { kind: "persisted" as const, id: chance.of(["h1", "h2", "h3"]) }
        : {
          kind: "operation" as const,
          type: chance.of(TYPES),
          name: chance.of(TEXTS),
          fields: chance.some(1, 3, () => chance.of(TEXTS)),
        },
    }),
    ...(chance.once(2) && { rpc: anyMessage(chance) }),
    ...(chance.once(3) && { command: chance.of(["select", "INSERT", "DROP", "VACUUM"]) }),
  };
}

function anyMessage(chance: Chance): RpcMessage {
  if (chance.once(8)) return { kind: chance.of(["response", "stream"]) };
  const method = chance.once(3) ? "tools/call" : chance.of(RPC_METHODS);
  const hasTool = chance.once(3) || method === "tools/call";
  return { kind: "call", method, ...(hasTool && !chance.once(6) && { tool: chance.of(TEXTS) }) };
}
