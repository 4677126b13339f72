/**
 * `openshell policy fmt`.
 *
 * @module
 */

import { formatPolicy } from "../policy-wasm/format_policy.ts";
import { checkPolicy } from "../policy-wasm/check_policy.ts";
import { CodedError } from "../proto/errors.ts";
import type { Invocation } from "./command.ts";
import { EXIT_BAD_INPUT, EXIT_OK } from "./exit.ts";
import { STANDARD_STREAM, writeOutput } from "./files.ts";
import { readPolicy } from "./policy_input.ts";
import { printableLine } from "./printable.ts";
import { UsageError } from "./usage_error.ts";

/** The canonical form would not mean what the file means. The file is as it was. */
export class FormatError extends CodedError {
  override readonly name = "FormatError";
  override readonly code = "internal";

  constructor(file: string) {
    super(`Cannot format "${file}": its canonical form would have another meaning`);
  }
}

/** Prints, checks or rewrites policy files in canonical form. */
export async function fmt(invocation: Invocation): Promise<number> {
  const { stdout, stderr } = invocation.context;
  const files = invocation.arguments("FILE");
  const isCheck = invocation.switch("check");
  const isWrite = invocation.switch("write");
  if (isCheck && isWrite) throw new UsageError("Cannot use --check together with --write");
  if (files.length > 1 && !isCheck && !isWrite) {
    throw new UsageError("Cannot print several files at once: use --write or --check");
  }
  let changed = 0;
  for (const file of files) {
    const { source, image } = await readPolicy(invocation, file);
    const text = formatPolicy(source.text);
    // A formatter that changes what a policy means is worse than none.
    const again = checkPolicy(new TextEncoder().encode(text));
    if (again.image?.generation !== image.generation) throw new FormatError(file);
    if (!isCheck && (!isWrite || file === STANDARD_STREAM)) {
      stdout.write(text);
    } else if (text !== source.text) {
      changed++;
      stderr.write(`${printableLine(file)}: ${isCheck ? "not in canonical form" : "formatted"}\n`);
      if (isWrite) await writeOutput(invocation.context, file, new TextEncoder().encode(text));
    }
  }
  return isCheck && changed > 0 ? EXIT_BAD_INPUT : EXIT_OK;
}
