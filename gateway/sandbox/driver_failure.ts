/**
 * What a driver that could not start a sandbox reports of it.
 *
 * @module
 */

import type { DriverReport } from "../../drivers/compute/contract.ts";
import { CodedError } from "../../proto/errors.ts";

/** A driver's error may say its reason as a condition has it. */
export function toFailure(id: string, error: unknown): DriverReport {
  const { reason } = error as { readonly reason?: unknown };
  const failure = {
    id,
    state: "failed",
    reason: typeof reason === "string" && /^[A-Z][A-Za-z]*$/.test(reason) ? reason : "StartFailed",
    message: error instanceof Error ? error.message : "it did not start",
  } as const;
  const hint = error instanceof CodedError ? error.hint : undefined;
  return hint === undefined ? failure : { ...failure, hint };
}
