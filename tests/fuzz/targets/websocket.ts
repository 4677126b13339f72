/**
 * Frames of a WebSocket: they read the same however they are cut, and as a plain reader has them;
 * what goes on is a beginning of that, in strict frames, and never holds a placeholder.
 *
 * @module
 */

import assert from "node:assert/strict";
import { endpointOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import { liveCredentials } from "../../../drivers/supervisor/credentials/fixture.ts";
import { writeAll } from "../../../drivers/supervisor/egress/byte_stream.ts";
import { readAll } from "../../../drivers/supervisor/egress/http1/memory_stream.ts";
import { RELAY_LIMITS } from "../../../drivers/supervisor/egress/http1/relay_limits.ts";
import { withPipeline } from "../../../drivers/supervisor/egress/pipeline_fixture.ts";
import {
  encodeClose,
  encodeFrame,
  OPCODES,
} from "../../../drivers/supervisor/egress/websocket/frame.ts";
import {
  FrameParser,
  type FramePart,
} from "../../../drivers/supervisor/egress/websocket/frame_parser.ts";
import {
  openWebSocket,
  TEXT,
  UPGRADE,
} from "../../../drivers/supervisor/egress/websocket/websocket_fixture.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { chanceOf, concat, latin1Text, split, type Target, utf8Bytes } from "../target.ts";

/** No credential belongs there, so binary messages pass. */
const HOST = "other.example.net";

const RULES = [
  ruleOf({
    endpoints: [endpointOf({ host: HOST, protocol: "websocket", allow: [UPGRADE, TEXT] })],
  }),
];

const PLACEHOLDER = "openshell:resolve:env:TOKEN";

const WORDS = ["\x81\x80", "\x88\x80", "\x80\xfe", "\x01", "\x00", "\xff", PLACEHOLDER];

export const WEBSOCKET: Target = {
  name: "websocket",
  holds: "frames read the same in pieces, and only what was read goes on",
  iterations: 400,
  generate: (chance) => {
    const input = concat(...chance.some(1, 4, () => message(chance)));
    return chance.once(4) ? input : mutate(input, chance, { words: WORDS });
  },
  check,
};

function message(chance: Chance): Uint8Array {
  const words = ["hello", "é", "", PLACEHOLDER, `{"a":"${PLACEHOLDER}"}`, "x".repeat(130)];
  const payload = utf8Bytes(chance.some(1, 3, () => chance.of(words)).join(" "));
  const kind = chance.of([OPCODES.text, OPCODES.text, OPCODES.binary]);
  const pieces = chance.once(2) ? [payload] : split(payload, chance);
  const frames = pieces.slice(0, 64).flatMap((piece, at, all) => {
    const opcode = at === 0 ? kind : OPCODES.continuation;
    const frame = masked(piece, opcode, at === all.length - 1);
    return chance.once(8) ? [frame, control(chance)] : [frame];
  });
  return concat(...frames);
}

function control(chance: Chance): Uint8Array {
  if (chance.once(6)) return masked(encodeClose(1000, "bye"), OPCODES.close);
  const payload = utf8Bytes(chance.of(["", "still there?", PLACEHOLDER]));
  return masked(payload, chance.of([OPCODES.ping, OPCODES.pong]));
}

function masked(payload: Uint8Array, opcode: number, isFinal = true): Uint8Array {
  return encodeFrame(payload, { opcode, isFinal, isMasked: true });
}

async function check(input: Uint8Array): Promise<void> {
  const whole = read([input]);
  assert.deepEqual(
    read(split(input, chanceOf(input))),
    whole,
    "cut into pieces it reads otherwise",
  );
  const plain = readPlainly(input).messages;
  assert.deepEqual(whole, plain.slice(0, whole.length), "a plain reader sees something else");
  const { messages, isStrict, payloads } = readPlainly(await relay(input));
  assert.ok(isStrict, "a frame goes on that is not strict");
  assert.ok(!payloads.includes(PLACEHOLDER), "a placeholder goes on");
  const last = messages.at(-1);
  const own = last?.startsWith("8 ") === true && !whole.includes(last) ? 1 : 0;
  const passed = messages.slice(0, messages.length - own);
  assert.deepEqual(passed, whole.slice(0, passed.length), "something else goes on");
}

/** Returns messages and control frames, as our parser has them. */
function read(pieces: readonly Uint8Array[]): readonly string[] {
  const parser = new FrameParser("program");
  const seen: string[] = [];
  let message = "";
  const take = (part: FramePart) => {
    const text = latin1Text(part.bytes);
    if (part.kind !== "text" && part.kind !== "binary") {
      seen.push(`${OPCODES[part.kind]} ${text}`);
      return;
    }
    message = (part.isFirst ? `${OPCODES[part.kind]} ` : message) + text;
    if (part.isLast) seen.push(message);
  };
  for (const piece of pieces) parser.push(piece).parts.forEach(take);
  return seen;
}

interface PlainlyRead {
  readonly messages: readonly string[];
  /** All frames are masked, have no reserved bits and the shortest length. */
  readonly isStrict: boolean;
  /** Of all data frames, one after the other. */
  readonly payloads: string;
}

/** Reads frames without judging them, by the picture in RFC 6455 section 5.2. */
function readPlainly(bytes: Uint8Array): PlainlyRead {
  const messages: string[] = [];
  let [isStrict, payloads, message] = [true, "", ""];
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    const short = second & 0x7f;
    const wide = short === 127 ? 8 : short === 126 ? 2 : 0;
    const digits = bytes.subarray(at + 2, at + 2 + wide);
    const length = wide === 0 ? short : digits.reduce((sum, byte) => sum * 256 + byte, 0);
    const hasMask = second >= 0x80;
    const start = at + 2 + wide + (hasMask ? 4 : 0);
    if (start + length > bytes.length) break;
    const mask = hasMask ? bytes.subarray(start - 4, start) : new Uint8Array(4);
    const payload = latin1Text(
      bytes.slice(start, start + length).map((byte, index) => byte ^ mask[index % 4]!),
    );
    isStrict &&= hasMask && (first & 0x70) === 0 &&
      length >= [0, 0, 126, 0, 0, 0, 0, 0, 65536][wide]!;
    const opcode = first & 0x0f;
    if (opcode >= 8) messages.push(`${opcode} ${payload}`);
    else {
      payloads += payload;
      message = (opcode === 0 ? message : `${opcode} `) + payload;
      if (first >= 0x80) messages.push(message);
    }
    at = start + length;
  }
  return { messages, isStrict, payloads };
}

/** Returns the bytes that a server gets. */
async function relay(input: Uint8Array): Promise<Uint8Array> {
  let received = new Uint8Array(0);
  const limits = { relay: { ...RELAY_LIMITS, drainMs: 5, webSocketCloseMs: 5 } };
  const options = { rules: RULES, credentials: liveCredentials(), limits };
  await withPipeline(options, async (pipeline) => {
    const { program, server } = await openWebSocket(pipeline, { host: HOST });
    const receiving = readAll(server.stream);
    const answering = program.rest();
    for (const piece of split(input, chanceOf(input))) {
      await writeAll(program.stream, piece).catch(() => {});
    }
    await program.stream.closeWrite();
    received = new Uint8Array(await receiving);
    await answering;
    program.stream.close();
  });
  return received;
}
