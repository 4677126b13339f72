/**
 * Risks that people accept: which findings, why, and until when.
 *
 * Strict, as everything that may hide a finding has to be: an unknown key, a question that does not
 * exist or a date that is too far away is an error.
 *
 * @module
 */

import type { Diagnostic } from "../../policy-wasm/diagnostic.ts";
import type { Findings } from "../../policy-wasm/parse/findings.ts";
import { integer, list, record, type RecordOf, text } from "../../policy-wasm/parse/reader.ts";
import type { Source } from "../../policy-wasm/parse/source.ts";
import { rangeOf } from "../../policy-wasm/parse/source.ts";
import { oneOf, type Placed, placed } from "../../policy-wasm/validate/place.ts";
import { PROOF_RISK_DAYS_MAX } from "../../proto/proof_limits.ts";
import { checkVersion, readDocument } from "../../prover/claims/read_document.ts";
import { CATALOG } from "../../prover/questions/catalog.ts";

/** What a finding has to be; every key that is written has to hold. */
export interface RiskMatch {
  readonly rule: string | null;
  readonly endpoint: number | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly binary: string | null;
  readonly method: string | null;
  readonly path: string | null;
}

/** One risk that was accepted. */
export interface Risk {
  readonly question: string;
  readonly match: RiskMatch;
  readonly reason: string;
  /** Last day on which it counts, as `2027-01-31`. */
  readonly expires: string;
  readonly isExpired: boolean;
  /** Where it is written. */
  readonly line: number;
}

/** What came of a document. */
export interface ParsedRisks {
  /** `null` exactly when some diagnostic is an error. In the order of the document. */
  readonly risks: readonly Risk[] | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly source: Source;
}

const match = record({
  rule: text,
  endpoint: integer,
  host: text,
  port: integer,
  binary: text,
  method: text,
  path: text,
}, { what: "what a risk matches" });

const risk = record({ question: text, match, reason: text, expires: text }, {
  what: "a risk",
  renamed: { query: "question", why: "reason", until: "expires", expiry: "expires" },
});

const document = record({ version: integer, risks: list(risk) }, {
  what: "a risks document",
  renamed: { accepted_risks: "risks" },
  sections: ["risks"],
});

type RawRisk = RecordOf<
  {
    question: typeof text;
    match: typeof match;
    reason: typeof text;
    expires: typeof text;
  }
>;

/** What a document is judged by. */
export interface RiskContext {
  /** Since 1970, in milliseconds. */
  readonly now: number;
  /** Keys of the claims that are asked. */
  readonly claims: readonly string[];
}

/** Parses a document, YAML or JSON. Never throws on bad input. */
export function parseRisks(input: Uint8Array | string, context: RiskContext): ParsedRisks {
  const { findings, root } = readDocument(input);
  const risks: Risk[] = [];
  const raw = root === null ? undefined : document(root, findings);
  if (root !== null && raw !== undefined) {
    checkVersion(raw.version, { root, what: "a risks document", findings });
    if (!raw.risks.written) {
      findings.add("missing_key", root, "A risks document needs risks", { fix: "risks: []" });
    }
    for (const { value } of raw.risks.value ?? []) {
      const valid = value === undefined ? undefined : validate(value, context, findings);
      if (valid !== undefined) risks.push(valid);
    }
  }
  const diagnostics = findings.finish();
  const isUsable = diagnostics.every(({ severity }) => severity !== "error");
  return { risks: isUsable ? risks : null, diagnostics, source: findings.source };
}

function validate(raw: RawRisk, context: RiskContext, findings: Findings): Risk | undefined {
  const missing = (["question", "match", "reason", "expires"] as const)
    .filter((key) => !raw[key].written);
  if (missing.length > 0) {
    findings.add("missing_key", raw.at, `A risk needs ${missing.join(", ")}`);
    return undefined;
  }
  const written = placed(raw.question);
  const questions = [...Object.keys(CATALOG), ...context.claims.map((key) => `claim:${key}`)];
  const question = written === null
    ? undefined
    : oneOf(written, questions, { code: "wrong_type", findings });
  const reason = raw.reason.value?.trim();
  if (reason === "") findings.add("wrong_type", raw.reason.field, "A reason should say something");
  const date = placed(raw.expires);
  const last = date === null ? undefined : readDate(date, context, findings);
  const matched = matchOf(raw.match.value, findings);
  if (question === undefined || last === undefined || matched === undefined) return undefined;
  if (reason === undefined || reason === "" || date === null) return undefined;
  const isExpired = last + DAY_MS <= context.now;
  const { line } = rangeOf(findings.source, raw.at.span);
  return { question, match: matched, reason, expires: date.value, isExpired, line };
}

function matchOf(raw: RawRisk["match"]["value"], findings: Findings): RiskMatch | undefined {
  if (raw === undefined) return undefined;
  const { at, ...keys } = raw;
  if (Object.values(keys).every(({ written }) => !written)) {
    findings.add("missing_key", at, "A risk has to match something, such as rule or host");
    return undefined;
  }
  // A key that could not be read was reported, and then there are no risks.
  return {
    rule: keys.rule.value ?? null,
    endpoint: keys.endpoint.value ?? null,
    host: keys.host.value?.toLowerCase() ?? null,
    port: keys.port.value ?? null,
    binary: keys.binary.value ?? null,
    method: keys.method.value?.toUpperCase() ?? null,
    path: keys.path.value ?? null,
  };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Returns the start of the day in milliseconds; the risk counts to its end, by UTC. */
function readDate(
  { field, value }: Placed<string>,
  { now }: RiskContext,
  findings: Findings,
): number | undefined {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(`${value}T00:00:00Z`) : NaN;
  // A day that does not exist, such as February 30, is no date, or another one.
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== value) {
    findings.add("wrong_type", field, "A date is written as 2027-01-31");
    return undefined;
  }
  if (start > now + PROOF_RISK_DAYS_MAX * DAY_MS) {
    const message = `A risk is accepted for at most ${PROOF_RISK_DAYS_MAX} days`;
    const fix = new Date(now + PROOF_RISK_DAYS_MAX * DAY_MS).toISOString().slice(0, 10);
    findings.add("wrong_type", field, message, { fix });
    return undefined;
  }
  return start;
}
