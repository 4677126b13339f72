/**
 * `openshell settings get`, `set` and `delete`.
 *
 * @module
 */

import type { Gateway, PolicyScope } from "../gateway/client/types.ts";
import type { Invocation } from "./command.ts";
import { confirm } from "./confirm.ts";
import { EXIT_OK } from "./exit.ts";
import { sandboxNameOf, sandboxOf, withGateway, workspaceOf } from "./gateway_access.ts";
import { formatTable } from "./output.ts";
import { printableJson, printableLine } from "./printable.ts";
import { styleOf } from "./style.ts";

/** Shows settings. */
export async function get(invocation: Invocation): Promise<number> {
  const { stdout } = invocation.context;
  const isGlobal = invocation.switch("global");
  const settings = await withGateway(invocation, async (gateway) => {
    const [name] = invocation.arguments("NAME");
    const id = isGlobal ? null : (await sandboxOf(invocation, gateway, name)).id;
    return await gateway.getSettings(id);
  });
  const sorted = settings.toSorted((a, b) => a.key < b.key ? -1 : 1);
  if (invocation.switch("json")) {
    const value = {
      settings: Object.fromEntries(
        sorted.map(({ key, value, scope }) => [
          key,
          isGlobal ? String(value) : { value: String(value), scope },
        ]),
      ),
    };
    stdout.write(printableJson(JSON.stringify(value, null, 2)) + "\n");
    return EXIT_OK;
  }
  const table = {
    headings: ["KEY", "VALUE", "SET FOR"],
    rows: sorted.map(({ key, value, scope }) => [key, String(value), scope]),
  };
  stdout.write(formatTable(table, styleOf(stdout, invocation.context)));
  return EXIT_OK;
}

/** Changes one. */
export async function set(invocation: Invocation): Promise<number> {
  const key = invocation.requiredText("key");
  const value = invocation.requiredText("value");
  await confirmGlobal(invocation);
  await withGateway(invocation, async (gateway) => {
    await gateway.setSetting(await scopeOf(invocation, gateway), key, value);
  });
  invocation.context.stderr.write(`✓ Set ${printableLine(key)}\n`);
  return EXIT_OK;
}

/** Takes one away. */
export async function remove(invocation: Invocation): Promise<number> {
  const key = invocation.requiredText("key");
  await confirmGlobal(invocation);
  const isDeleted = await withGateway(
    invocation,
    async (gateway) => gateway.deleteSetting(await scopeOf(invocation, gateway), key),
  );
  const shown = printableLine(key);
  invocation.context.stderr.write(
    isDeleted ? `✓ Deleted ${shown}\n` : `! ${shown} was not set\n`,
  );
  return EXIT_OK;
}

async function confirmGlobal(invocation: Invocation): Promise<void> {
  if (invocation.switch("global")) await confirm(invocation, "Change it for all sandboxes?");
}

async function scopeOf(invocation: Invocation, gateway: Gateway): Promise<PolicyScope> {
  if (invocation.switch("global")) return { kind: "global" };
  const name = await sandboxNameOf(invocation, gateway, invocation.arguments("NAME")[0]);
  return { kind: "sandbox", name, workspace: workspaceOf(invocation) };
}
