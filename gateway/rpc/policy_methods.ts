/**
 * Methods about policies and settings.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  PolicySource,
  SettingScope as WireScope,
  type SettingValue as WireSetting,
} from "../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import {
  type OpenShell,
  PolicyStatus,
  type UpdateConfigRequest,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { FORCE_ANNOTATION, PROOF_ANNOTATION } from "../../proto/annotations.ts";
import { PAGE_OBJECTS_MAX } from "../../proto/limits.ts";
import { canonicalJson, documentFromWire, documentToWire } from "../policy/policy_document.ts";
import {
  GLOBAL_SCOPE,
  type PolicyRevision,
  type PolicyRevisions,
  type RevisionStatus,
} from "../policy/revisions.ts";
import {
  checkValue,
  type SettingScope,
  type SettingsStore,
  type SettingValue,
} from "../policy/settings.ts";
import type { LayerGuard } from "../providers/layer_guard.ts";
import { SandboxNotFoundError } from "../sandbox/sandbox_errors.ts";
import type { SandboxService } from "../sandbox/sandboxes.ts";
import { principalOf, sandboxOf } from "./call_context.ts";

export interface PolicyPorts {
  readonly sandboxes: SandboxService;
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  /** What is in force, with what providers add; left out: nothing is added. */
  readonly layered?: Pick<PolicyRevisions, "effective">;
  /** Does work that changes a setting, where every sandbox can take it; left out: all can. */
  readonly holdSetting?: LayerGuard["holdSetting"];
}

type PolicyMethods = Pick<
  ServiceImpl<typeof OpenShell>,
  | "updateConfig"
  | "getSandboxConfig"
  | "getGatewayConfig"
  | "getSandboxPolicyStatus"
  | "listSandboxPolicies"
  | "reportPolicyStatus"
>;

/** Revisions that a page has where the caller does not say. */
const PAGE_DEFAULT = 50;

export function policyMethods(ports: PolicyPorts): PolicyMethods {
  const { sandboxes, policies, settings } = ports;
  const scopeOf = async (request: { name: string; workspace: string; global: boolean }) =>
    request.global ? GLOBAL_SCOPE : (await sandboxes.get(request.workspace, request.name)).id;
  return {
    async updateConfig(request, context) {
      // A sandbox has a policy from its first moment on, and must not change what confines it.
      if (principalOf(context).kind !== "user") {
        throw new ConnectError("only a user may change a policy", Code.PermissionDenied);
      }
      return await updateConfig(ports, request);
    },
    async getSandboxConfig({ sandboxId }) {
      return await sandboxConfig(ports, sandboxId);
    },
    async getGatewayConfig() {
      const { values, revision } = await settings.read("global");
      const entries = Object.entries(values).map(([key, value]) => [key, toWireSetting(value)]);
      return { settings: Object.fromEntries(entries), settingsRevision: BigInt(revision) };
    },
    async getSandboxPolicyStatus({ version, ...request }) {
      const scope = await scopeOf(request);
      const revision = await policies.get(scope, version);
      if (revision === null) {
        const which = version === 0 ? "policy" : `policy revision ${version}`;
        throw new ConnectError(`Cannot find ${which}: there is none`, Code.NotFound);
      }
      return {
        revision: toWireRevision(revision, true),
        activeVersion: await policies.activeVersion(scope),
      };
    },
    async listSandboxPolicies({ limit, offset, ...request }) {
      const page = { limit: Math.min(limit || PAGE_DEFAULT, PAGE_OBJECTS_MAX), offset };
      const revisions = await policies.list(await scopeOf(request), page);
      return { revisions: revisions.map((revision) => toWireRevision(revision, false)) };
    },
    async reportPolicyStatus({ version, status, loadError }, context) {
      if (status !== PolicyStatus.LOADED && status !== PolicyStatus.FAILED) {
        throw new ConnectError("a report says loaded or failed", Code.InvalidArgument);
      }
      const problem = status === PolicyStatus.FAILED ? loadError || "it was not said why" : null;
      await sandboxes.policyReported(sandboxOf(context), version, problem);
      return {};
    },
  };
}

async function updateConfig(ports: PolicyPorts, request: UpdateConfigRequest) {
  const { policy, settingKey, mergeOperations, global } = request;
  const asked = [policy !== undefined, settingKey !== "", mergeOperations.length > 0];
  if (asked.filter(Boolean).length !== 1) {
    const text = "ask for one thing: a policy, a setting, or merge operations";
    throw new ConnectError(text, Code.InvalidArgument);
  }
  if (mergeOperations.length > 0) {
    throw new ConnectError("merge operations are not there yet: set the whole", Code.Unimplemented);
  }
  // The policy is a setting in name alone: taking it out is how a global one ends.
  if (settingKey === "policy" && request.deleteSetting && global) {
    return { deleted: await ports.policies.deleteGlobal() };
  }
  if (policy === undefined) return await updateSetting(ports, request);
  const document = documentFromWire(policy);
  const expected = Number(request.expectedResourceVersion);
  const { isForced, annotations } = readAnnotations(request.annotations);
  if (global) {
    if (Object.keys(annotations).length > 0) {
      throw new ConnectError("a global policy has no annotations", Code.InvalidArgument);
    }
    const policies = ports.policies;
    const { version, hash } = await policies.setGlobal(document, expected || null, isForced);
    const revision = await policies.get(GLOBAL_SCOPE, version);
    return { version, policyHash: hash, annotations: provenanceOf(revision) };
  }
  const { id } = await ports.sandboxes.get(request.workspace, request.name);
  const change = await ports.sandboxes.setPolicy(id, {
    document,
    expectedResourceVersion: expected,
    annotations,
    isForced,
  });
  const revision = await ports.policies.get(id, change.version);
  return {
    version: change.version,
    policyHash: change.hash,
    annotations: provenanceOf(revision),
  };
}

