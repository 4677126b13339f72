/**
 * A relay whose frames are messages of a process: the edge where generated messages end.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ProcessInput as WireInput,
  ProcessInputSchema,
  type ProcessOutput as WireOutput,
  ProcessOutputSchema,
} from "../../../proto/gen/openshell/ext/v1/process_pb.ts";
import {
  type ProcessChannel,
  type ProcessInput,
  type ProcessOutput,
  type SignalName,
  SIGNALS,
} from "../process/process_channel.ts";
import type { RelayChannel } from "./relay_channel.ts";

/** Speaks the messages of a process over a relay. */
export function toProcessChannel(relay: RelayChannel): ProcessChannel {
  return {
    inputs: inputsOf(relay.received),
    send: (output) => relay.send(toBinary(ProcessOutputSchema, toWire(output))),
  };
}

/** A frame that cannot be read ends the inputs, and with them the relay. */
async function* inputsOf(frames: AsyncIterable<Uint8Array>): AsyncGenerator<ProcessInput> {
  for await (const frame of frames) {
    const input = fromWire(fromBinary(ProcessInputSchema, frame));
    if (input !== null) yield input;
  }
}

function fromWire({ payload }: WireInput): ProcessInput | null {
  switch (payload.case) {
    case "stdin":
      return { kind: "stdin", bytes: payload.value };
    case "endInput":
      return { kind: "end_input" };
    case "resize":
      return { kind: "resize", size: { cols: payload.value.cols, rows: payload.value.rows } };
    case "signal":
      return isSignal(payload.value) ? { kind: "signal", name: payload.value } : null;
    default:
      return null;
  }
}

function isSignal(name: string): name is SignalName {
  return SIGNALS.some((signal) => signal === name);
}

function toWire(output: ProcessOutput): WireOutput {
  switch (output.kind) {
    case "stdout":
    case "stderr":
      return create(ProcessOutputSchema, { payload: { case: output.kind, value: output.bytes } });
    case "notice":
      return create(ProcessOutputSchema, { payload: { case: "notice", value: output.text } });
    case "exit":
      return create(ProcessOutputSchema, { payload: { case: "exitCode", value: output.code } });
  }
}
