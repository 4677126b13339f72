/**
 * Everything that can be said about a policy document without running it: parsed, validated and
 * compiled, so that what `policy check` accepts is what a sandbox loads.
 *
 * @module
 */

import { compilePolicy, type Image } from "./compile.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { PatternError } from "./image/pattern_error.ts";
import { ImageTooLargeError } from "./image/writer.ts";
import type { Policy } from "./policy.ts";
import { type ParsedPolicy, parsePolicy, type PolicyOptions } from "./parse_policy.ts";

/** A checked document. `image` is `null` exactly when a diagnostic is an error. */
export interface CheckedPolicy extends ParsedPolicy {
  readonly image: Image | null;
}

/** Checks a document. Never throws on bad input. */
export function checkPolicy(bytes: Uint8Array, options: PolicyOptions = {}): CheckedPolicy {
  const parsed = parsePolicy(bytes, options);
  if (parsed.policy === null) return { ...parsed, image: null };
  try {
    return { ...parsed, image: compilePolicy(parsed.policy) };
  } catch (error) {
    const diagnostics = [...parsed.diagnostics, diagnose(error, parsed)];
    return { ...parsed, policy: null, diagnostics, image: null };
  }
}

function diagnose(error: unknown, parsed: ParsedPolicy): Diagnostic {
  const isPattern = error instanceof PatternError;
  if (!isPattern && !(error instanceof ImageTooLargeError)) throw error;
  const path = isPattern ? placeOf(parsed.policy, error.endpoint) : "network_policies";
  const range = parsed.locate(path) ?? { line: 1, column: 1, endLine: 1, endColumn: 1 };
  return {
    severity: "error",
    code: isPattern ? error.diagnosticCode : "image_too_large",
    message: error.message,
    path,
    ...range,
    fix: error.hint ?? null,
  };
}

/** Returns the path of the endpoint with this number, or of the whole section. */
function placeOf(policy: Policy | null, number: number | null): string {
  const place = policy?.rules
    .flatMap((rule) =>
      rule.endpoints.map((_, index) => endpointPath(rule.key, index))
    )[number ?? -1];
  return place ?? "network_policies";
}

/** Returns the path of an endpoint as `locate` and diagnostics write it. */
export function endpointPath(rule: string, endpoint: number): string {
  const key = /^[A-Za-z0-9_-]+$/.test(rule) ? `.${rule}` : `[${JSON.stringify(rule)}]`;
  return `network_policies${key}.endpoints[${endpoint}]`;
}
