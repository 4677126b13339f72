/**
 * `openshell policy explain`.
 *
 * @module
 */

import { METHOD_OTHER } from "../policy-wasm/assembly/format.ts";
import { canonicalHost } from "../policy-wasm/canonical/host.ts";
import { endpointPath } from "../policy-wasm/check_policy.ts";
import type { Decision } from "../policy-wasm/decision.ts";
import {
  type DestinationVerdict,
  isRefusedHostName,
  judgeDestination,
} from "../policy-wasm/destination.ts";
import { Evaluator } from "../policy-wasm/evaluator.ts";
import { parseIp } from "../policy-wasm/ip.ts";
import { methodNumber } from "../policy-wasm/methods.ts";
import { findNearMisses, type NearMiss } from "../policy-wasm/near_misses.ts";
import type { Endpoint, GraphqlOperationType, Policy } from "../policy-wasm/policy.ts";
import { type Answer, answer, type RawQuestion } from "../policy-wasm/raw_question.ts";
import { admitsCaller, isCandidate, placeEndpoints } from "../policy-wasm/reference.ts";
import type {
  Caller,
  GraphqlOperation,
  QueryPair,
  Request,
  RpcMessage,
  Target,
} from "../policy-wasm/request.ts";
import { hasGraphqlRules, isInspected } from "../policy-wasm/traits.ts";
import { type Reason, REASON_TEXTS } from "../proto/reason.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { printResult } from "./output.ts";
import { type ReadPolicy, readPolicy } from "./policy_input.ts";
import { printableLine } from "./printable.ts";
import type { Style } from "./style.ts";
import { UsageError } from "./usage_error.ts";

/** What `-o json` prints. */
interface Explanation {
  readonly verdict: "allow" | "deny";
  readonly audited: boolean;
  readonly rule: string | null;
  readonly endpoint: number | null;
  readonly reason: Reason;
  readonly generation: string;
  /** The reason as a sentence, with what is wrong with a spelling. */
  readonly detail: string;
  /** Canonical forms that were judged, `null` where there are none. */
  readonly host: string | null;
  readonly port: number;
  readonly method: string | null;
  readonly path: string | null;
  /** Query, message, operation or command that was judged, in one line. */
  readonly message: string | null;
  /** Place of the deciding endpoint in the file. */
  readonly line: number | null;
  /** Verdict about the addresses, `null` where none are known or after a denial. */
  readonly destination: DestinationVerdict | null;
  readonly near_misses: readonly NearMiss[];
}

/** Prints what a policy decides about one request. */
export async function explain(invocation: Invocation): Promise<number> {
  const read = await readPolicy(invocation, invocation.argument("FILE"));
  const raw = readQuestion(invocation, read.policy);
  const evaluator = new Evaluator(read.image.bytes);
  const judge = {
    generation: evaluator.generation,
    connect: (caller: RawQuestion["caller"], target: { host: string; port: number }) =>
      evaluator.connect(evaluator.resolve(caller), target),
    request: evaluator.request.bind(evaluator),
  };
  const explanation = describe(read, raw, answer(judge, raw), invocation.texts("address"));
  await printResult(invocation, {
    value: explanation,
    text: (style) => print(explanation, style),
  });
  return EXIT_OK;
}

function describe(
  { policy, locate }: ReadPolicy,
  raw: RawQuestion,
  { decision, detail, target, request }: Answer,
  addresses: readonly string[],
): Explanation {
  const destination = decision.verdict === "allow" && target !== null
    ? judgeAddresses(policy, raw.caller, target, addresses)
    : null;
  const refusal = destination !== null && !destination.ok ? destination : null;
  const reason = refusal?.reason ?? decision.reason;
  const extra = refusal?.detail ?? detail;
  const isAllowed = refusal !== null || decision.reason === "allowed";
  const isMalformed = detail !== null || target === null;
  return {
    ...decision,
    verdict: refusal === null ? decision.verdict : "deny",
    audited: refusal === null && decision.audited,
    reason,
    detail: extra === null ? REASON_TEXTS[reason] : `${REASON_TEXTS[reason]}: ${extra}`,
    host: target?.host ?? null,
    port: raw.port,
    method: request?.method ?? null,
    path: request?.path ?? null,
    message: request === null ? null : describeMessage(request),
    line: lineOf(decision, locate),
    destination,
    near_misses: isAllowed || isMalformed
      ? []
      : findNearMisses(policy, { caller: raw.caller, target, request }),
  };
}

