/**
 * What a proof says, as plain data for tables, JSON, SARIF and the gateway.
 *
 * Nothing in it depends on the clock: the same input gives the same report.
 *
 * @module
 */

import type { Range } from "../policy-wasm/diagnostic.ts";
import type {
  Caller,
  GraphqlOperation,
  QueryPair,
  RpcMessage,
  Target,
} from "../policy-wasm/request.ts";

/** What a refuted question means: an error decides the exit code, a note never does. */
export type Level = "error" | "warning" | "note";

/** `not_asked` is a question whose input was not given. */
export type Status = "proved" | "refuted" | "unknown" | "not_asked";

/** Documents that a proof is about. */
export type Role = "policy" | "ceiling" | "floor" | "baseline";

/** One request that shows what a finding says. */
export interface Witness {
  readonly caller: Caller;
  readonly target: Target;
  /** As on the wire, or `WEBSOCKET_TEXT` for a text message. */
  readonly method: string;
  readonly path: string;
  readonly query: readonly QueryPair[];
  readonly graphql: GraphqlOperation | null;
  readonly rpc: RpcMessage | null;
  /** Nothing reads the connection, so that any bytes pass, this request among them. */
  readonly isOpaque: boolean;
}

/** What one document decides about a witness; the evaluator has confirmed it. */
export interface Foretold {
  readonly role: Role;
  readonly verdict: "allow" | "deny";
  readonly audited: boolean;
  /** Deciding rule and endpoint; `null` where none is named or several could be. */
  readonly rule: string | null;
  readonly endpoint: number | null;
}

/** One reason why a question is refuted. */
export interface Finding {
  /** One sentence without a full stop. */
  readonly message: string;
  /** The document that the place is in. */
  readonly role: Role;
  readonly rule: string | null;
  readonly endpoint: number | null;
  /** The allow or deny rule of the endpoint, presets written out; `null` for the whole endpoint. */
  readonly requestRule: { readonly isDeny: boolean; readonly index: number } | null;
  /** Place in the document, as diagnostics write it; the nearest one that is written. */
  readonly path: string | null;
  readonly range: Range | null;
  /** `null` where the finding is that no such request exists. */
  readonly witness: Witness | null;
  readonly foretold: readonly Foretold[];
}

/** The answer to one question. */
export interface Answer {
  readonly question: string;
  readonly level: Level;
  readonly title: string;
  readonly meaning: string;
  readonly remediation: string;
  readonly status: Status;
  /** Why the answer is `unknown` or the question was not asked. */
  readonly reason: string | null;
  readonly findings: readonly Finding[];
  /** Findings beyond the cap. */
  readonly findingsHidden: number;
  /** The second engine came to the same answer; `false` where it was not asked. */
  readonly isConfirmed: boolean;
}

/** Requests that two policies treat differently, one row for each rule that makes the change. */
export interface ChangeRow {
  readonly kind: "opened" | "closed";
  readonly host: string;
  readonly port: number;
  readonly binary: string;
  readonly methods: readonly string[];
  readonly path: string;
  readonly rule: string | null;
  readonly witness: Witness;
}

/** All answers. */
export interface ProofReport {
  /** `exact` is the fast engine alone. */
  readonly engine: "exact" | "both";
  /** Version of the second engine, `null` where it was not asked. */
  readonly solver: string | null;
  readonly answers: readonly Answer[];
  /** Rows of the comparison with the baseline. */
  readonly changes: readonly ChangeRow[];
  /** Combinations of atoms that were judged. */
  readonly combinations: number;
}
