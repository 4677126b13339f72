/**
 * The verbs around the policies of sandboxes, loaded when one of them runs.
 *
 * @module
 */

import { toPolicyText } from "../gateway/client/policy_text.ts";
import type { EffectivePolicy, Gateway, PolicyRevision } from "../gateway/client/types.ts";
import type { PolicyScope } from "../gateway/client/types.ts";
import type { Invocation } from "./command.ts";
import { confirm } from "./confirm.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { sandboxNameOf, sandboxOf, withGateway, workspaceOf } from "./gateway_access.ts";
import { formatTable, printResult } from "./output.ts";
import { readPolicy } from "./policy_input.ts";
import { proofLines, proofText, readProof } from "./policy_proof.ts";
import { printableLine, printableText } from "./printable.ts";
import { formatTime } from "./sandbox/sandbox_result.ts";
import type { Style } from "./style.ts";
import { UsageError } from "./usage_error.ts";

/** Exit code when a sandbox did not load the policy in time, as `timeout` has it. */
const EXIT_TIMED_OUT = 124;

/** Between two looks at a revision, in milliseconds. */
const LOOK_MS = 50;

type Sentence = readonly [label: string, value: string];

/** Sends a policy that was checked, and waits for it where asked to. */
export async function set(invocation: Invocation): Promise<number> {
  const { stderr } = invocation.context;
  const { source } = await readPolicy(invocation, invocation.requiredText("policy"));
  const isGlobal = invocation.switch("global");
  if (isGlobal && invocation.switch("wait")) {
    throw new UsageError('Cannot use "--global" and "--wait" together');
  }
  if (isGlobal) await confirm(invocation, "Replace the policy of all sandboxes?");
  return await withGateway(invocation, async (gateway) => {
    const scope = await scopeOf(invocation, gateway);
    const isForced = invocation.switch("force");
    const { version, hash, annotations } = await gateway.setPolicy(scope, source.text, isForced);
    stderr.write(`✓ Set revision ${version}, ${printableLine(hash)}\n`);
    stderr.write(proofLines(readProof(annotations)));
    if (!invocation.switch("wait")) return EXIT_OK;
    return await waitForRevision(invocation, gateway, { scope, version });
  });
}

/** Shows the policy in force, or a revision. */
export async function get(invocation: Invocation): Promise<number> {
  const revision = invocation.requiredInteger("rev");
  if (invocation.switch("full") && invocation.switch("base")) {
    throw new UsageError('Cannot use "--full" and "--base" together');
  }
  return await withGateway(invocation, async (gateway) => {
    if (revision === 0 && !invocation.switch("global")) {
      return await showEffective(invocation, gateway);
    }
    const scope = await scopeOf(invocation, gateway);
    return await showRevision(invocation, scope, await gateway.getPolicy(scope, revision));
  });
}

/** Lists the revisions. */
export async function list(invocation: Invocation): Promise<number> {
  const revisions = await withGateway(invocation, async (gateway) => {
    const scope = await scopeOf(invocation, gateway);
    return await gateway.listPolicies(scope, invocation.requiredInteger("limit"));
  });
  await printResult(invocation, {
    value: revisions.map((revision) => ({
      version: revision.version,
      hash: revision.hash,
      status: revision.status,
      created_at: formatTime(revision.createdAtMs),
      ...revision.loadError === "" ? {} : { load_error: revision.loadError },
    })),
    text: (style) =>
      formatTable({
        headings: ["VERSION", "HASH", "STATUS", "CREATED", "ERROR"],
        rows: revisions.map(({ version, hash, status, createdAtMs, loadError }) => [
          String(version),
          hash,
          status,
          formatTime(createdAtMs),
          loadError,
        ]),
      }, style),
  });
  return EXIT_OK;
}

/** Deletes the policy for all sandboxes. */
export async function remove(invocation: Invocation): Promise<number> {
  if (!invocation.switch("global")) {
    throw new UsageError('Cannot delete the policy of a sandbox: only "--global" can be deleted', {
      hint: 'Give the sandbox another one with "openshell policy set"',
    });
  }
  await confirm(invocation, "Delete the policy for all sandboxes?");
  const isDeleted = await withGateway(invocation, (gateway) => gateway.deleteGlobalPolicy());
  invocation.context.stderr.write(
    isDeleted ? "✓ Deleted the global policy\n" : "! There is no global policy\n",
  );
  return EXIT_OK;
}

async function scopeOf(invocation: Invocation, gateway: Gateway): Promise<PolicyScope> {
  const [given] = invocation.arguments("NAME");
  if (invocation.switch("global")) {
    if (given === undefined) return { kind: "global" };
    throw new UsageError('Cannot use NAME and "--global" together');
  }
  const name = await sandboxNameOf(invocation, gateway, given);
  return { kind: "sandbox", name, workspace: workspaceOf(invocation) };
}

