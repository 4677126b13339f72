/**
 * Responses: a program that asked once gets one response, the one that the server sent.
 *
 * @module
 */

import assert from "node:assert/strict";
import { BufferedStream } from "../../../drivers/supervisor/egress/http1/buffered_stream.ts";
import {
  memoryPair,
  memoryStreamOf,
  readAll,
} from "../../../drivers/supervisor/egress/http1/memory_stream.ts";
import { RELAY_LIMITS } from "../../../drivers/supervisor/egress/http1/relay_limits.ts";
import { relayRequests } from "../../../drivers/supervisor/egress/http1/relay_requests.ts";
import { parseResponseHead } from "../../../drivers/supervisor/egress/http1/response_head.ts";
import { mutate } from "../mutate.ts";
import { anyResponse, HTTP_WORDS } from "../support/http_messages.ts";
import { readMessages } from "../support/second_parser.ts";
import { chanceOf, latin1Bytes, latin1Text, type Target, utf8Bytes } from "../target.ts";

export const HTTP_RESPONSE: Target = {
  name: "http_response",
  holds: "a program gets one response that llhttp reads as it reads the server's",
  iterations: 800,
  generate: (chance) => {
    const input = latin1Bytes(anyResponse(chance) + (chance.once(4) ? anyResponse(chance) : ""));
    if (chance.once(4)) return input;
    return mutate(input, chance, { words: HTTP_WORDS, other: latin1Bytes(anyResponse(chance)) });
  },
  check,
};

async function check(input: Uint8Array): Promise<void> {
  const method = chanceOf(input).of(["GET", "GET", "HEAD"]);
  parseResponseHead(input, { method, allowsSwitch: true });
  const { client: got, end } = await ask(method, input);
  const skipsBody = method === "HEAD";
  const isWhole = end === "closed";
  const seen = readMessages(got, { kind: "responses", skipsBody, isEnded: isWhole });
  if (isWhole) assert.equal(seen.error, null, `llhttp refuses what we write: ${latin1Text(got)}`);
  const answers = seen.messages.filter(({ status }) => status >= 200);
  assert.ok(answers.length <= 1, "the program gets more than one response");
  if (!isWhole) return;
  assert.equal(answers.length, 1, "the program gets no response");
  assert.ok(answers[0]!.isComplete, "a response that is whole does not end");
  const sent = readMessages(input, { kind: "responses", skipsBody, isEnded: true });
  const final = sent.messages.find(({ status }) => status >= 200);
  if (final === undefined || !final.isComplete) return;
  assert.equal(answers[0]!.status, final.status);
  assert.equal(latin1Text(answers[0]!.body), latin1Text(final.body));
}

/** Asks once through the relay, of a server that sends the bytes and closes. */
async function ask(
  method: string,
  response: Uint8Array,
): Promise<{ readonly client: Uint8Array; readonly end: string }> {
  const [program, client] = memoryPair({ pipeBytes: Infinity });
  await program.write(utf8Bytes(`${method} / HTTP/1.1\r\nHost: a.example\r\n\r\n`));
  await program.closeWrite();
  const readBytesMax = chanceOf(response).of([1, 3, 64, Infinity]);
  const relayed = relayRequests({
    client: new BufferedStream(client),
    openUpstream: () => Promise.resolve(memoryStreamOf(response, { readBytesMax })),
    authority: { host: "a.example", port: 80 },
    scheme: "http",
    signal: new AbortController().signal,
    limits: { ...RELAY_LIMITS, drainMs: 20 },
    judge: () => ({ verdict: "allow", target: "/" }),
  });
  const got = await readAll(program);
  const end = await relayed;
  program.close();
  return { client: got, end: end.kind };
}
