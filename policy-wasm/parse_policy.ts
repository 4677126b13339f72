/**
 * Policy text to a validated {@link Policy}, with everything that is wrong with it.
 *
 * Pure: no I/O, no module state. Never throws, whatever the input is.
 *
 * Fails closed: one error anywhere, and there is no policy. All errors that can be found are
 * reported in one run, in source order.
 *
 * @module
 */

import { POLICY_TEXT_BYTES_MAX } from "../proto/limits.ts";
import type { Diagnostic, Range } from "./diagnostic.ts";
import { parseDocument } from "./parse/document.ts";
import { Findings } from "./parse/findings.ts";
import { policyDocument } from "./parse/schema.ts";
import { decodeSource, findForbiddenCharacters, rangeOf, sourceOf } from "./parse/source.ts";
import type { Source } from "./parse/source.ts";
import { Field, findField } from "./parse/tree.ts";
import type { Policy } from "./policy.ts";
import { validatePolicy } from "./validate/policy.ts";

/** What came of a policy document. */
export interface ParsedPolicy {
  /** `null` exactly when some diagnostic is an error. */
  readonly policy: Policy | null;
  /** In source order; at most `DIAGNOSTICS_MAX`, and one that counts the rest. */
  readonly diagnostics: readonly Diagnostic[];
  /** The text, for `renderDiagnostic`. */
  readonly source: Source;
  /**
   * Returns where something is written, as in `network_policies.github.endpoints[0]`: a scalar
   * itself, the key of a map or list. `null` where nothing is written.
   */
  readonly locate: (path: string) => Range | null;
}

export interface PolicyOptions {
  /** Takes rules that OpenShell has added for providers, which nobody may write. */
  readonly withLayers?: boolean;
}

/** Parses and validates a document, YAML or JSON. */
export function parsePolicy(
  input: Uint8Array | string,
  options: PolicyOptions = {},
): ParsedPolicy {
  if (byteLengthOf(input) > POLICY_TEXT_BYTES_MAX) return refuseSize();
  const { source, fault } = decodeSource(input);
  const findings = new Findings(source);
  const faults = fault === null ? findForbiddenCharacters(source.text) : [fault];
  for (const { code, span, message } of faults) findings.add(code, span, message);
  const tree = faults.length > 0 ? null : parseDocument(source.text, findings);
  if (tree === null) return result(findings, null, null);
  const root = new Field(tree);
  const raw = policyDocument(root, findings);
  const policy = raw === undefined ? null : validatePolicy(raw, findings, options);
  return result(findings, policy, root);
}

function result(findings: Findings, policy: Policy | null, root: Field | null): ParsedPolicy {
  const { source } = findings;
  return {
    policy,
    diagnostics: findings.finish(),
    source,
    locate: (path) => {
      const field = root === null ? null : findField(root, path);
      return field === null ? null : rangeOf(source, field.span);
    },
  };
}

function refuseSize(): ParsedPolicy {
  const findings = new Findings(sourceOf(""));
  const message = `The document is larger than ${POLICY_TEXT_BYTES_MAX} bytes`;
  findings.add("document_too_large", { start: 0, end: 0 }, message);
  return result(findings, null, null);
}

/** Counts UTF-16 units of text first, which are never more than bytes, so that nothing is copied. */
function byteLengthOf(input: Uint8Array | string): number {
  if (typeof input !== "string" || input.length > POLICY_TEXT_BYTES_MAX) return input.length;
  return new TextEncoder().encode(input).length;
}
