/**
 * The oracle: decides the same questions as the evaluator, straight from the policy and the text
 * of `architecture/policy.md`, slowly and obviously. Tests compare the two on cases and on
 * millions of generated policies and requests; `policy explain` uses its steps to say what missed.
 *
 * It shares no code with compiler and evaluator but the types and the method registry: globs are
 * matched by backtracking over the pattern's own text.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import { KNOWN_METHODS } from "./methods.ts";
import type { Binary, Endpoint, HttpRule, Policy, RequestRule, Rule } from "./policy.ts";
import {
  ANCESTORS_MAX,
  CALLER_BYTES_MAX,
  GRAPHQL_FIELDS_MAX,
  PATH_BYTES_MAX,
} from "../proto/limits.ts";
import type { Reason } from "../proto/reason.ts";
import { matchesGlob, matchesHost } from "./reference_glob.ts";
import type { Caller, GraphqlOperation, Request, Target } from "./request.ts";
import { hasGraphqlRules, isInspected, pathSpecificity } from "./traits.ts";

/** An endpoint, its rule, and where it stands among all: order of "first". */
export interface Placed {
  readonly rule: Rule;
  readonly endpoint: Endpoint;
  readonly index: number;
  readonly order: number;
}

type Answer = Omit<Decision, "generation">;

/** Judges a connection and, when there is one, a request on it. Same answers as the evaluator. */
export function decide(
  policy: Policy,
  asked: { readonly caller: Caller; readonly target: Target; readonly request?: Request },
): Answer {
  const { caller, target, request } = asked;
  if (!isIdentified(caller)) return deny("caller_unknown");
  if (target.host === "") return deny("invalid_host");
  if (policy.rules.length === 0) return deny("no_network_rules");
  const all = placeEndpoints(policy);
  const named = all.filter(({ endpoint }) => namesHost(endpoint, target.host));
  const candidates = all.filter(({ endpoint }) => isCandidate(endpoint, target));
  if (candidates.length === 0) {
    return deny(named.length > 0 ? "port_not_allowed" : "host_not_allowed");
  }
  const admitted = candidates.filter(({ rule }) => admitsCaller(rule, caller));
  if (admitted.length === 0) return deny("binary_not_allowed");
  const connection = by(admitted[0]!, { verdict: "allow", audited: false, reason: "allowed" });
  return request === undefined ? connection : judge(admitted, connection, request);
}

/** Returns all endpoints in the order in which "first" counts. */
export function placeEndpoints(policy: Policy): Placed[] {
  return policy.rules
    .flatMap((rule) => rule.endpoints.map((endpoint, index) => ({ rule, endpoint, index })))
    .map((placed, order) => ({ ...placed, order }));
}

/** Tells whether the endpoint's own host is or covers the host. */
export function namesHost(endpoint: Endpoint, host: string): boolean {
  return endpoint.host !== "" && matchesHost(endpoint.host, host);
}

/** Tells whether the endpoint covers host and port. */
export function isCandidate(endpoint: Endpoint, { host, port }: Target): boolean {
  const coversHost = endpoint.host === "" || namesHost(endpoint, host);
  return coversHost && endpoint.ports.includes(port);
}

/** Tells whether one of the rule's binaries is the caller, or an ancestor where that counts. */
export function admitsCaller(rule: Rule, caller: Caller): boolean {
  return rule.binaries.some((binary) =>
    matchesBinary(binary, caller.binary) ||
    (binary.descendants &&
      caller.ancestors.slice(0, ANCESTORS_MAX).some((ancestor) => matchesBinary(binary, ancestor)))
  );
}

/** Tells whether the endpoint's path covers the request's. */
export function selects(endpoint: Endpoint, path: string): boolean {
  return isInspected(endpoint.protocol) && matchesGlob(endpoint.path, path, "path");
}

/** Returns the endpoint that says how the request is understood. */
export function findDriver(selected: readonly Placed[]): Placed {
  return selected.reduce((best, next) => outranks(next, best) ? next : best);
}

/** Tells whether the rule matches the request. */
export function matchesRule(
  rule: RequestRule,
  request: Request,
  side: { readonly isDeny: boolean; readonly endpoint: Endpoint },
): boolean {
  const { isDeny, endpoint } = side;
  const use = isDeny ? "any" : "text";
  switch (rule.kind) {
    case "http":
      return matchesMethod(rule, request) && matchesGlob(rule.path, request.path, "path") &&
        matchesQuery(rule, request, isDeny);
    case "graphql": {
      const operation = resolveOperation(endpoint, request.graphql);
      if (operation === null) return false;
      if (rule.operationType !== "*" && rule.operationType !== operation.type) return false;
      const { operationName, fields } = rule;
      if (operationName !== null && !anyMatches(operationName, operation.name, use)) return false;
      if (fields === null) return true;
      const hits = operation.fields.filter((field) => anyMatches(fields, field, use)).length;
      return isDeny ? hits > 0 : hits > 0 && hits === operation.fields.length;
    }
    case "rpc": {
      if (request.rpc?.kind !== "call") return false;
      const { method, tool } = request.rpc;
      if (rule.method !== "*" && !matchesGlob(rule.method, method, use)) return false;
      if (rule.tool === null) return true;
      return method === "tools/call" && tool !== undefined && anyMatches(rule.tool, tool, use);
    }
    case "sql":
      return request.command !== undefined &&
        (rule.command === "*" || rule.command === request.command.toUpperCase());
  }
}

