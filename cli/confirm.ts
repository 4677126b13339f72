/**
 * Asks a person before something that many sandboxes feel.
 *
 * @module
 */

import type { Invocation } from "./command.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Returns when the person says yes, or has said it by `--yes`.
 *
 * @throws {UsageError} when they say no, and where nobody can be asked
 */
export async function confirm(invocation: Invocation, question: string): Promise<void> {
  if (invocation.switch("yes")) return;
  const { stdin, stdout, stderr } = invocation.context;
  const name = invocation.path.join(" ");
  if (!stdin.isTerminal || !stdout.isTerminal) {
    throw new UsageError(`Cannot run "${name}": nobody can be asked whether it is meant`, {
      hint: "Write --yes to confirm",
    });
  }
  stderr.write(`${question} [y/N] `);
  for await (const chunk of stdin.chunks()) {
    if (/^\s*y(es)?\s*$/i.test(new TextDecoder().decode(chunk))) return;
    break;
  }
  throw new UsageError(`Cannot run "${name}": it was not confirmed`);
}
