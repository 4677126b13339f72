/**
 * A claims document to claims, with everything that is wrong with it and where.
 *
 * Pure and strict, as `parsePolicy` is: one error anywhere, and there are no claims.
 *
 * @module
 */

import type { Diagnostic, Range } from "../../policy-wasm/diagnostic.ts";
import { parseDocument } from "../../policy-wasm/parse/document.ts";
import { Findings } from "../../policy-wasm/parse/findings.ts";
import {
  decodeSource,
  findForbiddenCharacters,
  rangeOf,
  type Source,
  sourceOf,
} from "../../policy-wasm/parse/source.ts";
import { Field, findField } from "../../policy-wasm/parse/tree.ts";
import { POLICY_TEXT_BYTES_MAX } from "../../proto/limits.ts";
import type { Claim } from "./claim.ts";
import { claimsDocument } from "./claim_schema.ts";
import { validateClaim } from "./validate_claim.ts";

/** What came of a claims document. */
export interface ParsedClaims {
  /** `null` exactly when some diagnostic is an error. Sorted by key. */
  readonly claims: readonly Claim[] | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly source: Source;
  /** Returns where something is written, as in `claims.no-admin.never`. */
  readonly locate: (path: string) => Range | null;
}

/** Parses and validates a document, YAML or JSON. Never throws on bad input. */
export function parseClaims(input: Uint8Array | string): ParsedClaims {
  if (input.length > POLICY_TEXT_BYTES_MAX) {
    const findings = new Findings(sourceOf(""));
    const message = `The document is larger than ${POLICY_TEXT_BYTES_MAX} bytes`;
    findings.add("document_too_large", { start: 0, end: 0 }, message);
    return finish(findings, [], null);
  }
  const { source, fault } = decodeSource(input);
  const findings = new Findings(source);
  const faults = fault === null ? findForbiddenCharacters(source.text) : [fault];
  for (const { code, span, message } of faults) findings.add(code, span, message);
  const tree = faults.length > 0 ? null : parseDocument(source.text, findings);
  if (tree === null) return finish(findings, [], null);
  const root = new Field(tree);
  const raw = claimsDocument(root, findings);
  if (raw === undefined) return finish(findings, [], root);
  if (!raw.version.written) {
    findings.add("missing_key", root, "A claims document needs a version", { fix: "version: 1" });
  } else if (raw.version.value !== undefined && raw.version.value !== 1) {
    const message = `Version ${raw.version.value} is not known, should be 1`;
    findings.add("unsupported_version", raw.version.field, message, { fix: "version: 1" });
  }
  if (!raw.claims.written) {
    findings.add("missing_key", root, "A claims document needs claims", { fix: "claims: {}" });
  }
  const claims = (raw.claims.value ?? []).flatMap(({ field, value }) =>
    value === undefined ? [] : validateClaim(String(field.origin?.step), value, findings) ?? []
  );
  return finish(findings, claims, root);
}

function finish(findings: Findings, claims: readonly Claim[], root: Field | null): ParsedClaims {
  const diagnostics = findings.finish();
  const isUsable = diagnostics.every(({ severity }) => severity !== "error");
  const { source } = findings;
  return {
    claims: isUsable ? claims.toSorted((a, b) => a.key < b.key ? -1 : 1) : null,
    diagnostics,
    source,
    locate: (path) => {
      const field = root === null ? null : findField(root, path);
      return field === null ? null : rangeOf(source, field.span);
    },
  };
}
