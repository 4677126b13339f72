/**
 * The gateway of this machine, by its socket: what most commands need, without what takes long to
 * load. Everything else goes by its port, as to any other gateway.
 *
 * @module
 */

import { ConnectCalls, type JsonObject } from "./connect_calls.ts";
import { readEvents } from "./event_calls.ts";
import type { InferenceCalls } from "./inference_types.ts";
import {
  decodeExecEvent,
  decodeProcessOutput,
  encodeAttachInput,
  encodeAttachStart,
  encodeExecInput,
  encodeExecStart,
} from "./process_wire.ts";
import { newSandboxToJson, sandboxEventFromJson, sandboxFromJson } from "./sandbox_json.ts";
import type {
  AttachRequest,
  ExecRequest,
  Gateway,
  Health,
  Json,
  ProcessInput,
  ProcessOutput,
} from "./types.ts";

export interface SocketGatewayOptions {
  readonly name: string;
  readonly endpoint: string;
  readonly socket: string;
  /** For one call, in milliseconds; the usual time where left out. */
  readonly timeoutMs?: number;
  /** Opens the same gateway by its port. */
  readonly openPort: () => Promise<Gateway>;
}

const OPENSHELL = "openshell.v1.OpenShell";
const EXTENSIONS = "openshell.ext.v1.Extensions";

/** Returns a gateway that is called when a method is. */
export function createSocketGateway(options: SocketGatewayOptions): Gateway {
  const { name, endpoint, socket, timeoutMs } = options;
  const calls = new ConnectCalls(socket, { gateway: name, endpoint }, timeoutMs);
  const port = new Port(options.openPort);
  return {
    name,
    endpoint,
    auth: "mtls",
    inference: inferenceByPort(port),
    close() {
      calls.close();
      port.close();
    },
    ...sandboxCalls(calls),
    ...processCalls(calls),
    readEvents: (query, follow, signal) => readEvents(calls, { query, follow, signal }),
    ...portCalls(port),
  };
}

function sandboxCalls(calls: ConnectCalls): Pick<
  Gateway,
  | "health"
  | "createSandbox"
  | "getSandbox"
  | "listSandboxes"
  | "deleteSandbox"
  | "stopSandbox"
  | "startSandbox"
  | "watchSandbox"
> {
  const call = (action: string, method: string, request: JsonObject) =>
    calls.call(action, `${OPENSHELL}/${method}`, request);
  const one = async (action: string, method: string, request: JsonObject) =>
    sandboxFromJson((await call(action, method, request)).sandbox);
  return {
    async health() {
      const answer = await call("ask how the gateway is", "Health", {});
      return { status: healthOf(answer.status), version: String(answer.version ?? "") };
    },
    createSandbox: async (sandbox) =>
      await one("create the sandbox", "CreateSandbox", await newSandboxToJson(sandbox)),
    getSandbox: ({ name, workspace }) =>
      one(`get sandbox "${name}"`, "GetSandbox", { name, workspace }),
    async listSandboxes({ workspace, limit, offset, selector, allWorkspaces }) {
      const request = { workspace, limit, offset, labelSelector: selector, allWorkspaces };
      const { sandboxes } = await call("list sandboxes", "ListSandboxes", request);
      return (Array.isArray(sandboxes) ? sandboxes : []).map(sandboxFromJson);
    },
    async deleteSandbox({ name, workspace }) {
      const action = `delete sandbox "${name}"`;
      return (await call(action, "DeleteSandbox", { name, workspace })).deleted === true;
    },
    stopSandbox: ({ name, workspace }) =>
      one(`stop sandbox "${name}"`, "StopSandbox", { name, workspace }),
    startSandbox: ({ name, workspace }) =>
      one(`start sandbox "${name}"`, "StartSandbox", { name, workspace }),
    async *watchSandbox(id, signal) {
      const request = { id, followStatus: true, followEvents: true };
      const messages = calls.stream({
        action: "watch the sandbox",
        method: `${OPENSHELL}/WatchSandbox`,
        encoding: "json",
        inputs: single(new TextEncoder().encode(JSON.stringify(request))),
        signal,
      });
      for await (const message of messages) {
        const event = sandboxEventFromJson(JSON.parse(new TextDecoder().decode(message)));
        if (event !== null) yield event;
      }
    },
  };
}