function lineOf({ rule, endpoint }: Decision, locate: ReadPolicy["locate"]): number | null {
  if (rule === null || endpoint === null) return null;
  return locate(endpointPath(rule, endpoint))?.line ?? null;
}

/** Judges the destination as the proxy will: by all endpoints that admit the connection. */
function judgeAddresses(
  policy: Policy,
  caller: Caller,
  target: Target,
  given: readonly string[],
): DestinationVerdict | null {
  const { host, port } = target;
  if (isRefusedHostName(host)) {
    const detail = `"${host}" is this machine or a metadata service`;
    return { ok: false, reason: "destination_always_blocked", detail };
  }
  const addresses = given.length === 0 && parseIp(host) !== null ? [host] : given;
  // A name's addresses are known when it is dialled, not before.
  if (addresses.length === 0) return null;
  const admitted = placeEndpoints(policy)
    .filter(({ rule, endpoint }) => isCandidate(endpoint, target) && admitsCaller(rule, caller))
    .map(({ endpoint }) => endpoint);
  const isExact = admitted.some((endpoint) => endpoint.host === host);
  const isPattern = admitted.some((endpoint) => endpoint.host !== "");
  return judgeDestination({
    host,
    port,
    addresses,
    endpoint: {
      hostKind: isExact ? "exact" : isPattern ? "pattern" : "none",
      // Validation made them agree.
      allowedIps: admitted.find(({ allowedIps }) => allowedIps.length > 0)?.allowedIps ?? [],
      advisorProposed: false,
    },
    trustedGatewayIp: null,
  });
}

function readQuestion(invocation: Invocation, policy: Policy): RawQuestion {
  const host = invocation.requiredText("host");
  const port = invocation.requiredInteger("port");
  const reached = reachedEndpoints(policy, { host, port });
  const word = invocation.text("method");
  const rpc = readRpc(invocation, word, reached);
  // A word that names a message is no method of the request that carries it.
  const method = rpc?.kind === "call" && isRpcName(word, reached) ? undefined : word;
  const isText = method?.toUpperCase() === "WEBSOCKET_TEXT";
  const command = invocation.text("command");
  const graphql = readGraphql(invocation);
  const query = invocation.texts("query").map(readPair);
  const asksRequest = method !== undefined || rpc !== null || graphql !== null ||
    command !== undefined || query.length > 0;
  const given = invocation.text("path");
  const path = given ??
    (asksRequest && command === undefined
      ? guessPath(invocation, reached, { rpc, graphql })
      : undefined);
  return {
    caller: {
      binary: invocation.requiredText("binary"),
      ancestors: [...invocation.texts("ancestor"), ...invocation.texts("ancestors")],
    },
    host,
    port,
    query,
    ...(isText ? { isText } : method !== undefined && { method }),
    ...(path !== undefined && { path }),
    ...(rpc !== null && { rpc }),
    ...(graphql !== null && { graphql }),
    ...(command !== undefined && { command }),
  };
}

/** Inspected endpoints of a host and port, whoever may reach them. */
function reachedEndpoints(policy: Policy, { host, port }: Target): readonly Endpoint[] {
  const form = canonicalHost(host);
  if (!form.ok) return [];
  return policy.rules.flatMap(({ endpoints }) => endpoints).filter((endpoint) =>
    isInspected(endpoint.protocol) && isCandidate(endpoint, { host: form.host, port })
  );
}

function judgesRpc({ protocol }: Endpoint): boolean {
  return protocol === "json-rpc" || protocol === "mcp";
}

/**
 * Without `--path`: the one fixed path of the endpoints that judge this kind of request, or `/`
 * when there is no other. Several paths are for the person to choose from.
 */
function guessPath(
  invocation: Invocation,
  reached: readonly Endpoint[],
  { rpc, graphql }: {
    readonly rpc: RpcMessage | null;
    readonly graphql: GraphqlOperation | null;
  },
): string {
  const judging = reached.filter((endpoint) =>
    rpc !== null ? judgesRpc(endpoint) : graphql === null || hasGraphqlRules(endpoint)
  );
  const paths = [...new Set(judging.map(({ path }) => path))];
  const [only = "/"] = paths;
  const isFixed = /^[^*?[\]{}\\]+$/.test(only);
  if (paths.length > 1 || (reached.length > judging.length && !isFixed)) {
    throw new UsageError("Cannot tell which path is meant: give it with --path");
  }
  const path = isFixed ? only : "/";
  invocation.context.stderr.write(`note: --path is not given, ${path} is assumed\n`);
  return path;
}

