/**
 * `openshell policy compile`.
 *
 * @module
 */

import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { STANDARD_STREAM, writeOutput } from "./files.ts";
import { readPolicy } from "./policy_input.ts";
import { printableLine } from "./printable.ts";
import { UsageError } from "./usage_error.ts";

/** Writes the image of a policy and prints its hash. */
export async function compile(invocation: Invocation): Promise<number> {
  const file = invocation.argument("FILE");
  const output = invocation.requiredText("output");
  if (output === file || output === STANDARD_STREAM) {
    throw new UsageError(`Cannot write the image to "${output}": it should be a file of its own`);
  }
  const { image } = await readPolicy(invocation, file);
  await writeOutput(invocation.context, output, image.bytes);
  invocation.context.stdout.write(`${image.generation}\n`);
  invocation.context.stderr.write(`${printableLine(output)}: ${image.bytes.length} bytes\n`);
  return EXIT_OK;
}
