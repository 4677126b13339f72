/**
 * `openshell policy diff`.
 *
 * @module
 */

import { diffPolicies } from "../policy-wasm/diff_policy.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { formatTable, printResult } from "./output.ts";
import { readPolicy } from "./policy_input.ts";
import { UsageError } from "./usage_error.ts";

/** Prints the structural differences of two policies. */
export async function diff(invocation: Invocation): Promise<number> {
  if (invocation.switch("semantic")) {
    const { semanticDiff } = await import("./prove/semantic_diff.ts");
    return await semanticDiff(invocation);
  }
  if (invocation.switch("fast") || invocation.text("solver") !== undefined) {
    throw new UsageError("Cannot use --fast or --solver: nothing is proved without --semantic");
  }
  const before = await readPolicy(invocation, invocation.argument("OLD"));
  const after = await readPolicy(invocation, invocation.argument("NEW"));
  const changes = diffPolicies(before.policy, after.policy);
  await printResult(invocation, {
    value: {
      equal: changes.length === 0,
      before: before.image.generation,
      after: after.image.generation,
      changes,
    },
    text: (style) =>
      changes.length === 0 ? "The policies mean the same\n" : formatTable({
        headings: ["CHANGE", "PLACE", "BEFORE", "AFTER"],
        rows: changes.map(({ kind, path, before, after }) => [
          kind,
          path,
          before ?? "-",
          after ?? "-",
        ]),
      }, style),
  });
  return EXIT_OK;
}
