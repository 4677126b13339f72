/**
 * Ways to widen a rule by one edge, each with a request that this opens.
 *
 * @module
 */

import { httpRuleOf } from "../../../policy-wasm/fixtures.ts";
import type { Endpoint, RequestRule, Rule } from "../../../policy-wasm/policy.ts";
import type { RawQuestion } from "../../../policy-wasm/raw_question.ts";
import { type Kind, KINDS, putRule, type RuleSpec, type Site } from "./base_policy.ts";

/** A rule that was widened, and what passes now and did not before. */
export interface Widened {
  readonly rule: Rule;
  /** Beside the widened rule, where that is the way. */
  readonly more?: Rule;
  readonly question: RawQuestion;
  /** Only dialled there now; the question itself passed before. */
  readonly address?: string;
}

/** One way to widen. */
export interface Widening {
  readonly kinds: readonly Kind[];
  readonly needs: Partial<RuleSpec>;
  readonly widen: (site: Site) => Widened;
  /** It closes something as well. */
  readonly takes?: boolean;
}

const READ: readonly Kind[] = KINDS.filter((kind) => kind !== "plain");

function onEndpoint(
  { rule, endpoint, question }: Site,
  change: Partial<Endpoint>,
  opened: Partial<RawQuestion>,
): Widened {
  const widened = { ...rule, endpoints: [{ ...endpoint, ...change }] };
  return { rule: widened, question: { ...question, ...opened } };
}

function onAllow(site: Site, index: number, change: object, opened: Partial<RawQuestion>): Widened {
  const { allow } = site.endpoint;
  const changed = { ...allow[index]!, ...change } as RequestRule;
  return onEndpoint(site, { allow: allow.with(index, changed) }, opened);
}

function moreAllow(site: Site, rule: RequestRule, opened: Partial<RawQuestion>): Widened {
  return onEndpoint(site, { allow: [...site.endpoint.allow, rule] }, opened);
}

function onBinary({ rule, question }: Site, path: string, binary: string): Widened {
  const binaries = [...rule.binaries, { path, descendants: false }];
  return { rule: { ...rule, binaries }, question: { ...question, caller: callerOf(binary) } };
}

function callerOf(binary: string, ancestors: readonly string[] = []): RawQuestion["caller"] {
  return { binary, ancestors };
}

/** A request that no rule of a base allows. */
const ODD: Partial<RawQuestion> = { method: "REPORT", isText: false };

function make(
  kinds: readonly Kind[],
  widen: Widening["widen"],
  needs: Partial<RuleSpec> = {},
): Widening {
  return { kinds, widen, needs };
}

const CONNECTIONS: Readonly<Record<string, Widening>> = {
  "another endpoint at a host that is new": make(KINDS, ({ rule, endpoint, question }) => ({
    rule: { ...rule, endpoints: [endpoint, { ...endpoint, host: "more.ex.com" }] },
    question: { ...question, host: "more.ex.com" },
  })),
  "another rule": make(KINDS, ({ rule, endpoint, question }) => ({
    rule,
    more: { ...rule, key: "z", endpoints: [{ ...endpoint, host: "more.ex.com" }] },
    question: { ...question, host: "more.ex.com" },
  })),
  "a wildcard for a label": make(
    KINDS,
    (site) => onEndpoint(site, { host: "*.ex.com" }, { host: "else.ex.com" }),
    { isPattern: false },
  ),
  "a wildcard for any number of labels": make(
    KINDS,
    (site) =>
      onEndpoint(site, { host: `*${site.endpoint.host}` }, { host: `y.${site.question.host}` }),
    { isPattern: true },
  ),
  "another port": make(
    KINDS,
    (site) => onEndpoint(site, { ports: [...site.endpoint.ports, 8443] }, { port: 8443 }),
  ),
  "another program": make(KINDS, (site) => onBinary(site, "/usr/sbin/other", "/usr/sbin/other")),
  "programs of a folder": make(KINDS, (site) => onBinary(site, "/usr/sbin/*", "/usr/sbin/a")),
  "programs of all folders": make(KINDS, (site) => onBinary(site, "/**", "/opt/a/b")),
  "descendants": make(
    KINDS,
    ({ rule, question }) => ({
      rule: { ...rule, binaries: rule.binaries.map(({ path }) => ({ path, descendants: true })) },
      question: { ...question, caller: callerOf("/bin/sh", [question.caller.binary]) },
    }),
    { hasDescendants: false },
  ),
  "another network": make(KINDS, (site) => ({
    ...onEndpoint(site, { allowedIps: [...site.endpoint.allowedIps, "10.2.0.0/16"] }, {}),
    address: "10.2.3.4",
  }), { hasNetworks: true }),
  "a wider network": make(KINDS, (site) => ({
    ...onEndpoint(site, { allowedIps: ["10.1.0.0/15", "93.184.0.0/16"] }, {}),
    address: "10.0.3.4",
  }), { hasNetworks: true }),
  "networks for a pattern": {
    takes: true,
    ...make(KINDS, (site) => ({
      ...onEndpoint(site, { allowedIps: ["10.2.0.0/16"] }, {}),
      address: "10.2.3.4",
    }), { hasNetworks: false, isPattern: true }),
  },
  "no networks any more": make(KINDS, (site) => ({
    ...onEndpoint(site, { allowedIps: [] }, {}),
    address: "1.2.3.4",
  }), { hasNetworks: true, isPattern: false }),
};