function judge(admitted: readonly Placed[], connection: Answer, request: Request): Answer {
  if (!isToken(request.method)) return deny("invalid_method");
  const beyond = findBeyondBounds(request);
  if (beyond !== null) return deny(beyond);
  const inspected = admitted.filter(({ endpoint }) => isInspected(endpoint.protocol));
  if (inspected.length === 0) {
    const sql = admitted.filter(({ endpoint }) => endpoint.protocol === "sql");
    if (request.command === undefined || sql.length === 0) return connection;
    return judgeRules(sql, sql[0]!, request);
  }
  const selected = inspected.filter(({ endpoint }) => selects(endpoint, request.path));
  if (selected.length === 0) return deny("path_not_in_scope");
  const driver = findDriver(selected);
  const hard = checkHard(driver.endpoint, request);
  if (hard !== null) return by(driver, deny(hard));
  return judgeRules(selected, driver, request);
}

/** Each path has a bound, and all together have one, lengths included. */
function isIdentified({ binary, ancestors }: Caller): boolean {
  if (!binary.startsWith("/") || binary.includes("\0")) return false;
  const paths = [binary, ...ancestors.slice(0, ANCESTORS_MAX)];
  if (!paths.every((path) => path.isWellFormed())) return false;
  const sizes = paths.map(bytesOf);
  if (sizes.some((size) => size > PATH_BYTES_MAX)) return false;
  const total = sizes.reduce((sum, size) => sum + size + 4, -4);
  return sizes.length === 1 || total - 4 <= CALLER_BYTES_MAX;
}

