/**
 * Asks our own program what this machine lacks.
 *
 * A program of its own looks, because looking at the kernel takes native calls, and because the
 * gateway may be what cannot start.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { METADATA_BYTES_MAX } from "../../proto/limits.ts";

/** One thing that was looked at. */
export interface DoctorCheck {
  readonly name: string;
  readonly ok: boolean;
  /** False where a sandbox runs without it as well. */
  readonly required: boolean;
  readonly detail: string;
  /** What to do; empty where nothing is to be done. */
  readonly fix: string;
}

/** The look itself failed. */
export class DoctorError extends CodedError {
  override readonly name = "DoctorError";
  override readonly code = "internal";
}

/** Runs the look of the supervisor's role. */
export async function checkMachine(command: readonly string[]): Promise<readonly DoctorCheck[]> {
  const [program = "", ...args] = command;
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, "supervise", "--check"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim();
    throw new DoctorError(`Cannot look at this machine: the look ended with ${code}`, {
      ...said === "" ? {} : { hint: `It said: ${said}` },
    });
  }
  return parseChecks(new TextDecoder().decode(stdout));
}

/** @throws {DoctorError} for anything but `{checks: [{name, ok, detail, fix}]}`. */
export function parseChecks(text: string): readonly DoctorCheck[] {
  const checks = text.length > METADATA_BYTES_MAX ? null : tryParse(text);
  if (!Array.isArray(checks)) {
    throw new DoctorError("Cannot look at this machine: what the look said cannot be read");
  }
  return checks.map((check: Readonly<Record<string, unknown>>) => ({
    name: textOf(check["name"]),
    ok: check["ok"] === true,
    required: check["required"] !== false,
    detail: textOf(check["detail"]),
    fix: textOf(check["fix"]),
  }));
}

function tryParse(text: string): unknown {
  try {
    return (JSON.parse(text) as { checks?: unknown }).checks;
  } catch {
    // The caller says that it cannot be read.
    return null;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
