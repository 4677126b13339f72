/**
 * A claims document to claims, with everything that is wrong with it and where.
 *
 * Pure and strict, as `parsePolicy` is: one error anywhere, and there are no claims.
 *
 * @module
 */

import type { Diagnostic, Range } from "../../policy-wasm/diagnostic.ts";
import type { Findings } from "../../policy-wasm/parse/findings.ts";
import { rangeOf, type Source } from "../../policy-wasm/parse/source.ts";
import { type Field, findField } from "../../policy-wasm/parse/tree.ts";
import type { Claim } from "./claim.ts";
import { claimsDocument } from "./claim_schema.ts";
import { checkVersion, readDocument } from "./read_document.ts";
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
  const { findings, root } = readDocument(input);
  if (root === null) return finish(findings, [], null);
  const raw = claimsDocument(root, findings);
  if (raw === undefined) return finish(findings, [], root);
  checkVersion(raw.version, { root, what: "a claims document", findings });
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