const INSPECTION: Readonly<Record<string, Widening>> = {
  "no protocol": make(
    READ,
    (site) => onEndpoint(site, { protocol: "l4", path: "**", allow: [], deny: [] }, ODD),
    { isAudited: false },
  ),
  "skipped TLS": make(
    READ,
    (site) =>
      onEndpoint(site, { protocol: "l4", path: "**", tls: "skip", allow: [], deny: [] }, ODD),
    { isAudited: false },
  ),
  "protocol tcp": make(
    READ,
    (site) => onEndpoint(site, { protocol: "tcp", path: "**", allow: [], deny: [] }, ODD),
    { isAudited: false },
  ),
  "audit mode": make(
    ["rest", "socket", "json-rpc", "mcp"],
    (site) => onEndpoint(site, { enforcement: "audit" }, VIOLATION[site.spec.kind]!),
    { isAudited: false },
  ),
  "full access": make(
    ["rest"],
    (site) => onEndpoint(site, { allow: [httpRuleOf({ method: "*" })] }, ODD),
    { isAudited: false },
  ),
  "no scope": make(
    ["rest", "socket"],
    (site) =>
      onEndpoint(site, { path: "**", allow: [...site.endpoint.allow, httpRuleOf()] }, {
        path: "/elsewhere",
      }),
    { isScoped: true },
  ),
  "encoded slashes": make(
    ["rest"],
    (site) => onEndpoint(site, { allowEncodedSlash: true }, { path: `${site.prefix}/items/a%2Fb` }),
  ),
};

/** Denied by each kind, and passed in audit mode. */
const VIOLATION: Readonly<Partial<Record<Kind, Partial<RawQuestion>>>> = {
  rest: ODD,
  socket: { path: "/v1/else" },
  "json-rpc": { rpc: { kind: "call", method: "erase" } },
  mcp: { rpc: { kind: "call", method: "erase" } },
};

const PLAIN = { isAudited: false };

const HTTP: Readonly<Record<string, Widening>> = {
  "any method": make(["rest"], (site) => onAllow(site, 0, { method: "*" }, ODD), PLAIN),
  "another method": make(
    ["rest"],
    (site) =>
      moreAllow(site, httpRuleOf({ method: "DELETE", path: `${site.prefix}/items/*` }), {
        method: "DELETE",
      }),
    PLAIN,
  ),
  "a method that nobody names": make(
    ["rest"],
    (site) =>
      moreAllow(site, httpRuleOf({ method: "REPORT", path: `${site.prefix}/items/*` }), ODD),
    PLAIN,
  ),
  "a deeper path": make(
    ["rest"],
    (site) =>
      onAllow(site, 0, { path: `${site.prefix}/items/**` }, { path: `${site.prefix}/items/a/b` }),
    PLAIN,
  ),
  "any path": make(
    ["rest", "socket"],
    (site) => onAllow(site, 0, { path: "**" }, { path: `${site.prefix}/other` }),
    PLAIN,
  ),
  "another path": make(
    ["rest", "socket"],
    (site) =>
      moreAllow(site, httpRuleOf({ path: `${site.prefix}/other` }), {
        path: `${site.prefix}/other`,
      }),
    PLAIN,
  ),
  "one more character": make(
    ["rest"],
    (site) =>
      moreAllow(site, httpRuleOf({ path: `${site.prefix}/item?` }), {
        path: `${site.prefix}/itemz`,
      }),
    PLAIN,
  ),
  "no query": make(["rest"], (site) => onAllow(site, 1, { query: [] }, put(site, {})), PLAIN),
  "a wider query": make(
    ["rest"],
    (site) =>
      onAllow(site, 1, { query: [{ key: "k", value: ["a*", "x", "y"] }] }, put(site, { k: "y" })),
    PLAIN,
  ),
  "a query value across dots": make(
    ["rest"],
    (site) =>
      onAllow(
        site,
        1,
        { query: [{ key: "k", value: ["a**", "a*.*", "x"] }] },
        put(site, { k: "a.b" }),
      ),
    PLAIN,
  ),
  "a rule for another query key": make(
    ["rest"],
    (site) =>
      moreAllow(
        site,
        putRule(site.prefix, { query: [{ key: "q", value: ["*"] }] }),
        put(site, { q: "v" }),
      ),
    PLAIN,
  ),
  "no deny rules": make(
    ["rest"],
    (site) => onEndpoint(site, { deny: [] }, { path: `${site.prefix}/items/secrets` }),
    PLAIN,
  ),
  "a deny rule less": make(
    ["rest"],
    (site) =>
      onEndpoint(site, { deny: site.endpoint.deny.slice(0, 1) }, { query: [["debug", "1"]] }),
    PLAIN,
  ),
  "a deny rule for less of the path": make(["rest"], (site) => {
    const exact = httpRuleOf({ method: "*", path: `${site.prefix}/items/secret` });
    return onEndpoint(site, { deny: site.endpoint.deny.with(0, exact) }, {
      path: `${site.prefix}/items/secrets`,
    });
  }, PLAIN),
  "a deny rule for one method of all": make(["rest"], (site) => {
    const changed = { ...site.endpoint.deny[0]!, method: "POST" } as RequestRule;
    return onEndpoint(site, { deny: site.endpoint.deny.with(0, changed) }, {
      path: `${site.prefix}/items/secret`,
    });
  }, PLAIN),
  "a deny rule that needs a query value": make(["rest"], (site) => {
    const query = [{ key: "debug", value: ["1"] }];
    const changed = { ...site.endpoint.deny[1]!, query } as RequestRule;
    return onEndpoint(site, { deny: site.endpoint.deny.with(1, changed) }, {
      query: [["debug", "2"]],
    });
  }, PLAIN),
  "text messages": make(
    ["socket"],
    (site) =>
      moreAllow(site, httpRuleOf({ method: "WEBSOCKET_TEXT", path: `${site.prefix}/live` }), TEXT),
    PLAIN,
  ),
};

