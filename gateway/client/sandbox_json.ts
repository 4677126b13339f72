/**
 * Sandboxes as the gateway writes them in JSON, and back.
 *
 * What has the value of its kind, empty text above all, is left out on this wire.
 *
 * @module
 */

import { POLICY } from "../../policy-wasm/wire_shape.ts";
import { UNKEPT_ANNOTATION } from "../../proto/annotations.ts";
import type { JsonObject } from "./connect_calls.ts";
import {
  type Condition,
  type Json,
  type NewSandbox,
  type Phase,
  PHASES,
  type SandboxEvent,
  type SandboxView,
} from "./types.ts";
import { GatewayAnswerError } from "./gateway_answer_error.ts";

const PHASE_PREFIX = "SANDBOX_PHASE_";

/** @throws {GatewayAnswerError} when there is none */
export function sandboxFromJson(json: Json | undefined): SandboxView {
  const sandbox = objectOf(json);
  if (!("metadata" in sandbox)) {
    throw new GatewayAnswerError("Cannot read the gateway's answer: it holds no sandbox");
  }
  const [metadata, spec, status] = [sandbox.metadata, sandbox.spec, sandbox.status].map(objectOf);
  const { exitCode } = status!;
  return {
    id: textOf(metadata!.id),
    name: textOf(metadata!.name),
    workspace: textOf(metadata!.workspace),
    labels: textsOf(metadata!.labels),
    annotations: textsOf(metadata!.annotations),
    resourceVersion: Number(metadata!.resourceVersion ?? 0),
    createdAtMs: Number(metadata!.createdAtMs ?? 0),
    phase: phaseOf(textOf(status!.phase)),
    policyVersion: Number(status!.currentPolicyVersion ?? 0),
    exitCode: typeof exitCode === "number" ? exitCode : null,
    conditions: listOf(status!.conditions).map(conditionOf),
    command: listOf(spec!.command).map(textOf),
    tty: spec!.tty === true,
  };
}

/** Returns `null` for what this client has no use for. */
export function sandboxEventFromJson(event: JsonObject): SandboxEvent | null {
  if (event.sandbox !== undefined) {
    return { kind: "sandbox", sandbox: sandboxFromJson(event.sandbox) };
  }
  if (event.event !== undefined) {
    const { reason, message, metadata } = objectOf(event.event);
    return {
      kind: "event",
      event: { reason: textOf(reason), message: textOf(message), metadata: textsOf(metadata) },
    };
  }
  if (event.warning === undefined) return null;
  return { kind: "warning", message: textOf(objectOf(event.warning).message) };
}

/** @throws {PolicyWireError} for a policy that the wire has no words for */
export async function newSandboxToJson(sandbox: NewSandbox): Promise<JsonObject> {
  const { name, workspace, labels, environment, command, tty, policy } = sandbox;
  const { resources, driverConfig, isKept } = sandbox;
  return {
    name,
    workspace,
    labels,
    annotations: isKept ? {} : { [UNKEPT_ANNOTATION]: "true" },
    spec: {
      environment,
      command,
      tty,
      providers: sandbox.providers ?? [],
      ...policy === null ? {} : { policy: await policyJson(policy) },
      template: {
        ...resources === null ? {} : { resources },
        ...driverConfig === null ? {} : { driverConfig },
      },
    },
  };
}

async function policyJson(document: string): Promise<Json> {
  // Loading it takes longer than most calls, and most calls send no policy.
  const { parse } = await import("yaml");
  return POLICY.toWire(parse(document, { logLevel: "silent" }), "") as Json;
}

function phaseOf(name: string): Phase {
  const word = name.slice(PHASE_PREFIX.length).toLowerCase();
  return PHASES.find((phase) => phase.toLowerCase() === word) ??
    (name === "" ? "Unspecified" : "Unknown");
}

function conditionOf(json: Json): Condition {
  const { type, status, reason, message } = objectOf(json);
  return {
    type: textOf(type),
    status: textOf(status),
    reason: textOf(reason),
    message: textOf(message),
  };
}

function objectOf(json: Json | undefined): JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json)
    ? json as JsonObject
    : {};
}

function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : [];
}

function textOf(json: Json | undefined): string {
  return typeof json === "string" ? json : "";
}

function textsOf(json: Json | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(objectOf(json)).map(([key, value]) => [key, textOf(value)]),
  );
}
