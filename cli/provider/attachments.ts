/**
 * `openshell sandbox provider list`, `attach` and `detach`.
 *
 * @module
 */

import type { Invocation } from "../command.ts";
import { EXIT_OK } from "../exit.ts";
import { sandboxNameOf, withGateway, workspaceOf } from "../gateway_access.ts";
import { formatTable, printResult } from "../output.ts";
import { printableLine } from "../printable.ts";
import { providerTable, providerValue } from "./provider_result.ts";

/** Lists the providers of a sandbox. */
export async function list(invocation: Invocation): Promise<number> {
  const providers = await withGateway(invocation, async (gateway) => {
    const name = await sandboxNameOf(invocation, gateway, invocation.arguments("NAME")[0]);
    return await gateway.listSandboxProviders({ name, workspace: workspaceOf(invocation) });
  });
  await printResult(invocation, {
    value: providers.map(providerValue),
    text: (style) => formatTable(providerTable(providers, false), style),
  });
  return EXIT_OK;
}

/** Gives a sandbox a provider. */
export async function attach(invocation: Invocation): Promise<number> {
  return await change(invocation, "attach");
}

/** Takes a provider away. */
export async function detach(invocation: Invocation): Promise<number> {
  return await change(invocation, "detach");
}

async function change(invocation: Invocation, verb: "attach" | "detach"): Promise<number> {
  const { stderr } = invocation.context;
  const provider = invocation.argument("PROVIDER");
  const name = { name: invocation.argument("NAME"), workspace: workspaceOf(invocation) };
  const isChanged = await withGateway(invocation, async (gateway) => {
    const { resourceVersion } = await gateway.getSandbox(name);
    return verb === "attach"
      ? await gateway.attachProvider(name, provider, resourceVersion)
      : await gateway.detachProvider(name, provider, resourceVersion);
  });
  const shown = `provider ${printableLine(provider)}`;
  const sandbox = printableLine(name.name);
  if (verb === "attach") {
    stderr.write(
      isChanged ? `✓ Attached ${shown} to ${sandbox}\n` : `! ${sandbox} has ${shown} already\n`,
    );
    if (isChanged) stderr.write("→ Programs that start from now on have its variables\n");
  } else {
    stderr.write(
      isChanged ? `✓ Detached ${shown} from ${sandbox}\n` : `! ${sandbox} does not have ${shown}\n`,
    );
  }
  return EXIT_OK;
}
