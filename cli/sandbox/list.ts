/**
 * `openshell sandbox list` and `openshell sandbox get`.
 *
 * @module
 */

import { toPolicyText } from "../../gateway/client/policy_text.ts";
import type { SandboxView } from "../../gateway/client/types.ts";
import type { Invocation } from "../command.ts";
import { EXIT_OK } from "../exit.ts";
import { sandboxOf, withGateway, workspaceOf } from "../gateway_access.ts";
import { formatTable, outputFormat, printResult } from "../output.ts";
import { printableLine, printableText } from "../printable.ts";
import { UsageError } from "../usage_error.ts";
import { describeSandbox, formatTime, sandboxDetails, sandboxValue } from "./sandbox_result.ts";

/** Lists sandboxes. */
export async function list(invocation: Invocation): Promise<number> {
  const only = onlyOf(invocation);
  const allWorkspaces = invocation.switch("all-workspaces");
  const sandboxes = await withGateway(invocation, (gateway) =>
    gateway.listSandboxes({
      workspace: allWorkspaces ? "" : workspaceOf(invocation),
      limit: invocation.requiredInteger("limit"),
      offset: invocation.requiredInteger("offset"),
      selector: invocation.text("selector") ?? "",
      allWorkspaces,
    }));
  if (only !== null) {
    const lines = sandboxes.map((sandbox) => lineOf(sandbox, only, allWorkspaces));
    invocation.context.stdout.write(lines.join(""));
    return EXIT_OK;
  }
  await printResult(invocation, {
    value: sandboxes.map(sandboxValue),
    text: (style) =>
      formatTable({
        headings: [...allWorkspaces ? ["WORKSPACE"] : [], "NAME", "CREATED", "PHASE"],
        rows: sandboxes.map(({ workspace, name, createdAtMs, phase }) => [
          ...allWorkspaces ? [workspace] : [],
          name,
          formatTime(createdAtMs),
          phase,
        ]),
      }, style),
  });
  return EXIT_OK;
}

/** Shows one sandbox. */
export async function get(invocation: Invocation): Promise<number> {
  const [sandbox, policy] = await withGateway(invocation, async (gateway) => {
    const found = await sandboxOf(invocation, gateway, invocation.arguments("NAME")[0]);
    return [found, await gateway.getEffectivePolicy(found.id)] as const;
  });
  const policyText = printableText(await toPolicyText(policy.policy));
  if (invocation.switch("policy-only")) {
    invocation.context.stdout.write(policyText);
    return EXIT_OK;
  }
  await printResult(invocation, {
    value: sandboxDetails(sandbox, policy),
    text: (style) => describeSandbox(sandbox, { policy, policyText, style }),
  });
  return EXIT_OK;
}

/** Returns what is listed alone, `null` for a table. */
function onlyOf(invocation: Invocation): "names" | "ids" | null {
  const names = invocation.switch("names");
  const ids = invocation.switch("ids");
  if (names && ids) throw new UsageError('Cannot use "--names" and "--ids" together');
  if ((names || ids) && outputFormat(invocation) !== "table") {
    throw new UsageError('Cannot use "--names" or "--ids" together with "--output"');
  }
  return names ? "names" : ids ? "ids" : null;
}

function lineOf(
  { id, name, workspace }: SandboxView,
  only: "names" | "ids",
  allWorkspaces: boolean,
): string {
  if (only === "ids") return `${printableLine(id)}\n`;
  return `${printableLine(allWorkspaces ? `${workspace}/${name}` : name)}\n`;
}
