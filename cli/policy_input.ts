/**
 * Reads the policy files that a command line names.
 *
 * @module
 */

import { type CheckedPolicy, checkPolicy } from "../policy-wasm/check_policy.ts";
import type { Image } from "../policy-wasm/compile.ts";
import type { Diagnostic } from "../policy-wasm/diagnostic.ts";
import type { Policy } from "../policy-wasm/policy.ts";
import { renderDiagnostic } from "../policy-wasm/render_diagnostic.ts";
import { CodedError } from "../proto/errors.ts";
import { POLICY_TEXT_BYTES_MAX } from "../proto/limits.ts";
import type { Invocation } from "./command.ts";
import { readInput } from "./files.ts";
import { PLAIN, styleOf } from "./style.ts";

/** A file is not a valid policy. The diagnostics were printed. */
export class InvalidPolicyError extends CodedError {
  override readonly name = "InvalidPolicyError";
  override readonly code = "invalid_argument";

  constructor(file: string, errors: number) {
    super(`Cannot use policy "${file}": it has ${errors === 1 ? "1 error" : `${errors} errors`}`);
  }
}

/** A policy that can be used. */
export interface ReadPolicy extends CheckedPolicy {
  readonly policy: Policy;
  readonly image: Image;
}

/** Reads and checks a file, or standard input for `-`. */
export async function readPolicyFile(
  invocation: Invocation,
  file: string,
): Promise<CheckedPolicy & { readonly bytes: Uint8Array }> {
  const bytes = await readInput(invocation.context, file, POLICY_TEXT_BYTES_MAX);
  return { ...checkPolicy(bytes), bytes };
}

/**
 * Reads a policy that a command needs.
 *
 * @throws {InvalidPolicyError} It is not valid; its diagnostics are on standard error.
 */
export async function readPolicy(invocation: Invocation, file: string): Promise<ReadPolicy> {
  const checked = await readPolicyFile(invocation, file);
  const { policy, image } = checked;
  if (policy !== null && image !== null) return { ...checked, policy, image };
  const errors = errorsOf(checked.diagnostics);
  invocation.context.stderr.write(renderAll(invocation, file, { ...checked, diagnostics: errors }));
  throw new InvalidPolicyError(file, errors.length);
}

/** Returns the diagnostics of a file as text for a person, a paragraph each. */
export function renderAll(
  invocation: Invocation,
  file: string,
  { diagnostics, source }: Pick<CheckedPolicy, "diagnostics" | "source">,
): string {
  const { context } = invocation;
  const color = styleOf(context.stderr, context) !== PLAIN;
  return diagnostics
    .map((diagnostic) => renderDiagnostic(diagnostic, source, { file, color }).trimEnd())
    .join("\n\n") + "\n";
}

/** Returns those of severity `error`. */
export function errorsOf(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.filter(({ severity }) => severity === "error");
}