/** Names and paths share one bound. Query pairs have theirs where they are decoded. */
function findBeyondBounds({ path, graphql, rpc, command }: Request): Reason | null {
  const isLong = (texts: readonly string[]) => texts.some((text) => bytesOf(text) > PATH_BYTES_MAX);
  if (isLong([path])) return "invalid_path";
  if (graphql?.kind === "persisted" && isLong([graphql.id])) return "graphql_invalid";
  if (graphql?.kind === "operation") {
    if (graphql.fields.length > GRAPHQL_FIELDS_MAX) return "graphql_invalid";
    if (isLong([graphql.name, ...graphql.fields])) return "graphql_invalid";
  }
  if (rpc?.kind === "call" && isLong([rpc.method, rpc.tool ?? ""])) return "rpc_invalid";
  return isLong([command ?? ""]) ? "engine_error" : null;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Step 4: what audit mode does not soften. */
function checkHard(driver: Endpoint, request: Request): Reason | null {
  if (request.encodedSlash === true && !driver.allowEncodedSlash) {
    return "encoded_slash_not_allowed";
  }
  const method = request.method.toUpperCase();
  if (driver.protocol === "websocket" && method !== "GET" && method !== "WEBSOCKET_TEXT") {
    return "websocket_required";
  }
  if (judgesOperations(driver, request) && request.graphql === undefined) return "graphql_invalid";
  if (driver.protocol === "graphql" && method !== "GET" && method !== "POST") {
    return "graphql_invalid";
  }
  if (driver.protocol !== "json-rpc" && driver.protocol !== "mcp") return null;
  const { rpc } = request;
  if (rpc === undefined) return "rpc_invalid";
  if (method !== (rpc.kind === "stream" ? "GET" : "POST")) return "rpc_invalid";
  if (driver.protocol === "json-rpc") {
    return rpc.kind === "response" ? "rpc_response_not_allowed" : null;
  }
  if (rpc.kind !== "call" || rpc.method !== "tools/call") return null;
  if (rpc.tool === undefined) return "rpc_invalid";
  const isPlain = /^[A-Za-z0-9_.-]{1,128}$/.test(rpc.tool) && !rpc.tool.includes("\n");
  return driver.mcpStrictToolNames && !isPlain ? "tool_name_invalid" : null;
}

/** Steps 5 to 7. */
function judgeRules(selected: readonly Placed[], driver: Placed, request: Request): Answer {
  const isAudit = driver.endpoint.enforcement === "audit" || driver.endpoint.protocol === "sql";
  const violation = (reason: Reason): Answer =>
    isAudit ? { ...deny(reason), verdict: "allow", audited: true } : deny(reason);
  const denier = selected.find(({ endpoint }) =>
    endpoint.deny.some((rule) => matchesRule(rule, request, { isDeny: true, endpoint }))
  );
  if (denier !== undefined) return by(denier, violation("denied_by_rule"));
  const allowed: Answer = { ...deny("allowed"), verdict: "allow" };
  if (driver.endpoint.protocol === "mcp" && request.rpc!.kind !== "call") {
    return by(driver, allowed);
  }
  const allower = selected.find(({ endpoint }) =>
    endpoint.protocol === driver.endpoint.protocol &&
    (endpoint.allow.some((rule) =>
      maySpeak(rule, driver.endpoint, request) &&
      matchesRule(rule, request, { isDeny: false, endpoint })
    ) || profileAllows(endpoint, request))
  );
  if (allower !== undefined) return by(allower, allowed);
  const isPersisted = judgesOperations(driver.endpoint, request) &&
    request.graphql?.kind === "persisted";
  return by(driver, violation(isPersisted ? "persisted_query_not_allowed" : "request_not_allowed"));
}

function judgesOperations(driver: Endpoint, request: Request): boolean {
  return driver.protocol === "graphql" ||
    (driver.protocol === "websocket" && hasGraphqlRules(driver) &&
      request.method.toUpperCase() === "WEBSOCKET_TEXT");
}

/** At a WebSocket, connections are for HTTP rules; operations, where they are judged, for GraphQL. */
function maySpeak(rule: RequestRule, driver: Endpoint, request: Request): boolean {
  if (driver.protocol !== "websocket") return true;
  return (rule.kind === "graphql") === judgesOperations(driver, request);
}

function profileAllows(endpoint: Endpoint, request: Request): boolean {
  if (!endpoint.mcpAllowAllKnownMethods || request.rpc?.kind !== "call") return false;
  const namesTools = endpoint.allow.some((rule) => rule.kind === "rpc" && rule.tool !== null);
  return request.rpc.method !== "tools/call" || !namesTools;
}

function outranks(a: Placed, b: Placed): boolean {
  if (isSpecific(a.endpoint) !== isSpecific(b.endpoint)) return isSpecific(a.endpoint);
  const difference = pathSpecificity(a.endpoint.path) - pathSpecificity(b.endpoint.path);
  return difference === 0 ? a.order < b.order : difference > 0;
}

function isSpecific(endpoint: Endpoint): boolean {
  const { protocol } = endpoint;
  return protocol === "graphql" || protocol === "json-rpc" || protocol === "mcp" ||
    (protocol === "websocket" && hasGraphqlRules(endpoint));
}

function matchesBinary({ path }: Binary, executable: string): boolean {
  return path.includes("*") ? matchesGlob(path, executable, "path") : path === executable;
}

function matchesMethod(rule: HttpRule, request: Request): boolean {
  const method = request.method.toUpperCase();
  return rule.method === "*" || rule.method === method ||
    (rule.method === "GET" && method === "HEAD");
}

function matchesQuery(rule: HttpRule, request: Request, isDeny: boolean): boolean {
  return rule.query.every(({ key, value }) => {
    const values = (request.query ?? []).filter(([name]) => name === key).map(([, text]) => text);
    const hits = values.filter((text) => anyMatches(value, text, isDeny ? "any" : "text")).length;
    return isDeny ? hits > 0 : values.length > 0 && hits === values.length;
  });
}

function resolveOperation(
  endpoint: Endpoint,
  operation: GraphqlOperation | undefined,
): Extract<GraphqlOperation, { kind: "operation" }> | null {
  if (operation === undefined) return null;
  if (operation.kind === "operation") return operation;
  if (endpoint.persistedQueries !== "allow_registered") return null;
  const entry = endpoint.graphqlPersistedQueries.find(({ id }) => id === operation.id);
  if (entry === undefined) return null;
  return {
    kind: "operation",
    type: entry.operationType,
    name: entry.operationName,
    fields: entry.fields,
  };
}

function anyMatches(patterns: readonly string[], value: string, use: "text" | "any"): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, value, use));
}

function isToken(method: string): boolean {
  if (["CONNECT", "PRI"].includes(method.toUpperCase())) return false;
  if (KNOWN_METHODS.includes(method)) return true;
  return method.length <= 64 && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method);
}

function deny(reason: Reason): Answer {
  return { verdict: "deny", audited: false, rule: null, endpoint: null, reason };
}

type Verdict = Pick<Answer, "verdict" | "audited" | "reason">;

function by(placed: Placed, { verdict, audited, reason }: Verdict): Answer {
  return { verdict, audited, rule: placed.rule.key, endpoint: placed.index, reason };
}