/** Takes out what is a wish, and refuses what only the gateway says. */
function readAnnotations(given: Readonly<Record<string, string>>) {
  const { [FORCE_ANNOTATION]: force, ...annotations } = given;
  if (force !== undefined && force !== "true") {
    throw new ConnectError(`annotation "${FORCE_ANNOTATION}" is "true"`, Code.InvalidArgument);
  }
  if (annotations[PROOF_ANNOTATION] !== undefined) {
    const text = `annotation "${PROOF_ANNOTATION}" is written by the gateway alone`;
    throw new ConnectError(text, Code.InvalidArgument);
  }
  return { isForced: force !== undefined, annotations };
}

/** Annotations of a revision, and what came of its proof where one was asked for. */
function provenanceOf(revision: PolicyRevision | null): Record<string, string> {
  if (revision === null) return {};
  const { annotations, proof } = revision;
  if (proof === null || proof.verdict === "not_asked") return { ...annotations };
  const { isForced: forced, ...rest } = proof;
  return { ...annotations, [PROOF_ANNOTATION]: JSON.stringify({ ...rest, forced }) };
}

async function updateSetting(
  { sandboxes, settings, policies, holdSetting = (_change, work) => work() }: PolicyPorts,
  request: UpdateConfigRequest,
) {
  const { settingKey: key, settingValue, deleteSetting } = request;
  const scope: SettingScope = request.global
    ? "global"
    : { sandboxId: (await sandboxes.get(request.workspace, request.name)).id };
  if (deleteSetting) {
    const change = { scope, key, value: null };
    const revision = await holdSetting(change, () => settings.delete(scope, key));
    policies.notify(scope === "global" ? null : scope.sandboxId);
    return revision === null
      ? { deleted: false }
      : { deleted: true, settingsRevision: BigInt(revision) };
  }
  const value = checkValue(key, fromWireSetting(settingValue));
  const revision = await holdSetting({ scope, key, value }, () => settings.set(scope, key, value));
  policies.notify(scope === "global" ? null : scope.sandboxId);
  return { settingsRevision: BigInt(revision) };
}

async function sandboxConfig(
  { sandboxes, policies, settings, layered = policies }: PolicyPorts,
  sandboxId: string,
) {
  const record = await sandboxes.getById(sandboxId);
  const { version, hash, document, isGlobal } = await layered.effective(sandboxId);
  const effective = await settings.effective(sandboxId);
  const own = isGlobal ? (await policies.get(sandboxId, 0))?.version ?? 0 : version;
  if (own === 0) throw new SandboxNotFoundError(sandboxId);
  return {
    policy: documentToWire(new TextDecoder().decode(document)),
    version: own,
    policyHash: hash,
    settings: Object.fromEntries(
      Object.entries(effective).map(([key, { value, scope }]) => [key, {
        value: toWireSetting(value),
        scope: scope === "global" ? WireScope.GLOBAL : WireScope.SANDBOX,
      }]),
    ),
    configRevision: fingerprint({ hash, isGlobal, effective }),
    policySource: isGlobal ? PolicySource.GLOBAL : PolicySource.SANDBOX,
    globalPolicyVersion: isGlobal ? version : 0,
    workspace: record.workspace,
    policyValidationFailureMode: "retain_last_valid",
  };
}

/** Changes whenever what a supervisor has to load does. */
function fingerprint(value: unknown): bigint {
  return createHash("sha256").update(canonicalJson(value)).digest().readBigUInt64BE();
}

const STATUSES: Readonly<Record<RevisionStatus, PolicyStatus>> = {
  pending: PolicyStatus.PENDING,
  loaded: PolicyStatus.LOADED,
  failed: PolicyStatus.FAILED,
  superseded: PolicyStatus.SUPERSEDED,
};

function toWireRevision(revision: PolicyRevision, withPolicy: boolean) {
  return {
    version: revision.version,
    policyHash: revision.hash,
    status: STATUSES[revision.status],
    loadError: revision.loadError,
    createdAtMs: BigInt(revision.createdAtMs),
    loadedAtMs: BigInt(revision.loadedAtMs ?? 0),
    provenance: provenanceOf(revision),
    ...(withPolicy ? { policy: documentToWire(revision.document) } : {}),
  };
}

function toWireSetting(value: SettingValue) {
  return typeof value === "boolean"
    ? { value: { case: "boolValue", value } } as const
    : { value: { case: "stringValue", value } } as const;
}

function fromWireSetting(setting: WireSetting | undefined): SettingValue {
  const { value } = setting ?? {};
  if (value?.case === "boolValue" || value?.case === "stringValue") return value.value;
  throw new ConnectError("a setting is text, or true or false", Code.InvalidArgument);
}
