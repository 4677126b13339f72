/**
 * Why the rules that nearly matched did not: the explanation beside a decision.
 *
 * Goes through the steps of `reference.ts` for each endpoint and says at which one it fell out.
 *
 * @module
 */

import { ANCESTORS_MAX } from "../proto/limits.ts";
import type { Endpoint, Policy, RequestRule } from "./policy.ts";
import {
  admitsCaller,
  findDriver,
  isCandidate,
  matchesRule,
  namesHost,
  type Placed,
  placeEndpoints,
  selects,
} from "./reference.ts";
import { matchesGlob } from "./reference_glob.ts";
import type { Caller, Request, Target } from "./request.ts";
import { isInspected } from "./traits.ts";

/** The step at which an endpoint fell out, in the order of the steps. */
export type MissedStep = "host" | "port" | "binary" | "path" | "protocol" | "request" | "deny";

/** One endpoint that did not allow what was asked. */
export interface NearMiss {
  readonly rule: string;
  readonly endpoint: number;
  readonly step: MissedStep;
  /** One sentence that names both sides. */
  readonly detail: string;
}

/** Misses that one explanation lists; the nearest ones. */
const MISSES_MAX = 8;

const STEPS: readonly MissedStep[] = [
  "deny",
  "request",
  "protocol",
  "path",
  "binary",
  "port",
  "host",
];

/** Returns the endpoints that came nearest, nearest first. Empty when nothing is like the host. */
export function findNearMisses(
  policy: Policy,
  asked: { readonly caller: Caller; readonly target: Target; readonly request: Request | null },
): NearMiss[] {
  const { caller, target, request } = asked;
  const all = placeEndpoints(policy);
  const admitted = all.filter(({ rule, endpoint }) =>
    isCandidate(endpoint, target) && admitsCaller(rule, caller)
  );
  const orders = new Set(admitted.map(({ order }) => order));
  const selected = request === null
    ? []
    : admitted.filter(({ endpoint }) => selects(endpoint, request.path));
  const driver = selected.length === 0 ? null : findDriver(selected);
  const misses: NearMiss[] = [];
  for (const placed of all) {
    const missed = orders.has(placed.order)
      ? request && missRequest(placed, driver, request)
      : missConnection(placed, caller, target);
    if (missed !== null) misses.push({ rule: placed.rule.key, endpoint: placed.index, ...missed });
  }
  const distance = (miss: NearMiss) => STEPS.indexOf(miss.step);
  misses.sort((a, b) => distance(a) - distance(b));
  // Other hosts and ports say nothing where an endpoint of this one was reached.
  const isFar = ({ step }: NearMiss) => step === "host" || step === "port";
  const near = misses.some((miss) => !isFar(miss)) ? misses.filter((miss) => !isFar(miss)) : misses;
  return near.slice(0, MISSES_MAX);
}

type Missed = Pick<NearMiss, "step" | "detail">;

/** Returns why an endpoint that does not admit the connection does not, `null` when it is far off. */
function missConnection(placed: Placed, caller: Caller, target: Target): Missed | null {
  const { rule, endpoint } = placed;
  if (!namesHost(endpoint, target.host) && endpoint.host !== "") {
    if (!isAlike(endpoint.host, target.host)) return null;
    return { step: "host", detail: `"${endpoint.host}" does not cover host "${target.host}"` };
  }
  if (!endpoint.ports.includes(target.port)) {
    const detail = `Port ${target.port} is not among ${endpoint.ports.join(", ")}`;
    return { step: "port", detail };
  }
  const binaries = rule.binaries.map(({ path }) => path).join(", ");
  const admitsParent = caller.ancestors.slice(0, ANCESTORS_MAX).some((binary) =>
    admitsCaller(rule, { binary, ancestors: [] })
  );
  const parent = admitsParent ? "; its parent does, but without `descendants: true`" : "";
  const detail = `Program "${caller.binary}" is not among ${binaries}${parent}`;
  return { step: "binary", detail };
}

