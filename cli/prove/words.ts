/**
 * Parts of a proof in words, for all renderers that people read.
 *
 * @module
 */

import type { Foretold, Witness } from "../../prover/report.ts";
import type { JudgedAnswer, JudgedFinding, JudgedStatus } from "./judge.ts";

/** Returns an answer as a person reads it. */
export function statusWord(status: JudgedStatus): string {
  return status === "not_asked" ? "not asked" : status;
}

/** Returns a request in one line: who, what, where. */
export function requestLine(witness: Witness): string {
  const { caller, target, method, path, query, graphql, rpc, isOpaque } = witness;
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const search = query.map(([key, value]) =>
    `${encodeURIComponent(key)}=${encodeURIComponent(value)}`
  ).join("&");
  const parts = [
    `${caller.binary}: ${method} ${host}:${target.port}${path}${search === "" ? "" : `?${search}`}`,
  ];
  if (graphql?.kind === "operation") {
    const { type, name, fields } = graphql;
    parts.push(`${type} ${name === "" ? "" : `${name} `}{ ${fields.join(" ")} }`);
  } else if (graphql?.kind === "persisted") {
    parts.push(`persisted query ${graphql.id}`);
  }
  if (rpc?.kind === "call") {
    parts.push(`call ${rpc.method}${rpc.tool === undefined ? "" : ` ${rpc.tool}`}`);
  } else if (rpc !== null) {
    parts.push(rpc.kind);
  }
  if (caller.ancestors.length > 0) parts.push(`started by ${caller.ancestors.join(", ")}`);
  if (isOpaque) parts.push("unread");
  return parts.join(", ");
}

/** Returns what the evaluator decided about the witness, for each document. */
export function replayLine(foretold: readonly Foretold[]): string {
  return foretold.map(({ role, verdict, audited, rule, endpoint }) => {
    const by = rule === null ? "" : ` by ${rule}${endpoint === null ? "" : `[${endpoint}]`}`;
    const how = verdict === "allow"
      ? "allows it"
      : audited
      ? "denies it, and lets it pass"
      : "denies it";
    return `the ${role} ${how}${by}`;
  }).join("; ");
}

/** Returns `file:line:column`, or as much of it as is known. */
export function placeOf({ file, range }: JudgedFinding): string {
  return range === null ? file : `${file}:${range.line}:${range.column}`;
}

/** Returns what counts of an answer first: findings that nobody has accepted. */
export function activeFirst({ findings }: JudgedAnswer): readonly JudgedFinding[] {
  return [
    ...findings.filter(({ accepted }) => accepted === null),
    ...findings.filter(({ accepted }) => accepted !== null),
  ];
}

/** Returns the one sentence at the end. */
export function verdictLine(
  { verdict, isStrict, file, exitCode }: {
    readonly verdict: "proved" | "refuted" | "unknown";
    readonly isStrict: boolean;
    readonly file: string;
    readonly exitCode: number;
  },
): string {
  const what = isStrict ? "errors and warnings" : "errors";
  const said = {
    proved: `all ${what} are proved absent`,
    refuted: `some of the ${what} are refuted`,
    unknown: `some of the ${what} came to no answer, which counts as a failure`,
  }[verdict];
  return `${file}: ${verdict}: ${said} (exit code ${exitCode})`;
}
