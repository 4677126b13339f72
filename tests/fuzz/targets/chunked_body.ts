/**
 * Chunked bodies: the same bytes give the same data however they are cut, and what we frame anew
 * llhttp reads as that data.
 *
 * @module
 */

import assert from "node:assert/strict";
import { relayBody } from "../../../drivers/supervisor/egress/http1/body.ts";
import { BufferedStream } from "../../../drivers/supervisor/egress/http1/buffered_stream.ts";
import { ChunkDecoder } from "../../../drivers/supervisor/egress/http1/chunk_decoder.ts";
import { BodyRelayError } from "../../../drivers/supervisor/egress/http1/http1_error.ts";
import {
  memoryPair,
  memoryStreamOf,
  readAll,
} from "../../../drivers/supervisor/egress/http1/memory_stream.ts";
import { mutate } from "../mutate.ts";
import { chunk, HTTP_WORDS } from "../support/http_messages.ts";
import { readMessages } from "../support/second_parser.ts";
import { chanceOf, concat, latin1Bytes, latin1Text, split, type Target } from "../target.ts";

const WORDS = [
  ...HTTP_WORDS,
  "A",
  "a",
  "00",
  "0;",
  "2 \r\n",
  "X-T: a\r\n",
  "000000000000",
  "\r\n0",
];

export const CHUNKED_BODY: Target = {
  name: "chunked_body",
  holds: "a chunked body is the same in pieces, to llhttp, and framed anew",
  iterations: 1500,
  generate: (chance) => {
    const pieces = chance.some(0, 5, () => "x".repeat(1 + chance.below(chance.of([3, 20, 300]))));
    const trailers = chance.some(0, 2, () => "X-Trailer: a\r\n").join("");
    const input = latin1Bytes(`${pieces.map(chunk).join("")}0\r\n${trailers}\r\nGET / HTTP`);
    return chance.once(5) ? input : mutate(input, chance, { words: WORDS });
  },
  check,
};

interface Decoded {
  readonly data: string;
  readonly isDone: boolean;
  readonly isRefused: boolean;
  /** Bytes that were taken, where the body ended. */
  readonly taken: number;
}

async function check(input: Uint8Array): Promise<void> {
  const whole = decode([input]);
  const inPieces = decode(split(input, chanceOf(input)));
  assert.deepEqual(inPieces, whole, "cut into pieces it reads differently");
  const head = latin1Bytes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  if (!whole.isDone) return await checkRefusal(input);
  const seen = readMessages(concat(head, input.subarray(0, whole.taken)), { kind: "requests" });
  assert.equal(seen.error, null, "llhttp refuses what we take");
  assert.equal(seen.messages.length, 1);
  assert.ok(seen.messages[0]!.isComplete, "llhttp sees another end");
  assert.equal(latin1Text(seen.messages[0]!.body), whole.data);
  const framed = await relay(input);
  assert.ok(framed !== null, "the relay refuses what the decoder takes");
  const again = readMessages(concat(head, framed), { kind: "requests" });
  assert.equal(again.error, null);
  assert.ok(again.messages[0]!.isComplete);
  assert.equal(latin1Text(again.messages[0]!.body), whole.data);
  assert.equal(decode([framed]).taken, framed.length);
}

/** What did not come whole never ends in order. */
async function checkRefusal(input: Uint8Array): Promise<void> {
  const pieces = await relay(input);
  assert.equal(pieces, null, "a body that is not whole ends in order");
}

/** Returns what the receiver gets, `null` where the relay fails. */
async function relay(input: Uint8Array): Promise<Uint8Array | null> {
  const readBytesMax = chanceOf(input).of([1, 3, 64, Infinity]);
  const from = new BufferedStream(memoryStreamOf(input, { readBytesMax }));
  const [to, receiver] = memoryPair({ pipeBytes: Infinity });
  try {
    await relayBody(from, to, { kind: "chunked" }, { output: "chunked" });
  } catch (error) {
    if (error instanceof BodyRelayError) return null;
    throw error;
  }
  await to.closeWrite();
  return await readAll(receiver);
}

function decode(pieces: readonly Uint8Array[]): Decoded {
  const decoder = new ChunkDecoder();
  const room = new Uint8Array(chanceOf(pieces[0] ?? new Uint8Array(0)).of([1, 5, 4096]));
  let data = "";
  let taken = 0;
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length && !decoder.done;) {
        const step = decoder.decode(piece.subarray(at), room);
        data += latin1Text(room.subarray(0, step.produced));
        assert.ok(step.consumed > 0 || step.produced > 0, "it does not go on");
        at += step.consumed;
        taken += step.consumed;
      }
    }
  } catch (error) {
    if (!(error instanceof BodyRelayError)) throw error;
    // Up to where it came depends on the pieces.
    return { data: "", isDone: false, isRefused: true, taken: 0 };
  }
  return { data, isDone: decoder.done, isRefused: false, taken: decoder.done ? taken : 0 };
}