function readPair(text: string): QueryPair {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Tells whether a word given as method is the name of a message, as rules write it. */
function isRpcName(word: string | undefined, reached: readonly Endpoint[]): boolean {
  if (word === undefined || !reached.some(judgesRpc)) return false;
  return word.includes("/") || methodNumber(word) === METHOD_OTHER;
}

function readRpc(
  invocation: Invocation,
  word: string | undefined,
  reached: readonly Endpoint[],
): RpcMessage | null {
  const tool = invocation.text("tool");
  const named = invocation.text("rpc-method") ?? (isRpcName(word, reached) ? word : undefined);
  if (invocation.switch("stream")) {
    if (named === undefined && tool === undefined) return { kind: "stream" };
    throw new UsageError("Cannot use --stream together with a message");
  }
  if (named === undefined && tool === undefined) return null;
  return { kind: "call", method: named ?? "tools/call", ...(tool !== undefined && { tool }) };
}

/** Returns what is judged beyond method and path, in one line, or `null`. */
function describeMessage({ rpc, graphql, command, query = [] }: Request): string | null {
  const parts = query.map(([key, value]) => `${key}=${value}`);
  if (rpc !== undefined) {
    parts.push(rpc.kind === "call" ? `${rpc.method} ${rpc.tool ?? ""}`.trim() : rpc.kind);
  }
  if (graphql !== undefined) {
    parts.push(
      graphql.kind === "persisted"
        ? `persisted ${graphql.id}`
        : `${graphql.type} ${graphql.name} { ${graphql.fields.join(" ")} }`,
    );
  }
  if (command !== undefined) parts.push(command);
  return parts.length === 0 ? null : parts.join(" ");
}

function readGraphql(invocation: Invocation): GraphqlOperation | null {
  const id = invocation.text("persisted-query");
  const type = invocation.text("operation-type");
  const name = invocation.text("operation-name");
  const fields = invocation.texts("field");
  const hasOperation = type !== undefined || name !== undefined || fields.length > 0;
  if (id !== undefined) {
    if (!hasOperation) return { kind: "persisted", id };
    throw new UsageError("Cannot use --persisted-query together with an operation");
  }
  if (!hasOperation) return null;
  // The flag's choices leave no other text.
  return { kind: "operation", type: operationType(type), name: name ?? "", fields };
}

function operationType(type: string | undefined): GraphqlOperationType {
  return type === "mutation" || type === "subscription" ? type : "query";
}

function print(explanation: Explanation, style: Style): string {
  const { verdict, audited, rule, endpoint, reason, detail, line, generation } = explanation;
  const word = verdict === "deny"
    ? style.red("DENY")
    : audited
    ? style.yellow("ALLOW (audit: enforcement would deny)")
    : style.green("ALLOW");
  const where = rule === null
    ? "none"
    : `${rule}, endpoint ${endpoint}${line === null ? "" : ` (line ${line})`}`;
  const asked = [explanation.method, explanation.path, explanation.message].filter((part) =>
    part !== null
  ).join(" ");
  const lines = [
    `${style.bold("verdict")}     ${word}`,
    `${style.bold("rule")}        ${printableLine(where)}`,
    `${style.bold("reason")}      ${reason}: ${printableLine(detail)}`,
    `${style.bold("asked")}       ${explanation.host ?? "?"}:${explanation.port} ${
      printableLine(asked)
    }`,
    `${style.bold("generation")}  ${generation}`,
  ];
  if (verdict === "allow") {
    const mode = explanation.destination?.ok ? explanation.destination.mode : null;
    const text = mode ?? "addresses are judged when it is dialled; give --address to ask now";
    lines.push(`${style.bold("destination")} ${text}`);
  }
  if (explanation.near_misses.length > 0) lines.push("", style.bold("near misses"));
  for (const miss of explanation.near_misses) {
    const name = printableLine(`${miss.rule}, endpoint ${miss.endpoint}`);
    lines.push(`  ${name} [${miss.step}]: ${printableLine(miss.detail)}`);
  }
  return lines.map((text) => `${text.trimEnd()}\n`).join("");
}
