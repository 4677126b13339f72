/**
 * `openshell provider create`, `get`, `list`, `update` and `delete`.
 *
 * @module
 */

import type { ProviderInput, ProviderView } from "../../gateway/client/provider_types.ts";
import type { Invocation } from "../command.ts";
import { EXIT_FAILED, EXIT_OK } from "../exit.ts";
import { withGateway, workspaceOf } from "../gateway_access.ts";
import { formatTable, outputFormat, printResult } from "../output.ts";
import { printableLine } from "../printable.ts";
import { UsageError } from "../usage_error.ts";
import { createFromGrant, gcloudAdcKey } from "./gcloud_adc.ts";
import { readGcloudAdc } from "./gcloud_adc_file.ts";
import { withInterrupt } from "../session/with_interrupt.ts";
import { discover } from "./discover.ts";
import { parseConfig, parseCredentials, parseExpiries } from "./parse_credentials.ts";
import { providerLines, providerTable, providerValue } from "./provider_result.ts";

/** Keeps credentials under a name. */
export async function create(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const type = invocation.requiredText("type");
  const sources = [
    invocation.switch("from-existing"),
    invocation.texts("credential").length > 0,
    invocation.switch("from-gcloud-adc"),
    invocation.switch("runtime-credentials"),
  ];
  if (sources.filter(Boolean).length !== 1) {
    throw new UsageError(
      'Cannot create the provider: give one of "--credential", "--from-existing", ' +
        '"--from-gcloud-adc" and "--runtime-credentials"',
    );
  }
  const input = await inputOf(invocation, { name: invocation.requiredText("name"), type });
  if (invocation.switch("from-gcloud-adc")) return await createFromGcloud(invocation, input);
  const made = await withGateway(invocation, (gateway) => gateway.createProvider(input));
  context.stderr.write(`✓ Created provider ${printableLine(made.name)}\n`);
  await show(invocation, made);
  return EXIT_OK;
}

async function createFromGcloud(invocation: Invocation, input: ProviderInput): Promise<number> {
  const { context } = invocation;
  const { stderr } = context;
  const credentialKey = gcloudAdcKey(input.type);
  const adc = await readGcloudAdc(context);
  return await withInterrupt(context, async (signal) => {
    const made = await withGateway(
      invocation,
      (gateway) => createFromGrant({ gateway, input, credentialKey, adc, signal, stderr }),
    );
    stderr.write(`✓ Created provider ${printableLine(made.name)}, with a token from your grant\n`);
    await show(invocation, made);
    return EXIT_OK;
  });
}

/** Shows one. */
export async function get(invocation: Invocation): Promise<number> {
  const name = { name: invocation.argument("NAME"), workspace: workspaceOf(invocation) };
  await show(invocation, await withGateway(invocation, (gateway) => gateway.getProvider(name)));
  return EXIT_OK;
}

/** Lists them. */
export async function list(invocation: Invocation): Promise<number> {
  const allWorkspaces = invocation.switch("all-workspaces");
  const names = invocation.switch("names");
  if (names && outputFormat(invocation) !== "table") {
    throw new UsageError('Cannot use "--names" together with "--output"');
  }
  const providers = await withGateway(invocation, (gateway) =>
    gateway.listProviders({
      workspace: allWorkspaces ? "" : workspaceOf(invocation),
      allWorkspaces,
      limit: invocation.requiredInteger("limit"),
      offset: invocation.requiredInteger("offset"),
    }));
  if (names) {
    const lines = providers.map(({ name, workspace }) =>
      `${printableLine(allWorkspaces ? `${workspace}/${name}` : name)}\n`
    );
    invocation.context.stdout.write(lines.join(""));
    return EXIT_OK;
  }
  await printResult(invocation, {
    value: providers.map(providerValue),
    text: (style) => formatTable(providerTable(providers, allWorkspaces), style),
  });
  return EXIT_OK;
}

/** Changes what is named and keeps the rest. */
export async function update(invocation: Invocation): Promise<number> {
  const name = invocation.argument("NAME");
  const workspace = workspaceOf(invocation);
  const hasCredentials = invocation.texts("credential").length > 0;
  if (invocation.switch("from-existing") && hasCredentials) {
    throw new UsageError('Cannot use "--credential" and "--from-existing" together');
  }
  const changed = await withGateway(invocation, async (gateway) => {
    const isDiscovered = invocation.switch("from-existing");
    const type = isDiscovered ? (await gateway.getProvider({ name, workspace })).type : "";
    const input = await inputOf(invocation, { name, type });
    const isEmpty = [input.credentials, input.config, input.expiresAtMs]
      .every((entries) => Object.keys(entries).length === 0);
    if (isEmpty) throw new UsageError("Cannot update the provider: nothing is to change");
    return await gateway.updateProvider(input);
  });
  invocation.context.stderr.write(`✓ Updated provider ${printableLine(changed.name)}\n`);
  await show(invocation, changed);
  return EXIT_OK;
}

/** Deletes them. One that is not there is no failure; one that fails does not stop the others. */
export async function remove(invocation: Invocation): Promise<number> {
  const names = [...new Set(invocation.arguments("NAME"))];
  const { stderr } = invocation.context;
  const workspace = workspaceOf(invocation);
  return await withGateway(invocation, async (gateway) => {
    let failures = 0;
    for (const name of names) {
      try {
        const isDeleted = await gateway.deleteProvider({ name, workspace });
        const shown = printableLine(name);
        stderr.write(
          isDeleted ? `✓ Deleted provider ${shown}\n` : `! Provider "${shown}" not found\n`,
        );
      } catch (error) {
        failures++;
        if (names.length === 1) throw error;
        stderr.write(`error: ${printableLine(error instanceof Error ? error.message : "")}\n`);
      }
    }
    return failures === 0 ? EXIT_OK : EXIT_FAILED;
  });
}

async function inputOf(
  invocation: Invocation,
  { name, type }: { readonly name: string; readonly type: string },
): Promise<ProviderInput> {
  const { context } = invocation;
  const found = invocation.switch("from-existing") ? await discover(context, type) : null;
  if (found !== null && Object.keys(found.credentials).length === 0) {
    throw new UsageError(`Cannot find credentials of type "${type}" on this machine`, {
      hint: found.looked.length === 0
        ? "Name them with --credential"
        : `Set one of ${found.looked.join(", ")}`,
    });
  }
  return {
    name,
    workspace: workspaceOf(invocation),
    type,
    credentials: found?.credentials ?? parseCredentials(context, invocation.texts("credential")),
    config: { ...found?.config, ...parseConfig(invocation.texts("config")) },
    expiresAtMs: parseExpiries(invocation.texts("credential-expires-at")),
    usesGlobalProfile: invocation.command.flags?.some(({ name }) => name === "global-profile") ===
        true && invocation.switch("global-profile"),
  };
}

async function show(invocation: Invocation, provider: ProviderView): Promise<void> {
  await printResult(invocation, {
    value: providerValue(provider),
    text: (style) => {
      const lines = providerLines(provider);
      const width = Math.max(...lines.map(([label]) => label.length)) + 1;
      return lines.map(([label, value]) =>
        `${style.bold(`${label}:`.padEnd(width))} ${printableLine(value)}\n`
      ).join("");
    },
  });
}
