/**
 * Every request that a small policy could treat otherwise than another, and what the reference
 * says about it.
 *
 * @module
 */

import { judgeReadings } from "../../../policy-wasm/path_readings.ts";
import type { Policy } from "../../../policy-wasm/policy.ts";
import {
  admitsCaller,
  decide,
  isCandidate,
  type Placed,
  placeEndpoints,
} from "../../../policy-wasm/reference.ts";
import type { Caller, Request, Target } from "../../../policy-wasm/request.ts";
import type { Family } from "./small_policies.ts";

const HOSTS = [
  ..."a.x.com b.x.com ab.x.com z.x.com c.a.x.com c.z.x.com y.com z.google.internal".split(" "),
  "metadata.google.internal",
];
const PORTS = [1, 2, 3];
const BINARIES = ["/b/x", "/b/y", "/b/z", "/c", "/d/e"];
const ANCESTORS = [[], ["/b/x"], ["/b/y"], ["/b/z"], ["/c"], ["/d/e"], ["/b/x", "/c"]];
const PATHS = [
  ..."/ /a /a/ /a/a /a/b /a/b/ /a/b/b /a/a/b /b /b/ /b/a /b/b /b/b/b /bz /bz/b /z /z/".split(" "),
  ..."/z/b /z/z /z/z/z /az /az/b /bzz".split(" "),
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "LOCK", "WEBSOCKET_TEXT"];
const VALUES = ["a", "bz", "b.z", "z", "z.z", "a.z", ""];
const NAMES = ["a", "bz", "z", ""];
const FIELDS = ["a", "bz", "z"];

/** What one policy says about one request, by the reference. */
export interface Said {
  readonly passes: boolean;
  /** It passes as a violation. */
  readonly isAudited: boolean;
  /** Nothing reads the connection. */
  readonly isOpaque: boolean;
}

/** One request and what each policy says. */
export interface Tried {
  readonly caller: Caller;
  readonly target: Target;
  readonly request: Request;
  readonly said: readonly Said[];
}

/** Connections that no policy tells apart, and that are of one kind, are tried once. */
export function* everyRequest(
  policies: readonly Policy[],
  family: Family,
  kindOf: (caller: Caller, target: Target) => string,
): Generator<Tried> {
  const requests = requestsOf(family);
  const plain = requests.filter(({ query, graphql, rpc }) =>
    query?.length === 0 && graphql === undefined && rpc === undefined
  );
  const placed = policies.map(placeEndpoints);
  const seen = new Set<string>();
  for (const binary of BINARIES) {
    for (const ancestors of ANCESTORS) {
      const caller = { binary, ancestors };
      for (const host of HOSTS) {
        for (const port of PORTS) {
          const target = { host, port };
          const admitted = placed.map((list) => admittedOf(list, caller, target));
          const orders = admitted.map((list) => list.map(({ order }) => order).join());
          const key = `${orders.join(";")} ${kindOf(caller, target)}`;
          if (seen.has(key)) continue;
          seen.add(key);
          const opaque = admitted.map(isOpaque);
          const isClosed = admitted.every((list) => list.length === 0);
          for (const request of isClosed ? plain : requests) {
            const said = policies.map((policy, at): Said => {
              if (admitted[at]!.length === 0) return NOTHING;
              const { verdict, audited } = decide(policy, { caller, target, request });
              return { passes: verdict === "allow", isAudited: audited, isOpaque: opaque[at]! };
            });
            yield { caller, target, request, said };
          }
        }
      }
    }
  }
}

const NOTHING: Said = { passes: false, isAudited: false, isOpaque: false };

function admittedOf(list: readonly Placed[], caller: Caller, target: Target): readonly Placed[] {
  return list.filter(({ rule, endpoint }) =>
    isCandidate(endpoint, target) && admitsCaller(rule, caller)
  );
}

function isOpaque(admitted: readonly Placed[]): boolean {
  return admitted.length > 0 &&
    admitted.every(({ endpoint: { protocol } }) =>
      protocol === "l4" || protocol === "tcp" || protocol === "sql"
    );
}

/** Tries one request that is in no list. */
export function tryOne(
  policies: readonly Policy[],
  asked: Pick<Tried, "caller" | "target" | "request">,
): Tried {
  const said = policies.map((policy): Said => {
    const admitted = admittedOf(placeEndpoints(policy), asked.caller, asked.target);
    const judge = (request: Request) => ({
      ...decide(policy, { ...asked, request }),
      generation: "",
    });
    const { verdict, audited } = judgeReadings(asked.request, judge);
    return { passes: verdict === "allow", isAudited: audited, isOpaque: isOpaque(admitted) };
  });
  return { ...asked, said };
}

function requestsOf(family: Family): readonly Request[] {
  const bodies = [...bodiesOf(family)];
  // Where paths and methods are not what is asked about, a few of them are enough.
  const [paths, methods] = family === "http" ? [PATHS, METHODS] : [
    ["/", "/a", "/a/b", "/b/b", "/z"],
    ["GET", "POST", "PUT", "WEBSOCKET_TEXT"],
  ];
  return paths.flatMap((path) =>
    methods.flatMap((method) =>
      bodies.map((body) => ({ method, path, encodedSlash: false, ...body }))
    )
  );
}

function* bodiesOf(family: Family): Generator<Partial<Request>> {
  yield { query: [] };
  if (family === "query") yield* queries();
  if (family === "graphql") yield* operations();
  if (family === "rpc") yield* messages();
}

function* queries(): Generator<Partial<Request>> {
  for (const key of ["k", "q"]) {
    for (const value of VALUES) {
      yield { query: [[key, value]] };
      for (const other of VALUES) {
        if (other > value) yield { query: [[key, value], [key, other]] };
      }
    }
  }
  for (const value of VALUES) {
    for (const other of VALUES) yield { query: [["k", value], ["q", other]] };
  }
}

function* operations(): Generator<Partial<Request>> {
  for (const id of ["h1", "h2"]) yield { graphql: { kind: "persisted", id } };
  for (const type of ["query", "mutation", "subscription"] as const) {
    for (const name of NAMES) {
      for (const field of FIELDS) {
        yield { graphql: { kind: "operation", type, name, fields: [field] } };
      }
      for (const fields of [["a", "b"], ["a", "z"], ["b", "z"]]) {
        yield { graphql: { kind: "operation", type, name, fields } };
      }
    }
  }
}

function* messages(): Generator<Partial<Request>> {
  yield { rpc: { kind: "response" } };
  yield { rpc: { kind: "stream" } };
  for (const method of ["ping", "pong", "other", "tools/call", "tools/list"]) {
    yield { rpc: { kind: "call", method } };
  }
  for (const tool of [...VALUES, "x y"]) {
    yield { rpc: { kind: "call", method: "tools/call", tool } };
  }
}
