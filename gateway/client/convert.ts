/**
 * Messages of the wire to plain values, and back.
 *
 * @module
 */

import type { JsonObject } from "@bufbuild/protobuf";
import type { ProcessOutput as WireOutput } from "../../proto/gen/openshell/ext/v1/process_pb.ts";
import {
  type ExecSandboxEvent,
  type Sandbox,
  type SandboxLogLine,
  type SandboxPolicyRevision,
  type SandboxStreamEvent,
  ServiceStatus,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  type GetSandboxConfigResponse,
  PolicySource,
  type SandboxPolicy,
} from "../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import { policyDocumentFromWire, policyDocumentToWire } from "../../policy-wasm/wire.ts";
import { GatewayAnswerError } from "./gateway_answer_error.ts";
import {
  type EffectivePolicy,
  type Health,
  type Json,
  type LogLine,
  PHASES,
  POLICY_STATUSES,
  type PolicyRevision,
  type ProcessOutput,
  type SandboxEvent,
  type SandboxView,
} from "./types.ts";

/** @throws {GatewayAnswerError} when there is none */
export function toSandbox(sandbox: Sandbox | undefined): SandboxView {
  const { metadata, spec, status } = sandbox ?? {};
  if (metadata === undefined) {
    throw new GatewayAnswerError("Cannot read the gateway's answer: it holds no sandbox");
  }
  return {
    id: metadata.id,
    name: metadata.name,
    workspace: metadata.workspace,
    labels: { ...metadata.labels },
    annotations: { ...metadata.annotations },
    resourceVersion: Number(metadata.resourceVersion),
    createdAtMs: Number(metadata.createdAtMs),
    phase: PHASES[status?.phase ?? 0] ?? "Unknown",
    policyVersion: status?.currentPolicyVersion ?? 0,
    exitCode: status?.exitCode ?? null,
    conditions: (status?.conditions ?? []).map(({ type, status, reason, message }) => ({
      type,
      status,
      reason,
      message,
    })),
    command: spec?.command ?? [],
    tty: spec?.tty ?? false,
  };
}

/** Returns `null` for what this client has no use for. */
export function toSandboxEvent({ payload }: SandboxStreamEvent): SandboxEvent | null {
  switch (payload.case) {
    case "sandbox":
      return { kind: "sandbox", sandbox: toSandbox(payload.value) };
    case "log":
      return { kind: "log", log: toLogLine(payload.value) };
    case "event": {
      const { reason, message, metadata } = payload.value;
      return { kind: "event", event: { reason, message, metadata: { ...metadata } } };
    }
    case "warning":
      return { kind: "warning", message: payload.value.message };
    default:
      return null;
  }
}

export function toLogLine(line: SandboxLogLine): LogLine {
  const { timestampMs, level, target, message, source, fields } = line;
  return { timestampMs: Number(timestampMs), level, target, message, source, fields };
}

export function toExecOutput({ payload }: ExecSandboxEvent): ProcessOutput | null {
  switch (payload.case) {
    case "stdout":
    case "stderr":
      return { kind: payload.case, bytes: payload.value.data };
    case "exit":
      return { kind: "exit", code: payload.value.exitCode };
    default:
      return null;
  }
}

export function toAttachOutput({ payload }: WireOutput): ProcessOutput | null {
  switch (payload.case) {
    case "stdout":
    case "stderr":
      return { kind: payload.case, bytes: payload.value };
    case "exitCode":
      return { kind: "exit", code: payload.value };
    case "notice":
      return { kind: "notice", text: payload.value };
    default:
      return null;
  }
}

export function toRevision(
  revision: SandboxPolicyRevision | undefined,
  activeVersion: number,
): PolicyRevision {
  if (revision === undefined) {
    throw new GatewayAnswerError("Cannot read the gateway's answer: it holds no policy revision");
  }
  return {
    version: revision.version,
    hash: revision.policyHash,
    status: POLICY_STATUSES[revision.status] ?? "unspecified",
    loadError: revision.loadError,
    createdAtMs: Number(revision.createdAtMs),
    loadedAtMs: Number(revision.loadedAtMs),
    provenance: { ...revision.provenance },
    policy: toDocument(revision.policy),
    activeVersion,
  };
}

export function toEffectivePolicy(config: GetSandboxConfigResponse): EffectivePolicy {
  return {
    version: config.version,
    hash: config.policyHash,
    configRevision: String(config.configRevision),
    source: config.policySource === PolicySource.GLOBAL ? "global" : "sandbox",
    globalVersion: config.globalPolicyVersion,
    policy: toDocument(config.policy),
  };
}

export function toHealthStatus(status: ServiceStatus): Health["status"] {
  switch (status) {
    case ServiceStatus.HEALTHY:
      return "healthy";
    case ServiceStatus.DEGRADED:
      return "degraded";
    case ServiceStatus.UNHEALTHY:
      return "unhealthy";
    default:
      return "unknown";
  }
}

/** Returns the message of a document that `policy check` accepts. */
export async function toPolicyMessage(document: string): Promise<SandboxPolicy> {
  // Loading it takes longer than most calls, and most calls send no policy.
  const { parse } = await import("yaml");
  return policyDocumentToWire(parse(document, { logLevel: "silent" }));
}

export function toStruct(value: { readonly [key: string]: Json }): JsonObject {
  return structuredClone(value) as JsonObject;
}

function toDocument(policy: SandboxPolicy | undefined): Json {
  if (policy === undefined) return null;
  return policyDocumentFromWire(policy, { withoutMarks: true }) as Json;
}
