/**
 * Providers as a person and as a program see them: keys, and never a value.
 *
 * @module
 */

import type { ProviderView } from "../../gateway/client/provider_types.ts";
import type { Table } from "../output.ts";
import { formatTime } from "../sandbox/sandbox_result.ts";

/** The shape that `-o json` prints, for a list and for one. It is stable. */
export function providerValue(provider: ProviderView): Readonly<Record<string, unknown>> {
  const { labels, expiresAtMs } = provider;
  return {
    id: provider.id,
    name: provider.name,
    workspace: provider.workspace,
    type: provider.type,
    credential_keys: provider.credentialKeys,
    config_keys: Object.keys(provider.config).toSorted(),
    ...Object.keys(labels).length === 0 ? {} : { labels },
    resource_version: provider.resourceVersion,
    created_at: formatTime(provider.createdAtMs),
    ...Object.keys(expiresAtMs).length === 0 ? {} : { credential_expires_at_ms: expiresAtMs },
  };
}

/** One row for each. */
export function providerTable(providers: readonly ProviderView[], allWorkspaces: boolean): Table {
  return {
    headings: [
      ...allWorkspaces ? ["WORKSPACE"] : [],
      "NAME",
      "TYPE",
      "CREDENTIAL_KEYS",
      "CONFIG_KEYS",
    ],
    rows: providers.map(({ workspace, name, type, credentialKeys, config }) => [
      ...allWorkspaces ? [workspace] : [],
      name,
      type,
      String(credentialKeys.length),
      String(Object.keys(config).length),
    ]),
  };
}

/** Lines about one, each a label and what is to be printed. */
export function providerLines(provider: ProviderView): readonly (readonly [string, string])[] {
  const keys = provider.credentialKeys.map((key) => {
    const at = provider.expiresAtMs[key];
    return at === undefined ? key : `${key} (until ${formatTime(at)} UTC)`;
  });
  return [
    ["Id", provider.id],
    ["Name", provider.name],
    ["Workspace", provider.workspace],
    ["Type", provider.type],
    ["Credentials", keys.join(", ") || "-"],
    ["Config", Object.keys(provider.config).toSorted().join(", ") || "-"],
    ["Created", `${formatTime(provider.createdAtMs)} UTC`],
    ["Resource version", String(provider.resourceVersion)],
  ];
}
