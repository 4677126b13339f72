/**
 * Sandboxes as a person and as a program see them.
 *
 * @module
 */

import type { EffectivePolicy, SandboxView } from "../../gateway/client/types.ts";
import { printableLine } from "../printable.ts";
import type { Style } from "../style.ts";

/** The shape that `-o json` prints, for a list and for one. It is stable. */
export function sandboxValue(sandbox: SandboxView): Readonly<Record<string, unknown>> {
  return {
    id: sandbox.id,
    name: sandbox.name,
    workspace: sandbox.workspace,
    labels: sandbox.labels,
    annotations: sandbox.annotations,
    resource_version: sandbox.resourceVersion,
    created_at: formatTime(sandbox.createdAtMs),
    phase: sandbox.phase,
    ...sandbox.exitCode === null ? {} : { exit_code: sandbox.exitCode },
    current_policy_version: sandbox.policyVersion,
  };
}

/** One sandbox with its policy, as `sandbox get` prints it. */
export function sandboxDetails(
  sandbox: SandboxView,
  policy: EffectivePolicy,
): Readonly<Record<string, unknown>> {
  return {
    ...sandboxValue(sandbox),
    ...sandbox.conditions.length === 0 ? {} : { conditions: sandbox.conditions },
    policy_source: policy.source,
    revision: policy.version === 0 ? null : policy.version,
    policy: policy.policy,
  };
}

/** Returns the text of one sandbox. `policyText` is YAML. */
export function describeSandbox(
  sandbox: SandboxView,
  { policy, policyText, style }: {
    readonly policy: EffectivePolicy;
    readonly policyText: string;
    readonly style: Style;
  },
): string {
  const ready = sandbox.conditions.find(({ type }) => type === "Ready");
  const reason = ready === undefined || ready.reason === ""
    ? ""
    : ` (${ready.reason}${ready.message === "" ? "" : `: ${ready.message}`})`;
  const rows: readonly (readonly [string, string])[] = [
    ["Id", sandbox.id],
    ["Name", sandbox.name],
    ["Workspace", sandbox.workspace],
    ["Phase", sandbox.phase + (sandbox.phase === "Ready" ? "" : reason)],
    ...sandbox.exitCode === null ? [] : [["Exit code", String(sandbox.exitCode)] as const],
    ["Created", `${formatTime(sandbox.createdAtMs)} UTC`],
    ["Resource version", String(sandbox.resourceVersion)],
    ["Labels", formatMap(sandbox.labels)],
    ["Annotations", formatMap(sandbox.annotations)],
    ["Policy", `${policy.source}, revision ${policy.version}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 1;
  const lines = rows.map(([name, value]) =>
    `${style.bold(`${name}:`.padEnd(width))} ${printableLine(value)}\n`
  );
  return `${lines.join("")}\n${policyText}`;
}

/** Returns a time as `YYYY-MM-DD HH:MM:SS`, in UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** Says why a sandbox is as it is, `null` where its conditions do not. */
export function reasonOf(sandbox: SandboxView): string | null {
  const told = sandbox.conditions.find(({ status, message }) =>
    status !== "True" && message !== ""
  );
  return told?.message ?? sandbox.conditions.find(({ reason }) => reason !== "")?.reason ?? null;
}

function formatMap(map: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(map).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "-" : pairs.join(", ");
}
