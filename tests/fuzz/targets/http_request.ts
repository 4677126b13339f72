/**
 * Request heads: what is accepted has one reading, for us and for llhttp, before and after it is
 * written anew.
 *
 * @module
 */

import assert from "node:assert/strict";
import { canonicalPath } from "../../../policy-wasm/canonical/path.ts";
import { HTTP_HEAD_BYTES_MAX } from "../../../proto/egress_limits.ts";
import { BufferedStream } from "../../../drivers/supervisor/egress/http1/buffered_stream.ts";
import { memoryStreamOf, readAll } from "../../../drivers/supervisor/egress/http1/memory_stream.ts";
import {
  parseRequestHead,
  type RequestHead,
} from "../../../drivers/supervisor/egress/http1/request_head.ts";
import { writeRequestHead } from "../../../drivers/supervisor/egress/http1/write_head.ts";
import { mutate } from "../mutate.ts";
import { anyRequest, HTTP_WORDS } from "../support/http_messages.ts";
import { readMessages, type SeenMessage } from "../support/second_parser.ts";
import { chanceOf, concat, latin1Bytes, latin1Text, type Target } from "../target.ts";

const AUTHORITY = { host: "api.example.com", port: 443 };
const OPTIONS = { host: "api.example.com", origin: "https://api.example.com" };

export const HTTP_REQUEST: Target = {
  name: "http_request",
  holds: "an accepted request head reads the same in pieces, to llhttp, and written anew",
  iterations: 2500,
  generate: (chance) => {
    const input = latin1Bytes(anyRequest(chance, OPTIONS));
    if (chance.once(4)) return input;
    const other = latin1Bytes(anyRequest(chance, OPTIONS));
    return mutate(input, chance, { words: HTTP_WORDS, other });
  },
  check,
};

async function check(input: Uint8Array): Promise<void> {
  const whole = await readHead(input, Infinity);
  const pieces = await readHead(input, chanceOf(input).of([1, 2, 5, 17]));
  assert.deepEqual(pieces, whole, "cut into pieces it reads differently");
  if (whole.head === null) return;
  const form = parseRequestHead(whole.head);
  if (!form.ok) return;
  checkAgainstSecond(form.head, whole.head);
  const path = canonicalPath(form.head.target, { allowEncodedSlash: true });
  if (!path.ok) return;
  const target = path.path + (path.query === null ? "" : `?${path.query}`);
  checkWritten(form.head, target);
}

/** The head and what follows it, or neither. */
async function readHead(
  input: Uint8Array,
  readBytesMax: number,
): Promise<{ kind: string; head: Uint8Array | null; rest: string }> {
  const stream = new BufferedStream(memoryStreamOf(input, { readBytesMax }));
  const read = await stream.readHead(HTTP_HEAD_BYTES_MAX);
  if (read.kind !== "head") return { kind: read.kind, head: null, rest: "" };
  return { kind: read.kind, head: read.bytes, rest: latin1Text(await readAll(stream)) };
}

/** Both may refuse what they like; what both take, they read alike. */
function checkAgainstSecond(head: RequestHead, bytes: Uint8Array): void {
  const seen = readMessages(bytes, { kind: "requests" });
  if (seen.error !== null) {
    assert.ok(MAY_REFUSE.has(seen.error), `llhttp is stricter: ${seen.error}`);
    return;
  }
  assert.equal(seen.messages.length, 1, "llhttp sees another number of requests");
  const [message] = seen.messages;
  checkSame(head, head.target, message!);
  assert.equal(seen.messages[0]!.isComplete, isEmpty(head), "llhttp sees another end");
  const fields = head.fields.map(([name, value]) => [name, encoded(value)]);
  assert.deepEqual(message!.fields.map((field) => [...field]), fields);
}

/** Where llhttp has a list of its own, or its limits: nothing about where a message ends. */
const MAY_REFUSE: ReadonlySet<string> = new Set([
  "HPE_INVALID_METHOD",
  "HPE_INVALID_CONSTANT",
  "HPE_INVALID_URL",
]);

function isEmpty({ framing }: RequestHead): boolean {
  return framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0);
}

function checkWritten(head: RequestHead, target: string): void {
  const options = { target, authority: AUTHORITY, scheme: "https", closes: false } as const;
  const written = writeRequestHead(head, options);
  const again = parseRequestHead(written);
  assert.ok(again.ok, `what we write we refuse: ${again.ok ? "" : again.problem}`);
  assert.equal(again.head.target, target);
  assert.equal(again.head.method, head.method);
  assert.equal(again.head.host, AUTHORITY.host);
  assert.deepEqual(again.head.framing, head.framing);
  assert.equal(again.head.isUpgrade, false);
  // A second hop writes the same bytes.
  assert.deepEqual(writeRequestHead(again.head, options), written);
  const body = bodyOf(head);
  const seen = readMessages(concat(written, body, FOLLOWING), { kind: "requests" });
  // Methods that llhttp does not know end it.
  if (seen.error === "HPE_INVALID_METHOD" || seen.error === "HPE_INVALID_CONSTANT") return;
  assert.equal(seen.error, null, "llhttp refuses what we write");
  assert.equal(seen.messages.length, 2, "llhttp sees another number of requests");
  checkSame(again.head, target, seen.messages[0]!);
  assert.equal(seen.messages[0]!.body.length, body.length === 0 ? 0 : bodyBytes(head));
  assert.equal(seen.messages[1]!.target, "/following");
}

const FOLLOWING = latin1Bytes("GET /following HTTP/1.1\r\nHost: a\r\n\r\n");

function bodyOf({ framing }: RequestHead): Uint8Array {
  if (framing.kind === "chunked") return latin1Bytes("2\r\n\r\n\r\n0\r\n\r\n");
  if (framing.kind === "length") return new Uint8Array(Math.min(framing.bytes, BODY_BYTES_MAX));
  return new Uint8Array(0);
}

function bodyBytes({ framing }: RequestHead): number {
  return framing.kind === "length" ? framing.bytes : 2;
}

const BODY_BYTES_MAX = 1024 * 1024;

function checkSame(head: RequestHead, target: string, seen: SeenMessage): void {
  assert.equal(seen.method, head.method);
  assert.equal(seen.target, target);
  assert.equal(seen.version, head.version);
  const hosts = seen.fields.filter(([name]) => name.toLowerCase() === "host");
  assert.deepEqual(hosts.map(([, value]) => value), head.host === null ? [] : [head.host]);
}

/** llhttp gives characters for bytes. */
function encoded(value: string): string {
  return latin1Text(new TextEncoder().encode(value));
}
