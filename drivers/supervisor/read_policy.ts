/**
 * Reads the policy document of a generation. The gateway has checked it; this trusts nobody.
 *
 * @module
 */

import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import { CodedError } from "../../proto/errors.ts";

/** The document is not a valid policy. */
export class PolicyDocumentError extends CodedError {
  override readonly name = "PolicyDocumentError";
  override readonly code = "invalid_argument";

  constructor(detail: string) {
    super(`Cannot load the policy: ${detail}`, {
      hint: 'Run "openshell policy check" on it',
    });
  }
}

/** @throws {PolicyDocumentError} with the first error. */
export function readPolicy(document: Uint8Array): Policy {
  const { policy, diagnostics } = parsePolicy(document, { withLayers: true });
  if (policy !== null) return policy;
  const first = diagnostics.find(({ severity }) => severity === "error") ?? diagnostics[0];
  throw new PolicyDocumentError(first?.message ?? "it cannot be read");
}