function put({ prefix }: Site, query: Readonly<Record<string, string>>): Partial<RawQuestion> {
  return { method: "PUT", path: `${prefix}/put/a`, query: Object.entries(query) };
}

const TEXT: Partial<RawQuestion> = { isText: true };

const OPERATIONS: readonly Kind[] = ["graphql", "operations"];

/** Place of the GraphQL rule. */
function ruleAt({ spec }: Site): number {
  return spec.kind === "graphql" ? 0 : 1;
}

function operation(type: "query" | "mutation", name: string, ...fields: string[]) {
  return { graphql: { kind: "operation", type, name, fields } as const };
}

const MESSAGES: Readonly<Record<string, Widening>> = {
  "any operation type": make(
    OPERATIONS,
    (site) =>
      onAllow(site, ruleAt(site), { operationType: "*" }, operation("mutation", "GetItem", "item")),
    PLAIN,
  ),
  "any operation name": make(
    OPERATIONS,
    (site) => onAllow(site, ruleAt(site), { operationName: null }, operation("query", "", "item")),
    PLAIN,
  ),
  "any field": make(
    OPERATIONS,
    (site) =>
      onAllow(site, ruleAt(site), { fields: null }, operation("query", "GetItem", "secret")),
    PLAIN,
  ),
  "another field": make(
    OPERATIONS,
    (site) =>
      onAllow(
        site,
        ruleAt(site),
        { fields: ["item", "list*", "secret"] },
        operation("query", "GetItem", "item", "secret"),
      ),
    PLAIN,
  ),
  "registered operations": make(
    ["graphql"],
    (site) =>
      onEndpoint(site, { persistedQueries: "allow_registered" }, {
        graphql: { kind: "persisted", id: "h1" },
      }),
    PLAIN,
  ),
  "no denied field": make(
    ["graphql"],
    (site) => onEndpoint(site, { deny: [] }, operation("query", "GetItem", "listSecrets")),
    PLAIN,
  ),
  "another tool": make(
    ["mcp"],
    (site) => onAllow(site, 1, { tool: ["get_*", "look", "drop"] }, call("drop")),
    PLAIN,
  ),
  "any tool": make(["mcp"], (site) => onAllow(site, 1, { tool: null }, call("drop")), PLAIN),
  "a tool across dots": make(
    ["mcp"],
    (site) => onAllow(site, 1, { tool: ["get_*", "get_*.*", "look"] }, call("get_a.b")),
    PLAIN,
  ),
  "no denied tool": make(
    ["mcp"],
    (site) => onEndpoint(site, { deny: [] }, call("get_secret")),
    PLAIN,
  ),
  "another call": make(
    ["mcp", "json-rpc"],
    (site) =>
      moreAllow(site, { kind: "rpc", method: "erase", tool: null }, {
        rpc: { kind: "call", method: "erase" },
      }),
    PLAIN,
  ),
  "a pattern of calls": make(
    ["mcp", "json-rpc"],
    (site) =>
      moreAllow(site, { kind: "rpc", method: "era*", tool: null }, {
        rpc: { kind: "call", method: "erase" },
      }),
    PLAIN,
  ),
  "all known calls": make(["mcp"], (site) =>
    onEndpoint(site, { mcpAllowAllKnownMethods: true }, {
      rpc: { kind: "call", method: "prompts/list" },
    }), PLAIN),
  "loose tool names": make(
    ["mcp"],
    (site) => onEndpoint(site, { mcpStrictToolNames: false }, call("get_ä")),
    PLAIN,
  ),
};

function call(tool: string): Partial<RawQuestion> {
  return { rpc: { kind: "call", method: "tools/call", tool } };
}

/** All ways, by name. */
export const WIDENINGS: Readonly<Record<string, Widening>> = {
  ...CONNECTIONS,
  ...INSPECTION,
  ...HTTP,
  ...MESSAGES,
};
