/**
 * What clients call to reach into a sandbox: further programs, the main process, TCP ports.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { AttachSandboxInput, Extensions } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import {
  type ProcessInput,
  ProcessInputSchema,
  type ProcessOutput,
  ProcessOutputSchema,
  type ProcessTarget,
  ProcessTargetSchema,
  StartProcessSchema,
} from "../../proto/gen/openshell/ext/v1/process_pb.ts";
import {
  type ExecSandboxEvent,
  ExecSandboxEventSchema,
  type ExecSandboxInput,
  type ExecSandboxRequest,
  type OpenShell,
  type TcpForwardFrame,
  TcpForwardFrameSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { RELAY_FRAME_BYTES_MAX } from "../../proto/limits.ts";
import type { Relay } from "./relay.ts";
import type { SupervisorSessions } from "./supervisor_sessions.ts";

/** Size of a terminal whose client did not say. */
const TERMINAL = { cols: 80, rows: 24 };

/** What the services need from the rest of the gateway. */
export interface ProcessPorts {
  readonly sessions: SupervisorSessions;
  /** Fails where the sandbox does not exist, or may not be reached into now. */
  readonly checkReady: (sandboxId: string, context: HandlerContext) => void | Promise<void>;
  /** Fails where the sandbox does not exist; the main process may have ended just now. */
  readonly checkExists: (sandboxId: string, context: HandlerContext) => void | Promise<void>;
}

type ProcessMethods = Pick<
  ServiceImpl<typeof OpenShell>,
  "execSandbox" | "execSandboxInteractive" | "forwardTcp"
>;

/** Methods of `openshell.v1.OpenShell` that reach into a sandbox. */
export function processMethods(ports: ProcessPorts): ProcessMethods {
  return {
    async *execSandbox(request, context) {
      await ports.checkReady(request.sandboxId, context);
      const target = toTarget(request);
      const relay = await openProcess(ports.sessions, request.sandboxId, target, context);
      void sendAll(relay, oneShotInput(request.stdin));
      yield* events(relay);
    },
    async *execSandboxInteractive(inputs, context) {
      const incoming = inputs[Symbol.asyncIterator]();
      const first = await incoming.next();
      const start = first.done === true ? undefined : first.value.payload;
      if (start?.case !== "start") {
        throw new ConnectError("start comes first", Code.InvalidArgument);
      }
      await ports.checkReady(start.value.sandboxId, context);
      const target = toTarget(start.value);
      const relay = await openProcess(ports.sessions, start.value.sandboxId, target, context);
      void sendAll(relay, execInputs(incoming));
      yield* events(relay);
    },
    async *forwardTcp(frames, context) {
      const incoming = frames[Symbol.asyncIterator]();
      const first = await incoming.next();
      const init = first.done === true ? undefined : first.value.payload;
      if (init?.case !== "init" || init.value.target.case !== "tcp") {
        throw new ConnectError("the first frame names a TCP target", Code.InvalidArgument);
      }
      const { sandboxId, target } = init.value;
      await ports.checkReady(sandboxId, context);
      const relay = await ports.sessions.openRelay(sandboxId, target);
      closeWith(relay, context);
      void sendAll(relay, forwardedData(incoming));
      try {
        for await (const data of relay.fromSupervisor) {
          yield create(TcpForwardFrameSchema, { payload: { case: "data", value: data } });
        }
      } finally {
        relay.close();
      }
    },
  };
}

/** Attaches a client to the main process. */
export function attachMethod(
  ports: ProcessPorts,
): Pick<ServiceImpl<typeof Extensions>, "attachSandbox"> {
  return {
    async *attachSandbox(inputs, context) {
      const incoming = inputs[Symbol.asyncIterator]();
      const first = await incoming.next();
      const start = first.done === true ? undefined : first.value.payload;
      if (start?.case !== "start") {
        throw new ConnectError("start comes first", Code.InvalidArgument);
      }
      const { sandboxId, attach } = start.value;
      await ports.checkExists(sandboxId, context);
      const target = create(ProcessTargetSchema, {
        process: { case: "attach", value: attach ?? { readOnly: false } },
      });
      const relay = await openProcess(ports.sessions, sandboxId, target, context);
      void sendAll(relay, attachInputs(incoming));
      try {
        for await (const output of outputs(relay)) yield output;
      } finally {
        relay.close();
      }
    },
  };
}