async function waitForRevision(
  invocation: Invocation,
  gateway: Gateway,
  { scope, version }: { readonly scope: PolicyScope; readonly version: number },
): Promise<number> {
  const { machine, stderr } = invocation.context;
  const seconds = invocation.requiredInteger("timeout");
  const deadline = machine.now() + seconds * 1000;
  while (machine.now() < deadline) {
    const { status, loadError } = await gateway.getPolicy(scope, version);
    if (status === "loaded") {
      stderr.write(`✓ Revision ${version} is in force\n`);
      return EXIT_OK;
    }
    if (status === "failed" || status === "superseded") {
      const reason = status === "failed" ? loadError : "another one has taken its place";
      stderr.write(`error: Cannot load revision ${version}: ${printableLine(reason)}\n`);
      return EXIT_FAILED;
    }
    await machine.sleep(LOOK_MS);
  }
  stderr.write(`error: Cannot wait longer: no answer within ${seconds} seconds\n`);
  return EXIT_TIMED_OUT;
}

async function showEffective(invocation: Invocation, gateway: Gateway): Promise<number> {
  const sandbox = await sandboxOf(invocation, gateway, invocation.arguments("NAME")[0]);
  const effective = await gateway.getEffectivePolicy(sandbox.id);
  const { version, hash, configRevision, source, globalVersion, policy } = effective;
  const yaml = await policyText(invocation, policy);
  const scope: PolicyScope = source === "global"
    ? { kind: "global" }
    : { kind: "sandbox", name: sandbox.name, workspace: sandbox.workspace };
  const inForce = await gateway.getPolicy(scope, source === "global" ? globalVersion : version);
  const proof = readProof(inForce.provenance);
  await printResult(invocation, {
    value: {
      scope: "sandbox",
      sandbox: sandbox.name,
      version,
      active_version: sandbox.policyVersion,
      hash,
      status: sandbox.policyVersion === version ? "loaded" : "pending",
      config_revision: configRevision,
      policy_source: source,
      ...globalVersion === 0 ? {} : { global_policy_version: globalVersion },
      ...proof === null ? {} : { proof },
      policy,
    },
    text: (style) =>
      withPolicy(
        [
          ["Sandbox", sandbox.name],
          ["Version", String(version)],
          ["Active", String(sandbox.policyVersion)],
          ["Hash", hash],
          ["Source", sourceText(effective)],
          ["Config", configRevision],
          ...proof === null ? [] : [["Proof", proofText(proof)] as const],
        ],
        yaml,
        style,
      ),
  });
  return EXIT_OK;
}

async function showRevision(
  invocation: Invocation,
  scope: PolicyScope,
  revision: PolicyRevision,
): Promise<number> {
  const { version, hash, status, activeVersion, loadError, createdAtMs, loadedAtMs } = revision;
  const yaml = await policyText(invocation, revision.policy);
  const proof = readProof(revision.provenance);
  await printResult(invocation, {
    value: {
      scope: scope.kind,
      ...scope.kind === "sandbox" ? { sandbox: scope.name } : {},
      version,
      hash,
      status,
      active_version: activeVersion,
      created_at_ms: createdAtMs,
      ...loadedAtMs === 0 ? {} : { loaded_at_ms: loadedAtMs },
      ...loadError === "" ? {} : { load_error: loadError },
      ...proof === null ? {} : { proof },
      provenance: revision.provenance,
      policy: revision.policy,
    },
    text: (style) =>
      withPolicy(
        [
          ["Version", String(version)],
          ["Active", String(activeVersion)],
          ["Hash", hash],
          ["Status", status],
          ["Created", `${formatTime(createdAtMs)} UTC`],
          ...loadedAtMs === 0 ? [] : [["Loaded", `${formatTime(loadedAtMs)} UTC`] as const],
          ...proof === null ? [] : [["Proof", proofText(proof)] as const],
          ...loadError === "" ? [] : [["Error", loadError] as const],
        ],
        yaml,
        style,
      ),
  });
  return EXIT_OK;
}

function sourceText({ source, globalVersion }: EffectivePolicy): string {
  return source === "global" ? `global, version ${globalVersion}` : source;
}

/** With the policy, what is said of it is a comment: the whole can be edited and set again. */
function withPolicy(rows: readonly Sentence[], yaml: string, style: Style): string {
  const mark = yaml === "" ? "" : "# ";
  return rows.map(([label, value]) =>
    `${mark}${style.bold(`${label}:`.padEnd(9))} ${printableLine(value)}\n`
  ).join("") + yaml;
}

async function policyText(
  invocation: Invocation,
  policy: EffectivePolicy["policy"],
): Promise<string> {
  if (!invocation.switch("full") && !invocation.switch("base")) return "";
  return `\n${printableText(await toPolicyText(policy))}`;
}