function missRequest(
  { endpoint }: Placed,
  driver: Placed | null,
  request: Request,
): Missed | null {
  if (endpoint.protocol === "sql" && driver === null && request.command !== undefined) {
    return { step: "request", detail: describeAllows(endpoint, request) };
  }
  if (!isInspected(endpoint.protocol)) return null;
  if (!selects(endpoint, request.path)) {
    const detail = `Path "${request.path}" is outside the endpoint's "${endpoint.path}"`;
    return { step: "path", detail };
  }
  const denied = endpoint.deny.find((rule) =>
    matchesRule(rule, request, { isDeny: true, endpoint })
  );
  if (denied !== undefined) {
    return { step: "deny", detail: `Deny rule ${describeRule(denied)} matches` };
  }
  if (driver !== null && driver.endpoint.protocol !== endpoint.protocol) {
    const { protocol } = driver.endpoint;
    const detail = `Rule "${driver.rule.key}" makes this path ${protocol}, and only ${protocol} ` +
      "rules can allow it";
    return { step: "protocol", detail };
  }
  if (endpoint.allow.some((rule) => matchesRule(rule, request, { isDeny: false, endpoint }))) {
    return null;
  }
  return { step: "request", detail: describeAllows(endpoint, request) };
}

function describeAllows(endpoint: Endpoint, request: Request): string {
  if (endpoint.allow.length === 0) return "It has no allow rules";
  const faults = endpoint.allow.map((rule) => `${describeRule(rule)}: ${faultOf(rule, request)}`);
  const shown = [...new Set(faults)].slice(0, 6);
  const more = faults.length > shown.length ? `; and ${faults.length - shown.length} more` : "";
  return `No allow rule matches: ${shown.join("; ")}${more}`;
}

function faultOf(rule: RequestRule, request: Request): string {
  switch (rule.kind) {
    case "http": {
      const covers = rule.method === "*" || rule.method === request.method.toUpperCase() ||
        (rule.method === "GET" && request.method.toUpperCase() === "HEAD");
      if (!covers) return `method is ${request.method}`;
      if (!matchesGlob(rule.path, request.path, "path")) return `path is ${request.path}`;
      return `query does not match ${rule.query.map(({ key }) => key).join(", ")}`;
    }
    case "graphql":
      return request.graphql === undefined ? "there is no operation" : "operation differs";
    case "rpc":
      if (request.rpc?.kind !== "call") return "there is no call";
      if (rule.tool === null) return `method is ${request.rpc.method}`;
      if (request.rpc.method !== "tools/call") return `method is ${request.rpc.method}`;
      return request.rpc.tool === undefined ? "it names no tool" : `tool is ${request.rpc.tool}`;
    case "sql":
      return `command is ${request.command ?? "not given"}`;
  }
}

/**
 * Returns a rule in one short line, as in `GET /repos/**`. Different rules have different lines:
 * what could be read in two ways is quoted.
 */
export function describeRule(rule: RequestRule): string {
  switch (rule.kind) {
    case "http": {
      const query = rule.query.map(({ key, value }) => `${quote(key)}=${matcher(value)}`).join("&");
      return `${rule.method} ${quote(rule.path)}${query === "" ? "" : `?${query}`}`;
    }
    case "graphql": {
      const name = rule.operationName === null ? "" : ` ${matcher(rule.operationName)}`;
      const fields = rule.fields === null ? "" : ` { ${rule.fields.map(quote).join(" ")} }`;
      return `${rule.operationType}${name}${fields}`;
    }
    case "rpc":
      return rule.tool === null ? rule.method : `${quote(rule.method)} ${matcher(rule.tool)}`;
    case "sql":
      return rule.command;
  }
}

function matcher(values: readonly string[]): string {
  return values.map(quote).join("|");
}

/** Quotes a text that holds what the lines use between their parts, or nothing. */
function quote(text: string): string {
  return /^[^\s"|&=?{}]+$/.test(text) ? text : JSON.stringify(text);
}

/** Hosts are alike when their last two labels are. */
function isAlike(pattern: string, host: string): boolean {
  const tail = (name: string) => name.split(".").slice(-2).join(".");
  return tail(pattern) === tail(host);
}