function processCalls(calls: ConnectCalls): Pick<Gateway, "exec" | "attach"> {
  return {
    exec: (request, { inputs, signal }) =>
      outputs(
        calls.stream({
          action: "run a program in the sandbox",
          method: `${OPENSHELL}/ExecSandboxInteractive`,
          encoding: "proto",
          inputs: execInputs(request, inputs),
          signal,
        }),
        decodeExecEvent,
      ),
    attach: (request, { inputs, signal }) =>
      outputs(
        calls.stream({
          action: "attach to the sandbox",
          method: `${EXTENSIONS}/AttachSandbox`,
          encoding: "proto",
          inputs: attachInputs(request, inputs),
          signal,
        }),
        decodeProcessOutput,
      ),
  };
}

async function* outputs(
  messages: AsyncIterable<Uint8Array>,
  decode: (message: Uint8Array) => ProcessOutput | null,
): AsyncGenerator<ProcessOutput> {
  for await (const message of messages) {
    const output = decode(message);
    if (output !== null) yield output;
  }
}

async function* execInputs(
  request: ExecRequest,
  inputs: AsyncIterable<ProcessInput>,
): AsyncGenerator<Uint8Array> {
  yield encodeExecStart(request);
  for await (const input of inputs) {
    // The end of the program's input is the end of ours: the wire has no other word for it.
    if (input.kind === "end") return;
    const message = encodeExecInput(input);
    if (message !== null) yield message;
  }
}

async function* attachInputs(
  request: AttachRequest,
  inputs: AsyncIterable<ProcessInput>,
): AsyncGenerator<Uint8Array> {
  yield encodeAttachStart(request);
  for await (const input of inputs) yield encodeAttachInput(input);
}

async function* single(message: Uint8Array): AsyncGenerator<Uint8Array> {
  yield message;
}

/** The way by the port, opened when it is first needed. */
class Port {
  readonly #open: () => Promise<Gateway>;
  #gateway: Promise<Gateway> | null = null;

  constructor(open: () => Promise<Gateway>) {
    this.#open = open;
  }

  gateway(): Promise<Gateway> {
    return this.#gateway ??= this.#open();
  }

  close(): void {
    // One that could not be opened was told to whoever asked for it.
    void this.#gateway?.then((gateway) => gateway.close(), () => {});
  }

  async *stream<T>(begin: (gateway: Gateway) => AsyncIterable<T>): AsyncGenerator<T> {
    yield* begin(await this.gateway());
  }
}

/** Calls that are answered once, and are not made often. */
const ONCE_BY_PORT = [
  "info",
  "currentUser",
  "getLogs",
  "verifyEvents",
  "setPolicy",
  "deleteGlobalPolicy",
  "getPolicy",
  "listPolicies",
  "getEffectivePolicy",
  "listProfiles",
  "getProfile",
  "importProfiles",
  "updateProfile",
  "deleteProfile",
  "rekeyCredentials",
  "createProvider",
  "getProvider",
  "listProviders",
  "updateProvider",
  "deleteProvider",
  "listSandboxProviders",
  "attachProvider",
  "detachProvider",
  "refreshStatus",
  "configureRefresh",
  "rotateCredential",
  "deleteRefresh",
  "getSettings",
  "setSetting",
  "deleteSetting",
] as const satisfies readonly (keyof Gateway)[];

type OnceByPort = Pick<Gateway, typeof ONCE_BY_PORT[number]>;

function portCalls(port: Port): OnceByPort & Pick<Gateway, "followLogs" | "forward"> {
  const once = ONCE_BY_PORT.map((name) => {
    const call = async (...given: readonly unknown[]) => {
      const gateway = await port.gateway();
      return await (gateway[name] as (...given: readonly unknown[]) => Promise<unknown>)(...given);
    };
    return [name, call] as const;
  });
  return {
    ...Object.fromEntries(once) as unknown as OnceByPort,
    followLogs: (...given) => port.stream((gateway) => gateway.followLogs(...given)),
    forward: (...given) => port.stream((gateway) => gateway.forward(...given)),
  };
}

function inferenceByPort(port: Port): InferenceCalls {
  const routes = async () => (await port.gateway()).inference;
  return {
    setRoute: async (...given) => await (await routes()).setRoute(...given),
    getRoute: async (...given) => await (await routes()).getRoute(...given),
    listRoutes: async (...given) => await (await routes()).listRoutes(...given),
    deleteRoute: async (...given) => await (await routes()).deleteRoute(...given),
  };
}

function healthOf(status: Json | undefined): Health["status"] {
  switch (status) {
    case "SERVICE_STATUS_HEALTHY":
      return "healthy";
    case "SERVICE_STATUS_DEGRADED":
      return "degraded";
    case "SERVICE_STATUS_UNHEALTHY":
      return "unhealthy";
    default:
      return "unknown";
  }
}
