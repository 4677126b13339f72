/**
 * A gateway as its clients see it, over any transport.
 *
 * @module
 */

import { createClient, type Transport } from "@connectrpc/connect";
import { FORCE_ANNOTATION, UNKEPT_ANNOTATION } from "../../proto/annotations.ts";
import { Extensions } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  toEffectivePolicy,
  toHealthStatus,
  toLogLine,
  toPolicyMessage,
  toRevision,
  toSandbox,
  toSandboxEvent,
  toStruct,
} from "./convert.ts";
import { untilComplete } from "./event_calls.ts";
import { GatewayCalls } from "./gateway_calls.ts";
import { inferenceCalls } from "./inference_calls.ts";
import { type CallPorts, processCalls } from "./process_calls.ts";
import { providerCalls } from "./provider_calls.ts";
import { settingCalls } from "./setting_calls.ts";
import type { Gateway, LogQuery, NewSandbox, PolicyScope, SandboxEvent } from "./types.ts";

/** Key of the setting that holds the policy for all sandboxes. */
const POLICY_KEY = "policy";

export interface ClientOptions {
  readonly name: string;
  readonly endpoint: string;
  readonly auth: "mtls" | "plaintext";
  readonly transport: Transport;
  /** For one call, in milliseconds; the usual time where left out. */
  readonly timeoutMs?: number;
  readonly close: () => void;
}

/** Returns a gateway over a transport that is open. */
export function createGateway(options: ClientOptions): Gateway {
  const { name, endpoint, auth, transport, close } = options;
  const ports: CallPorts = {
    openshell: createClient(OpenShell, transport),
    extensions: createClient(Extensions, transport),
    calls: new GatewayCalls({ gateway: name, endpoint }, options.timeoutMs),
  };
  return {
    name,
    endpoint,
    auth,
    close,
    inference: inferenceCalls(transport, { gateway: name, endpoint }, options.timeoutMs),
    ...gatewayCalls(ports),
    ...sandboxCalls(ports),
    ...logCalls(ports),
    ...policyCalls(ports),
    ...providerCalls(ports),
    ...settingCalls(ports),
    ...processCalls(ports),
  };
}

function gatewayCalls(
  { openshell, calls }: CallPorts,
): Pick<Gateway, "health" | "info" | "currentUser"> {
  return {
    async health() {
      const answer = await calls.call("ask how the gateway is", (o) => openshell.health({}, o));
      return { status: toHealthStatus(answer.status), version: answer.version };
    },
    async info() {
      const answer = await calls.call(
        "ask about the gateway",
        (o) => openshell.getGatewayInfo({}, o),
      );
      return {
        status: toHealthStatus(answer.status),
        version: answer.gatewayVersion,
        drivers: answer.computeDrivers.map(({ name, capabilities }) => ({
          name,
          driverName: capabilities?.driverName ?? name,
          driverVersion: capabilities?.driverVersion ?? "",
        })),
      };
    },
    async currentUser() {
      const answer = await calls.call(
        "ask the gateway who this is",
        (o) => openshell.getCurrentUser({}, o),
      );
      return { subject: answer.subject, identityProvider: answer.identityProvider };
    },
  };
}

function sandboxCalls({ openshell, calls }: CallPorts): Pick<
  Gateway,
  | "createSandbox"
  | "getSandbox"
  | "listSandboxes"
  | "deleteSandbox"
  | "stopSandbox"
  | "startSandbox"
  | "watchSandbox"
> {
  return {
    async createSandbox(sandbox) {
      const request = await toCreateRequest(sandbox);
      const answer = await calls.call(
        "create the sandbox",
        (o) => openshell.createSandbox(request, o),
      );
      return toSandbox(answer.sandbox);
    },
    async getSandbox(name) {
      const action = `get sandbox "${name.name}"`;
      return toSandbox((await calls.call(action, (o) => openshell.getSandbox(name, o))).sandbox);
    },
    async listSandboxes({ workspace, limit, offset, selector, allWorkspaces }) {
      const request = { workspace, limit, offset, labelSelector: selector, allWorkspaces };
      const answer = await calls.call("list sandboxes", (o) => openshell.listSandboxes(request, o));
      return answer.sandboxes.map(toSandbox);
    },
    async deleteSandbox(name) {
      const action = `delete sandbox "${name.name}"`;
      return (await calls.call(action, (o) => openshell.deleteSandbox(name, o))).deleted;
    },
    async stopSandbox(name) {
      const action = `stop sandbox "${name.name}"`;
      return toSandbox((await calls.call(action, (o) => openshell.stopSandbox(name, o))).sandbox);
    },
    async startSandbox(name) {
      const action = `start sandbox "${name.name}"`;
      return toSandbox((await calls.call(action, (o) => openshell.startSandbox(name, o))).sandbox);
    },
    watchSandbox(id, signal): AsyncIterable<SandboxEvent> {
      const request = { id, followStatus: true, followEvents: true };
      const events = openshell.watchSandbox(request, { signal });
      return calls.stream("watch the sandbox", events, toSandboxEvent);
    },
  };
}

