/**
 * Every request over small lists, asked of the evaluator: what proofs are compared with in tests.
 *
 * The lists hold what the generator of `tests/differential/` writes, and what is near to it.
 *
 * @module
 */

import { compilePolicy } from "../policy-wasm/compile.ts";
import { type Connection, Evaluator } from "../policy-wasm/evaluator.ts";
import { judgeReadings } from "../policy-wasm/path_readings.ts";
import type { Policy } from "../policy-wasm/policy.ts";
import type {
  Caller,
  GraphqlOperation,
  QueryPair,
  Request,
  RpcMessage,
  Target,
} from "../policy-wasm/request.ts";
import { hasGraphqlRules } from "../policy-wasm/traits.ts";

const HOSTS = [
  ..."a.ex.com x-api.ex.com a.b.ex.com b.ex.com x.y.ex.com a.q.ex.com ex.com other.com".split(" "),
  "10.0.0.1",
  "fd00::1",
];
const PORTS = [443, 80, 22];
const BINARIES = [
  ..."/usr/bin/curl /usr/bin/git /usr/bin/x /usr/a/b /opt/a/b/run /opt/run /opt/z /bin/[".split(
    " ",
  ),
  "/usr/bin/ünï",
  "/q",
];
const PATHS = [
  "/long/prefix/one/suffix-part",
  "/long/prefix/two/suffix-part",
  ..."/ /a /a/ /a/b /a/b/c /a/q/c /b /ab /c/x /api/v1/x /api/v2/x/y /api/v1 /api/v2/x /A".split(
    " ",
  ),
  ..."/api/v1%2Fx /a%2Fb /a%5Cb /a%5Cb%2Fc /api/v1%5Cx /a%5Cq/c".split(" "),
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "WEBSOCKET_TEXT", "PROPFIND"];
const QUERIES: readonly (readonly QueryPair[])[] = [
  [],
  [["k", "a"]],
  [["k", "v.1"]],
  [["k", "a"], ["k", "v1"]],
  [["q", "get_x"], ["k", "admin"]],
  [["", ""]],
  [["", "v1"], ["q", "v.1"], ["k", "x"]],
];
const FIELDS = [["a"], ["v1"], ["get_x"], ["zz"], ["a", "v1"], ["get_x", "zz"]];
const TOOLS = ["a", "v1", "v.1", "get_x", "admin", "X y", "get.x.y", "t".repeat(129)];
const RPC_METHODS = ["initialize", "tools/list", "ping", "Ping", "other"];

/** What passes, of one connection. */
export interface Tried {
  readonly caller: Caller;
  readonly target: Target;
  readonly request: Request;
  /** By policy. */
  readonly passes: readonly boolean[];
  readonly isOpaque: readonly boolean[];
}

/** Asks all policies about all requests; connections that none tells apart are asked once. */
export function* tryAll(policies: readonly Policy[]): Generator<Tried> {
  const evaluators = policies.map((policy) => new Evaluator(compilePolicy(policy).bytes));
  const requests = requestsFor(policies);
  const seen = new Set<string>();
  for (const caller of callers()) {
    const resolved = evaluators.map((evaluator) => evaluator.resolve(caller));
    for (const host of HOSTS) {
      for (const port of PORTS) {
        const target = { host, port };
        const connections = evaluators.map((one, at) => one.connect(resolved[at]!, target));
        const key = JSON.stringify(connections);
        if (seen.has(key)) continue;
        seen.add(key);
        const isOpaque = connections.map(({ decision, isInspected }) =>
          decision.verdict === "allow" && !isInspected
        );
        for (const request of requests) {
          const passes = evaluators.map((one, at) => lets(one, connections[at]!, request));
          yield { caller, target, request, passes, isOpaque };
        }
      }
    }
  }
}

function lets(evaluator: Evaluator, connection: Connection, request: Request): boolean {
  const { decision, isInspected, acceptsEncodedSlash } = connection;
  if (decision.verdict === "deny") return false;
  // As the proxy does: a path that has no canonical form is not judged.
  if (isInspected && request.encodedSlash === true && !acceptsEncodedSlash) return false;
  const judge = (read: Request) => evaluator.request(connection, read);
  return judgeReadings(request, judge).verdict === "allow";
}

function* callers(): Generator<Caller> {
  for (const binary of BINARIES) {
    for (const ancestors of [[], ...BINARIES.map((parent) => [parent]), BINARIES.slice(0, 2)]) {
      yield { binary, ancestors };
    }
  }
}

/** Parts of a request that no endpoint of the policies asks about are left out. */
function requestsFor(policies: readonly Policy[]): readonly Request[] {
  const endpoints = policies.flatMap(({ rules }) => rules.flatMap((rule) => rule.endpoints));
  const hasQuery = endpoints.some(({ allow, deny }) =>
    [...allow, ...deny].some((rule) => rule.kind === "http" && rule.query.length > 0)
  );
  const bodies: Partial<Request>[] = [{}];
  if (endpoints.some((one) => one.protocol === "graphql" || hasGraphqlRules(one))) {
    for (const graphql of operations()) bodies.push({ graphql });
  }
  if (endpoints.some(({ protocol }) => protocol === "mcp" || protocol === "json-rpc")) {
    for (const rpc of messages()) bodies.push({ rpc });
  }
  const requests: Request[] = [];
  for (const path of PATHS) {
    for (const method of METHODS) {
      for (const query of hasQuery ? QUERIES : [[]]) {
        for (const body of bodies) {
          requests.push({ method, path, encodedSlash: path.includes("%2F"), query, ...body });
        }
      }
    }
  }
  return requests;
}

function* operations(): Generator<GraphqlOperation> {
  for (const id of ["h1", "h2", "h3"]) yield { kind: "persisted", id };
  for (const type of ["query", "mutation", "subscription"] as const) {
    for (const name of ["", "admin", "v1"]) {
      for (const fields of FIELDS) yield { kind: "operation", type, name, fields };
    }
  }
}

function* messages(): Generator<RpcMessage> {
  yield { kind: "response" };
  yield { kind: "stream" };
  for (const method of RPC_METHODS) yield { kind: "call", method };
  yield { kind: "call", method: "tools/call" };
  for (const tool of TOOLS) yield { kind: "call", method: "tools/call", tool };
}