async function openProcess(
  sessions: SupervisorSessions,
  sandboxId: string,
  target: ProcessTarget,
  context: HandlerContext,
): Promise<Relay> {
  const relay = await sessions.openRelay(sandboxId, { case: "process", value: target });
  closeWith(relay, context);
  return relay;
}

/** The client may have gone while the relay was opened: what it started would run for nobody. */
function closeWith(relay: Relay, { signal }: HandlerContext): void {
  signal.addEventListener("abort", () => relay.close());
  if (signal.aborted) relay.close();
}

function toTarget(request: ExecSandboxRequest): ProcessTarget {
  const { command, workdir, environment, timeoutSeconds, tty, cols, rows } = request;
  const size = tty ? { cols: cols || TERMINAL.cols, rows: rows || TERMINAL.rows } : {};
  const value = create(StartProcessSchema, {
    command,
    workdir,
    environment,
    timeoutSeconds,
    ...size,
  });
  return create(ProcessTargetSchema, { process: { case: "start", value } });
}

/** Sends messages one by one; whatever ends them, the supervisor sees the end of the client's side. */
async function sendAll(relay: Relay, messages: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const message of messages) if (!await relay.toSupervisor.push(message)) return;
    relay.toSupervisor.end();
  } catch {
    // The client has gone: so must what it started.
    relay.close();
  }
}

function encode(payload: ProcessInput["payload"]): Uint8Array {
  return toBinary(ProcessInputSchema, create(ProcessInputSchema, { payload }));
}

/** Splits data so that no frame passes its bound. */
function* split(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += RELAY_FRAME_BYTES_MAX) {
    yield bytes.subarray(at, at + RELAY_FRAME_BYTES_MAX);
  }
}

async function* oneShotInput(stdin: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const part of split(stdin)) yield encode({ case: "stdin", value: part });
  yield encode({ case: "endInput", value: true });
  // The relay's side stays open: its end would mean that the client has gone.
  await new Promise<never>(() => {});
}

async function* execInputs(incoming: AsyncIterator<ExecSandboxInput>): AsyncGenerator<Uint8Array> {
  for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
    const { payload } = next.value;
    if (payload.case === "stdin") {
      for (const part of split(payload.value)) yield encode({ case: "stdin", value: part });
    } else if (payload.case === "resize") {
      const { cols, rows } = payload.value;
      yield encode({
        case: "resize",
        value: { $typeName: "openshell.ext.v1.TerminalSize", cols, rows },
      });
    }
  }
  yield encode({ case: "endInput", value: true });
  await new Promise<never>(() => {});
}

async function* attachInputs(
  incoming: AsyncIterator<AttachSandboxInput>,
): AsyncGenerator<Uint8Array> {
  for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
    const { payload } = next.value;
    if (payload.case === "input") yield toBinary(ProcessInputSchema, payload.value);
  }
}

async function* forwardedData(
  incoming: AsyncIterator<TcpForwardFrame>,
): AsyncGenerator<Uint8Array> {
  for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
    const { payload } = next.value;
    if (payload.case === "data") yield* split(payload.value);
  }
}

async function* outputs(relay: Relay): AsyncGenerator<ProcessOutput> {
  for await (const data of relay.fromSupervisor) yield fromBinary(ProcessOutputSchema, data);
}

async function* events(relay: Relay): AsyncGenerator<ExecSandboxEvent> {
  try {
    for await (const { payload } of outputs(relay)) {
      const event = toEvent(payload);
      if (event !== null) yield event;
      if (payload.case === "exitCode") return;
    }
    throw new ConnectError("the sandbox ended before the program did", Code.Unavailable);
  } finally {
    relay.close();
  }
}

function toEvent(payload: ProcessOutput["payload"]): ExecSandboxEvent | null {
  switch (payload.case) {
    case "stdout":
    case "stderr":
      return create(ExecSandboxEventSchema, {
        payload: { case: payload.case, value: { data: payload.value } },
      });
    case "exitCode":
      return create(ExecSandboxEventSchema, {
        payload: { case: "exit", value: { exitCode: payload.value } },
      });
    default:
      return null;
  }
}