async function toCreateRequest(sandbox: NewSandbox) {
  const { name, workspace, labels, environment, command, tty, policy } = sandbox;
  const { resources, driverConfig, isKept } = sandbox;
  return {
    name,
    workspace,
    labels: { ...labels },
    annotations: isKept ? {} : { [UNKEPT_ANNOTATION]: "true" },
    spec: {
      environment: { ...environment },
      command: [...command],
      tty,
      providers: [...sandbox.providers ?? []],
      ...policy === null ? {} : { policy: await toPolicyMessage(policy) },
      template: {
        ...resources === null ? {} : { resources: toStruct(resources) },
        ...driverConfig === null ? {} : { driverConfig: toStruct(driverConfig) },
      },
    },
  };
}

function logCalls(
  { openshell, extensions, calls }: CallPorts,
): Pick<Gateway, "getLogs" | "followLogs" | "readEvents" | "verifyEvents"> {
  return {
    async getLogs(query) {
      const { sandboxId, workspace, lines } = query;
      const request = { sandboxId, workspace, lines, ...filter(query) };
      const answer = await calls.call("read the logs", (o) => openshell.getSandboxLogs(request, o));
      return answer.logs.map(toLogLine);
    },
    followLogs(query, signal) {
      const { sinceMs, sources, minLevel } = filter(query);
      const events = openshell.watchSandbox({
        id: query.sandboxId,
        followLogs: true,
        logTailLines: query.lines,
        logSinceMs: sinceMs,
        logSources: sources,
        logMinLevel: minLevel,
      }, { signal });
      return calls.stream(
        "follow the logs",
        events,
        ({ payload }) => payload.case === "log" ? toLogLine(payload.value) : null,
      );
    },
    readEvents(query, follow, signal) {
      const { sandboxId, lines } = query;
      const request = { sandboxId, lines, follow, ...filter(query) };
      const events = untilComplete(extensions.readEvents(request, { signal }));
      return calls.stream("read the events", events, (event) => event);
    },
    async verifyEvents(sandboxId) {
      const answer = await calls.call(
        "check the events",
        (o) => extensions.verifyEvents({ sandboxId }, o),
      );
      return answer.chains.map(({ source, events, intact, brokenLine, problem }) => ({
        source,
        events: Number(events),
        intact,
        brokenLine: Number(brokenLine),
        problem,
      }));
    },
  };
}

function filter({ sinceMs, sources, level }: LogQuery) {
  return { sinceMs: BigInt(sinceMs), sources: [...sources], minLevel: level };
}

function policyCalls({ openshell, calls }: CallPorts): Pick<
  Gateway,
  "setPolicy" | "deleteGlobalPolicy" | "getPolicy" | "listPolicies" | "getEffectivePolicy"
> {
  return {
    async setPolicy(scope, policy, isForced = false) {
      const annotations: Record<string, string> = isForced ? { [FORCE_ANNOTATION]: "true" } : {};
      const request = { ...toScope(scope), policy: await toPolicyMessage(policy), annotations };
      const answer = await calls.call("set the policy", (o) => openshell.updateConfig(request, o));
      const { version, policyHash: hash } = answer;
      return { version, hash, annotations: { ...answer.annotations } };
    },
    async deleteGlobalPolicy() {
      const request = { global: true, settingKey: POLICY_KEY, deleteSetting: true };
      const answer = await calls.call(
        "delete the global policy",
        (o) => openshell.updateConfig(request, o),
      );
      return answer.deleted;
    },
    async getPolicy(scope, version) {
      const request = { ...toScope(scope), version };
      const answer = await calls.call(
        "get the policy",
        (o) => openshell.getSandboxPolicyStatus(request, o),
      );
      return toRevision(answer.revision, answer.activeVersion);
    },
    async listPolicies(scope, limit) {
      const request = { ...toScope(scope), limit };
      const answer = await calls.call(
        "list policies",
        (o) => openshell.listSandboxPolicies(request, o),
      );
      return answer.revisions.map((revision) => toRevision(revision, 0));
    },
    async getEffectivePolicy(sandboxId) {
      const answer = await calls.call(
        "get the policy",
        (o) => openshell.getSandboxConfig({ sandboxId }, o),
      );
      return toEffectivePolicy(answer);
    },
  };
}

function toScope(scope: PolicyScope) {
  return scope.kind === "global"
    ? { global: true }
    : { name: scope.name, workspace: scope.workspace };
}
