/**
 * A sandbox as the gateway keeps it, as it is stored, and as the wire has it.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { UNKEPT_ANNOTATION } from "../../proto/annotations.ts";
import {
  type Sandbox,
  SandboxPhase,
  SandboxSchema,
  type SandboxSpec,
  SandboxSpecSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import type { ObjectFields, StoredObject } from "../store/contract.ts";
import type { Condition, Phase, SandboxState } from "./phase.ts";

export interface SandboxRecord {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly workspace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly resourceVersion: number;
  /** 0 until its end was asked for. */
  readonly deletionTimestampMs: number;
  /** As the client gave it. */
  readonly spec: SandboxSpec;
  readonly state: SandboxState;
  /** Policy revision that its supervisor has loaded, 0 before. */
  readonly policyVersion: number;
}

/** True for one that has run, has ended, and was not to be kept. */
export function isUnkeptAndOver({ annotations, state }: SandboxRecord): boolean {
  return annotations[UNKEPT_ANNOTATION] === "true" && state.phase === "error" &&
    state.instanceId !== "";
}

/** Returns the message of the wire. */
export function toMessage(record: SandboxRecord): Sandbox {
  const { state } = record;
  return create(SandboxSchema, {
    metadata: {
      id: record.id,
      name: record.name,
      workspace: record.workspace,
      labels: { ...record.labels },
      annotations: { ...record.annotations },
      createdAtMs: BigInt(record.createdAtMs),
      resourceVersion: BigInt(record.resourceVersion),
      deletionTimestampMs: BigInt(record.deletionTimestampMs),
    },
    spec: record.spec,
    status: {
      sandboxName: record.name,
      conditions: state.conditions.map((condition) => ({ ...condition })),
      phase: PHASES[state.phase],
      currentPolicyVersion: record.policyVersion,
      mainProcessInstanceId: state.instanceId,
      ...(state.exitCode === null ? {} : { exitCode: state.exitCode }),
    },
  });
}

/** Returns what the store keeps: the payload is the message of the wire. */
export function toStored(record: SandboxRecord): ObjectFields {
  return {
    id: record.id,
    type: "sandbox",
    workspace: record.workspace,
    name: record.name,
    scope: null,
    version: null,
    status: record.state.phase,
    payload: toBinary(SandboxSchema, toMessage(record)),
    labels: record.labels,
  };
}

/** Returns the record of a stored object; its columns win over its payload. */
export function fromStored(object: StoredObject): SandboxRecord {
  const { metadata, spec, status } = fromBinary(SandboxSchema, object.payload);
  return {
    id: object.id,
    name: object.name,
    workspace: object.workspace,
    labels: object.labels,
    annotations: metadata?.annotations ?? {},
    createdAtMs: object.createdAtMs,
    resourceVersion: object.resourceVersion,
    deletionTimestampMs: Number(metadata?.deletionTimestampMs ?? 0n),
    spec: spec ?? create(SandboxSpecSchema),
    state: {
      phase: object.status as Phase,
      conditions: (status?.conditions ?? []).map(toCondition),
      instanceId: status?.mainProcessInstanceId ?? "",
      exitCode: status?.exitCode ?? null,
    },
    policyVersion: status?.currentPolicyVersion ?? 0,
  };
}

const PHASES: Readonly<Record<Phase, SandboxPhase>> = {
  provisioning: SandboxPhase.PROVISIONING,
  ready: SandboxPhase.READY,
  error: SandboxPhase.ERROR,
  deleting: SandboxPhase.DELETING,
  unknown: SandboxPhase.UNKNOWN,
  stopping: SandboxPhase.STOPPING,
  stopped: SandboxPhase.STOPPED,
  starting: SandboxPhase.STARTING,
};

function toCondition(
  { type, status, reason, message, lastTransitionTime }: Omit<Condition, "status"> & {
    readonly status: string;
  },
): Condition {
  return { type, status: status as Condition["status"], reason, message, lastTransitionTime };
}
