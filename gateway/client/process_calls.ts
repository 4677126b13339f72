/**
 * The calls that reach into a sandbox: programs, the main process, TCP ports.
 *
 * @module
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  AttachSandboxInputSchema,
  type Extensions,
} from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import type { ProcessInputSchema } from "../../proto/gen/openshell/ext/v1/process_pb.ts";
import {
  ExecSandboxInputSchema,
  type OpenShell,
  TcpForwardFrameSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { toAttachOutput, toExecOutput } from "./convert.ts";
import type { GatewayCalls } from "./gateway_calls.ts";
import type {
  AttachRequest,
  Duplex,
  ExecRequest,
  ForwardTarget,
  Gateway,
  ProcessInput,
  ProcessOutput,
} from "./types.ts";

export interface CallPorts {
  readonly openshell: Client<typeof OpenShell>;
  readonly extensions: Client<typeof Extensions>;
  readonly calls: GatewayCalls;
}

/** Only loopback can be reached in a sandbox. */
const FORWARD_HOST = "127.0.0.1";

export function processCalls(
  { openshell, extensions, calls }: CallPorts,
): Pick<Gateway, "exec" | "attach" | "forward"> {
  return {
    exec(request, { inputs, signal }): AsyncIterable<ProcessOutput> {
      const events = openshell.execSandboxInteractive(execInputs(request, inputs), { signal });
      return calls.stream("run a program in the sandbox", events, toExecOutput);
    },
    attach(request, { inputs, signal }): AsyncIterable<ProcessOutput> {
      const outputs = extensions.attachSandbox(attachInputs(request, inputs), { signal });
      return calls.stream("attach to the sandbox", outputs, toAttachOutput);
    },
    forward(target, { inputs, signal }: Duplex<Uint8Array>): AsyncIterable<Uint8Array> {
      const frames = openshell.forwardTcp(forwardFrames(target, inputs), { signal });
      return calls.stream(
        `forward to port ${target.port} of the sandbox`,
        frames,
        ({ payload }) => payload.case === "data" ? payload.value : null,
      );
    },
  };
}

async function* execInputs(
  request: ExecRequest,
  inputs: AsyncIterable<ProcessInput>,
): AsyncGenerator<MessageInitShape<typeof ExecSandboxInputSchema>> {
  const { sandboxId, command, workdir, environment, timeoutSeconds, terminal } = request;
  const start = {
    sandboxId,
    command: [...command],
    workdir,
    environment: { ...environment },
    timeoutSeconds,
    tty: terminal !== null,
    cols: terminal?.cols ?? 0,
    rows: terminal?.rows ?? 0,
  };
  yield create(ExecSandboxInputSchema, { payload: { case: "start", value: start } });
  for await (const input of inputs) {
    // The end of the program's input is the end of ours: the wire has no other word for it.
    if (input.kind === "end") return;
    if (input.kind === "stdin") {
      yield create(ExecSandboxInputSchema, { payload: { case: "stdin", value: input.bytes } });
    }
    if (input.kind === "resize") {
      yield create(ExecSandboxInputSchema, { payload: { case: "resize", value: input.size } });
    }
  }
}

async function* attachInputs(
  { sandboxId, readOnly, terminal }: AttachRequest,
  inputs: AsyncIterable<ProcessInput>,
): AsyncGenerator<MessageInitShape<typeof AttachSandboxInputSchema>> {
  const attach = { readOnly, cols: terminal?.cols ?? 0, rows: terminal?.rows ?? 0 };
  yield create(AttachSandboxInputSchema, {
    payload: { case: "start", value: { sandboxId, attach } },
  });
  for await (const input of inputs) {
    const payload = toWireInput(input);
    yield create(AttachSandboxInputSchema, { payload: { case: "input", value: { payload } } });
  }
}

function toWireInput(
  input: ProcessInput,
): NonNullable<MessageInitShape<typeof ProcessInputSchema>["payload"]> {
  switch (input.kind) {
    case "stdin":
      return { case: "stdin", value: input.bytes };
    case "end":
      return { case: "endInput", value: true };
    case "resize":
      return { case: "resize", value: input.size };
    case "signal":
      return { case: "signal", value: input.signal };
  }
}

async function* forwardFrames(
  { sandboxId, port }: ForwardTarget,
  data: AsyncIterable<Uint8Array>,
): AsyncGenerator<MessageInitShape<typeof TcpForwardFrameSchema>> {
  const target = { case: "tcp" as const, value: { host: FORWARD_HOST, port } };
  yield create(TcpForwardFrameSchema, {
    payload: { case: "init", value: { sandboxId, target } },
  });
  for await (const bytes of data) {
    yield create(TcpForwardFrameSchema, { payload: { case: "data", value: bytes } });
  }
}
