/**
 * One relay between the gateway and something in the sandbox, as a pair of byte messages.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { type RelayFrame, RelayFrameSchema } from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import { RELAY_BYTES_MAX } from "../../../proto/limits.ts";
import { AsyncQueue } from "../../system/async_queue.ts";
import type { GatewayConnection } from "./gateway_connection.ts";

/** An open relay. */
export interface RelayChannel {
  /** Data of the gateway's frames, one value a frame; ends when the gateway ends its side. */
  readonly received: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more. Returns false once the relay is closed. */
  send(data: Uint8Array): Promise<boolean>;
  /** Says that nothing more will be sent. */
  endSend(): void;
  close(): void;
}

/** Opens the stream of a relay that the gateway asked for. */
export function openRelay(connection: GatewayConnection, channelId: string): RelayChannel {
  const outgoing = new AsyncQueue<RelayFrame>({ weightMax: RELAY_BYTES_MAX, weigh });
  const closing = new AbortController();
  outgoing.offer(
    create(RelayFrameSchema, { payload: { case: "init", value: { channelId } } }),
  );
  const incoming = connection.openshell.relayStream(outgoing, { signal: closing.signal });
  // Read ahead of whoever reads: the call is under way, and while nobody reads, its failure would be
  // one that nobody handles, which ends the process.
  const frames = incoming[Symbol.asyncIterator]();
  const first = frames.next();
  first.catch(() => {});
  return {
    received: dataOf(first, frames),
    send: (data) =>
      outgoing.push(create(RelayFrameSchema, { payload: { case: "data", value: data } })),
    endSend: () => outgoing.end(),
    close() {
      outgoing.discard();
      closing.abort();
    },
  };
}

async function* dataOf(
  first: Promise<IteratorResult<RelayFrame>>,
  frames: AsyncIterator<RelayFrame>,
): AsyncGenerator<Uint8Array> {
  for (let frame = await first; frame.done !== true; frame = await frames.next()) {
    const { payload } = frame.value;
    if (payload.case === "data") yield payload.value;
  }
}

function weigh({ payload }: RelayFrame): number {
  return payload.case === "data" ? payload.value.length : 1;
}
