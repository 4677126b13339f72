/**
 * The first bytes of TLS: read the same however they are cut, never read anew when more comes, and
 * naming the server that a second reader finds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { connect, type ConnectionOptions } from "node:tls";
import {
  type ClientHello,
  parseClientHello,
} from "../../../drivers/supervisor/egress/tls/client_hello.ts";
import { clientHello } from "../../../drivers/supervisor/egress/pipeline_fixture.ts";
import { CLIENT_HELLO_BYTES_MAX } from "../../../proto/egress_limits.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { chanceOf, concat, latin1Bytes, latin1Text, type Target } from "../target.ts";

/** Hellos as TLS libraries write them. */
const RECORDED: readonly Uint8Array[] = [
  await recordHello({ servername: "api.example.com", ALPNProtocols: ["h2", "http/1.1"] }),
  await recordHello({ servername: "a.example", maxVersion: "TLSv1.2" }),
  await recordHello({}),
  clientHello("api.example.com"),
  clientHello(null),
];

export const CLIENT_HELLO: Target = {
  name: "client_hello",
  holds: "a hello reads the same in pieces and names the server that another reader finds",
  iterations: 2500,
  generate: (chance) => {
    const hello = chance.once(2) ? chance.of(RECORDED) : anyHello(chance);
    const input = chance.once(3) ? inRecords(hello, 1 + chance.below(60)) : hello;
    return chance.once(6)
      ? input
      : mutate(input, chance, { words: WORDS, other: chance.of(RECORDED) });
  },
  check,
};

const WORDS = [
  "\x16\x03\x01",
  "\x00\x00",
  "\x00\x10",
  "\x00\x05",
  "other.example",
  "\xff\xff",
  "a.b",
];

function check(input: Uint8Array): void {
  const whole = parseClientHello(input);
  checkPrefixes(input, whole);
  if (whole.kind !== "hello") return;
  const found = findServerName(input);
  assert.ok(found !== "malformed", "another reader takes it for malformed");
  assert.equal(whole.serverName, found?.toLowerCase() ?? null, "another reader finds another name");
  // In one record, and in many, the same is said.
  const again = parseClientHello(inRecords(input, 1 + chanceOf(input).below(50)));
  if (input.length < CLIENT_HELLO_BYTES_MAX / 8) assert.deepEqual(again, whole);
}

/** Once it is known what it is, nothing that follows changes it. */
function checkPrefixes(input: Uint8Array, whole: ClientHello): void {
  let known: ClientHello | null = null;
  const step = input.length > 2000 ? 1 + chanceOf(input).below(64) : 1;
  for (let length = 0; length <= input.length; length += step) {
    const form = parseClientHello(input.subarray(0, length));
    if (known === null) known = form.kind === "need_more" ? null : form;
    else assert.deepEqual(form, known, `${length} bytes read differently than fewer`);
  }
  if (known !== null) assert.deepEqual(whole, known);
}

/** Reads the name by searching, without any code of ours; checks only what it needs. */
function findServerName(input: Uint8Array): string | null | "malformed" {
  const view = new DataView(unwrap(input).buffer);
  const size = view.byteLength;
  try {
    let at = 4 + 2 + 32;
    at += 1 + view.getUint8(at);
    at += 2 + view.getUint16(at);
    at += 1 + view.getUint8(at);
    if (at === 4 + (view.getUint32(0) & 0xffffff)) return null;
    const end = at + 2 + view.getUint16(at);
    at += 2;
    let name: string | null = null;
    while (at < end) {
      const [type, length] = [view.getUint16(at), view.getUint16(at + 2)];
      at += 4;
      if (type === 0) {
        if (name !== null) return "malformed";
        const nameLength = view.getUint16(at + 3);
        if (at + 5 + nameLength > size) return "malformed";
        name = latin1Text(new Uint8Array(view.buffer, at + 5, nameLength));
      }
      at += length;
    }
    return name;
  } catch {
    return "malformed";
  }
}

/** Returns the message without the heads of its records. */
function unwrap(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 5 <= input.length;) {
    const length = input[at + 3]! * 256 + input[at + 4]!;
    parts.push(input.subarray(at + 5, at + 5 + length));
    at += 5 + length;
    const message = concat(...parts);
    if (message.length < 4) continue;
    const wanted = 4 + (message[1]! << 16 | message[2]! << 8 | message[3]!);
    if (message.length >= wanted) return Uint8Array.from(message.subarray(0, wanted));
  }
  return Uint8Array.from(concat(...parts));
}

const SERVER_NAMES = ["a.example", "API.example", "b.example.", "127.1", "a\0b", ""];

/** A hello whose lengths are right, and whose extensions may come twice or be odd. */
function anyHello(chance: Chance): Uint8Array {
  const name = () => part(1, [0], part(2, latin1Bytes(chance.of(SERVER_NAMES)))).subarray(1);
  const extension = () =>
    chance.of([
      () => concat(Uint8Array.of(0, 0), part(2, part(2, ...chance.some(1, 2, name)))),
      () => concat(Uint8Array.of(0, 16), part(2, part(2, part(1, latin1Bytes("h2"))))),
      () => concat(Uint8Array.of(0, 43), part(2, [2, 3, 4])),
      () => concat(Uint8Array.of(chance.below(2), chance.below(60)), part(2)),
    ])();
  const message = concat(
    Uint8Array.of(3, 3),
    new Uint8Array(32),
    part(1),
    part(2, [0x13, 1]),
    part(1, [0]),
    part(2, ...chance.some(0, 4, extension)),
  );
  return concat(Uint8Array.of(22, 3, 1), part(2, [1], part(3, message)));
}

/** Puts its length in front, in so many bytes. */
function part(lengthBytes: number, ...contents: readonly (readonly number[] | Uint8Array)[]) {
  const content = concat(...contents.map((bytes) => Uint8Array.from(bytes)));
  const { length } = content;
  const digits = [length >> 16, (length >> 8) & 255, length & 255].slice(3 - lengthBytes);
  return concat(Uint8Array.from(digits), content);
}

/** Puts the message into records of at most so many bytes. */
function inRecords(hello: Uint8Array, bytesMax: number): Uint8Array {
  const message = unwrap(hello);
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += bytesMax) {
    const part = message.subarray(at, at + bytesMax);
    records.push(Uint8Array.of(22, 3, 1, part.length >> 8, part.length & 255), part);
  }
  return concat(...records);
}

/** Returns the first bytes that Node's TLS sends. */
function recordHello(options: ConnectionOptions): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const wire = new Duplex({
    read: () => {},
    write: (bytes: Uint8Array, _, done) => {
      resolve(Uint8Array.from(bytes));
      done();
    },
  });
  const socket = connect({ ...options, socket: wire, rejectUnauthorized: false });
  socket.on("error", () => {});
  return promise.finally(() => socket.destroy());
}
