/**
 * A server that keeps each byte it was sent, reads it with the second parser, and answers.
 *
 * A request that goes on is only sent once the one before was answered, so what comes between two
 * answers is one request: whoever finds two in it was smuggled one.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ByteStream } from "../../../drivers/supervisor/egress/byte_stream.ts";
import { writeAll } from "../../../drivers/supervisor/egress/byte_stream.ts";
import { concat, latin1Text, utf8Bytes } from "../target.ts";
import { readMessages, SecondParser, type SeenMessage } from "./second_parser.ts";

/** One connection to the origin. */
export interface SeenConnection {
  readonly address: string;
  readonly port: number;
  /** Bytes of each request, the last one possibly cut off. */
  readonly segments: readonly Uint8Array[];
}

/** One request as it came. */
export interface SeenRequest {
  readonly address: string;
  readonly port: number;
  readonly method: string;
  readonly target: string;
  /** Each value of `Host`. */
  readonly hosts: readonly string[];
  /** `null` where llhttp does not know the method. */
  readonly message: SeenMessage | null;
}

/** Takes what is sent on one connection until its end. */
export async function serveOrigin(
  stream: ByteStream,
  place: { readonly address: string; readonly port: number },
): Promise<SeenConnection> {
  const parser = new SecondParser({ kind: "requests" });
  const segments: Uint8Array[] = [];
  let segment = new Uint8Array(0);
  const buffer = new Uint8Array(64 * 1024);
  let answered = 0;
  try {
    for (;;) {
      const count = await stream.read(buffer);
      if (count === null) break;
      segment = Uint8Array.from(concat(segment, buffer.subarray(0, count)));
      parser.push(buffer.subarray(0, count));
      if (parser.error !== null) {
        await writeAll(stream, BAD_REQUEST);
        break;
      }
      if (parser.completeCount === answered) continue;
      answered = parser.completeCount;
      segments.push(segment);
      segment = new Uint8Array(0);
      const isHead = latin1Text(segments.at(-1)!).startsWith("HEAD ");
      await writeAll(stream, isHead ? HEAD_ANSWER : ANSWER);
    }
  } catch {
    // The proxy has closed: what came until then counts.
  } finally {
    parser.close();
    try {
      stream.close();
    } catch {
      // It was closed already.
    }
  }
  if (segment.length > 0) segments.push(segment);
  return { ...place, segments };
}

/** Reads the requests of a connection, each on its own and all in one, and compares. */
export function requestsOf({ address, port, segments }: SeenConnection): readonly SeenRequest[] {
  const requests = segments.map((segment): SeenRequest => {
    const [line = "", ...fields] = latin1Text(segment).split("\r\n\r\n")[0]!.split("\r\n");
    const [method = "", target = "", version, ...more] = line.split(" ");
    assert.deepEqual([version, more], ["HTTP/1.1", []], `the origin got ${JSON.stringify(line)}`);
    const hosts = fields.filter((field) => /^host[ \t]*:/i.test(field))
      .map((field) => field.slice(field.indexOf(":") + 1).trim());
    const seen = readMessages(segment, { kind: "requests" });
    const message = seen.messages[0] ?? null;
    if (!isUnknownMethod(seen.error)) {
      assert.equal(seen.error, null, "llhttp refuses what the origin got");
      assert.equal(seen.messages.length, 1, "the origin got more than one request at once");
      assert.deepEqual([message!.method, message!.target], [method, target]);
    }
    return { address, port, method, target, hosts, message };
  });
  const whole = readMessages(concat(...segments), { kind: "requests" });
  if (!isUnknownMethod(whole.error)) assert.equal(whole.messages.length, requests.length);
  return requests;
}

/** llhttp has a closed list of methods. */
function isUnknownMethod(error: string | null): boolean {
  return error === "HPE_INVALID_METHOD" || error === "HPE_INVALID_CONSTANT";
}

const ANSWER = utf8Bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const HEAD_ANSWER = utf8Bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
const BAD_REQUEST = utf8Bytes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
