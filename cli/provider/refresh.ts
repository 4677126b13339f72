/**
 * `openshell provider refresh configure`, `rotate`, `status` and `delete`.
 *
 * @module
 */

import {
  REFRESH_STRATEGIES,
  type RefreshName,
  type RefreshView,
} from "../../gateway/client/refresh_types.ts";
import type { Invocation } from "../command.ts";
import { EXIT_OK } from "../exit.ts";
import { withGateway, workspaceOf } from "../gateway_access.ts";
import { formatTable, outputFormat, printResult } from "../output.ts";
import { printableLine } from "../printable.ts";
import { formatTime } from "../sandbox/sandbox_result.ts";
import { UsageError } from "../usage_error.ts";
import { parseTime } from "./parse_credentials.ts";
import { parseMaterial } from "./parse_material.ts";

/** Lets the gateway make values. */
export async function configure(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const strategy = REFRESH_STRATEGIES.find((name) => name === invocation.requiredText("strategy"));
  if (strategy === undefined) throw new UsageError('Cannot use "--strategy": there is no such one');
  const input = {
    ...nameOf(invocation, invocation.requiredText("credential-key")),
    strategy,
    expiresAtMs: endOf(invocation),
    ...parseMaterial(context, {
      material: invocation.texts("material"),
      secretEnv: invocation.texts("secret-material-env"),
      secretKeys: invocation.texts("secret-material-key"),
    }),
  };
  const made = await withGateway(invocation, (gateway) => gateway.configureRefresh(input));
  const what = `${printableLine(made.credentialKey)} of ${printableLine(made.provider)}`;
  context.stderr.write(`✓ The gateway makes values of ${what}\n`);
  await show(invocation, [made], refreshValue(made));
  return EXIT_OK;
}

/** Makes a new value now. */
export async function rotate(invocation: Invocation): Promise<number> {
  const name = nameOf(invocation, invocation.requiredText("credential-key"));
  const made = await withGateway(invocation, (gateway) => gateway.rotateCredential(name));
  const what = `${printableLine(made.credentialKey)} of ${printableLine(made.provider)}`;
  invocation.context.stderr.write(`✓ Made a new value of ${what}\n`);
  await show(invocation, [made], refreshValue(made));
  return EXIT_OK;
}

/** Shows how they fare. */
export async function status(invocation: Invocation): Promise<number> {
  const name = nameOf(invocation, invocation.text("credential-key") ?? "");
  const found = await withGateway(invocation, (gateway) => gateway.refreshStatus(name));
  if (found.length === 0 && outputFormat(invocation) === "table") {
    const key = name.credentialKey === "" ? "" : ` of "${printableLine(name.credentialKey)}"`;
    const provider = printableLine(name.provider);
    invocation.context.stderr.write(`! Provider "${provider}" has no refresh${key}\n`);
    return EXIT_OK;
  }
  await show(invocation, found, found.map(refreshValue));
  return EXIT_OK;
}

/** Makes no more values. */
export async function remove(invocation: Invocation): Promise<number> {
  const name = nameOf(invocation, invocation.requiredText("credential-key"));
  const isDeleted = await withGateway(invocation, (gateway) => gateway.deleteRefresh(name));
  const key = printableLine(name.credentialKey);
  const provider = printableLine(name.provider);
  invocation.context.stderr.write(
    isDeleted
      ? `✓ The gateway makes no more values of ${key} of ${provider}\n`
      : `! Provider "${provider}" has no refresh of "${key}"\n`,
  );
  return EXIT_OK;
}

function nameOf(invocation: Invocation, credentialKey: string): RefreshName {
  const provider = invocation.argument("NAME");
  return { provider, credentialKey, workspace: workspaceOf(invocation) };
}

function endOf(invocation: Invocation): number {
  const text = invocation.text("credential-expires-at") ?? "0";
  const at = parseTime(text);
  if (at !== null) return at;
  throw new UsageError(
    'Cannot use "--credential-expires-at": it should be a time, as 2030-01-31T00:00:00Z',
  );
}

async function show(
  invocation: Invocation,
  refreshes: readonly RefreshView[],
  value: unknown,
): Promise<void> {
  const table = { headings: HEADINGS, rows: refreshes.map(refreshRow) };
  await printResult(invocation, { value, text: (style) => formatTable(table, style) });
}

const HEADINGS = [
  "PROVIDER",
  "CREDENTIAL_KEY",
  "STRATEGY",
  "STATUS",
  "EXPIRES_AT",
  "NEXT_REFRESH",
  "LAST_REFRESH",
  "LAST_ERROR",
];

function refreshRow(refresh: RefreshView): readonly string[] {
  const { provider, credentialKey, strategy, status, lastError } = refresh;
  const times = [refresh.expiresAtMs, refresh.nextRefreshAtMs, refresh.lastRefreshAtMs]
    .map((at) => at === 0 ? "-" : formatTime(at));
  return [provider, credentialKey, strategy, status, ...times, lastError || "-"];
}

/** The shape that `-o json` prints. It is stable. */
function refreshValue(refresh: RefreshView): Readonly<Record<string, unknown>> {
  return {
    provider: refresh.provider,
    provider_id: refresh.providerId,
    credential_key: refresh.credentialKey,
    strategy: refresh.strategy,
    status: refresh.status,
    expires_at_ms: refresh.expiresAtMs,
    next_refresh_at_ms: refresh.nextRefreshAtMs,
    last_refresh_at_ms: refresh.lastRefreshAtMs,
    last_error: refresh.lastError,
  };
}
