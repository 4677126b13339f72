/**
 * What an HTTP origin answers, by the first part of the path.
 *
 * | Path                 | Answer                                                        |
 * | -------------------- | ------------------------------------------------------------- |
 * | `/bulk/N`            | N bytes                                                       |
 * | `/drip/N/MS`         | N bytes, one every MS milliseconds, chunked                   |
 * | `/redirect/HOST/…`   | 302 to `https://HOST/…`                                       |
 * | `/status/N`          | that status                                                   |
 * | `/sink`              | count and SHA-256 of the body                                 |
 * | `/truncated`         | promises 100 bytes, sends 10 and ends                         |
 * | `/hop`               | headers that are meant for the proxy alone                    |
 * | `/zen`               | a sentence                                                    |
 * | anything else        | the request, as JSON                                          |
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { headerOf, type OriginConnection } from "./origin_connection.ts";
import type { RecordedRequest } from "./recording.ts";

const CHUNK = new Uint8Array(64 * 1024).fill(0x6f);

/** Answers requests until either side wants no more. */
export async function answerAll(connection: OriginConnection, origin: string): Promise<void> {
  for (;;) {
    const hash = createHash("sha256");
    const request = await connection.request(
      (target) => target.startsWith("/sink"),
      (bytes) => void hash.update(bytes),
    );
    if (request === null) return;
    await answer(connection, origin, { request, hash });
    if (headerOf(request.headers, "connection")?.toLowerCase() === "close") return;
    if (request.target.startsWith("/truncated")) return;
  }
}

async function answer(
  connection: OriginConnection,
  origin: string,
  { request, hash }: { readonly request: RecordedRequest; readonly hash: Hash },
): Promise<void> {
  const [, kind, first = "", second = ""] = request.target.split(/[/?]/);
  const send = (status: number, headers: readonly string[], body: string | Uint8Array = "") =>
    connection.write(encode(origin, request, { status, headers, body }));
  switch (kind) {
    case "bulk":
      await send(200, [`Content-Length: ${first}`]);
      for (let left = Number(first); left > 0; left -= CHUNK.length) {
        await connection.write(CHUNK.subarray(0, Math.min(left, CHUNK.length)));
      }
      return;
    case "drip":
      await send(200, ["Transfer-Encoding: chunked"]);
      for (let left = Number(first); left > 0; left--) {
        await connection.write(new TextEncoder().encode("1\r\no\r\n"));
        await new Promise((resolve) => setTimeout(resolve, Number(second)));
      }
      return await connection.write(new TextEncoder().encode("0\r\n\r\n"));
    case "redirect": {
      const [, , ...rest] = request.target.split("/");
      return await send(302, [`Location: https://${rest.join("/")}`, "Content-Length: 0"]);
    }
    case "zen":
      return await sendBody(send, 200, "Least privilege is most freedom.\n");
    case "status":
      return await sendBody(send, Number(first), `status ${first}\n`);
    case "sink": {
      const result = { bytes: request.bodyBytes, sha256: hash.digest("hex") };
      return await sendBody(send, 200, JSON.stringify(result));
    }
    case "truncated":
      return await send(200, ["Content-Length: 100"], "0123456789");
    case "hop":
      return await send(200, [
        "Connection: keep-alive, X-For-The-Proxy",
        "Keep-Alive: timeout=5",
        "X-For-The-Proxy: 1",
        "Content-Length: 0",
      ]);
    default:
      return await sendBody(send, 200, `${JSON.stringify(request)}\n`);
  }
}

type Send = (
  status: number,
  headers: readonly string[],
  body?: string | Uint8Array,
) => Promise<void>;

function sendBody(send: Send, status: number, body: string): Promise<void> {
  const bytes = new TextEncoder().encode(body);
  return send(status, [`Content-Length: ${bytes.length}`, "Content-Type: application/json"], bytes);
}

/** Head and body in one write: in two, the second would wait for an acknowledgement. */
function encode(
  origin: string,
  { method }: RecordedRequest,
  { status, headers, body }: {
    readonly status: number;
    readonly headers: readonly string[];
    readonly body: string | Uint8Array;
  },
): Uint8Array {
  const head = [`HTTP/1.1 ${status} Test`, `X-Origin: ${origin}`, ...headers, "", ""].join("\r\n");
  const encoder = new TextEncoder();
  const content = typeof body === "string" ? encoder.encode(body) : body;
  const kept = method === "HEAD" ? new Uint8Array() : content;
  const bytes = new Uint8Array(head.length + kept.length);
  bytes.set(encoder.encode(head));
  bytes.set(kept, head.length);
  return bytes;
}
