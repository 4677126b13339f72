/**
 * One connection to an origin: records each byte as it comes off the socket, and reads requests.
 *
 * It forgives nothing and repairs nothing: what a test wants to see is what the proxy sent.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { RECORDED_BYTES_MAX, type RecordedConnection, type RecordedRequest } from "./recording.ts";

export class OriginConnection {
  readonly #origin: string;
  readonly #connection: Deno.Conn;
  readonly #requests: RecordedRequest[] = [];
  /** Read from the socket, not yet used. */
  #pending = Buffer.alloc(0);
  #received: Buffer[] = [];
  #bytes = 0;
  #closed = false;

  constructor(origin: string, connection: Deno.Conn) {
    this.#origin = origin;
    this.#connection = connection;
  }

  recording(): RecordedConnection {
    return {
      origin: this.#origin,
      received: Buffer.concat(this.#received).toString("latin1"),
      bytes: this.#bytes,
      requests: this.#requests,
      closed: this.#closed,
    };
  }

  /** Reads until the other side ends, and hands each piece on. */
  async drain(onBytes: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    while (await this.#read()) await onBytes(this.#take(this.#pending.length));
  }

  /**
   * Reads a request with its body; `null` at the end of the connection. A body that `isStreamed`
   * accepts is handed to `onBody` piece by piece and not kept.
   */
  async request(
    isStreamed: (target: string) => boolean,
    onBody: (bytes: Uint8Array) => void,
  ): Promise<RecordedRequest | null> {
    const head = await this.#until("\r\n\r\n");
    if (head === null) return null;
    const [first = "", ...lines] = head.toString("latin1").split("\r\n");
    const [method = "", target = "", version = ""] = first.split(" ");
    const headers = lines.filter((line) => line !== "").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
    const kept: Uint8Array[] = [];
    let bodyBytes = 0;
    const take = (bytes: Uint8Array) => {
      bodyBytes += bytes.length;
      if (isStreamed(target)) onBody(bytes);
      else kept.push(bytes);
    };
    await this.#body(headerOf(headers, "content-length"), take, {
      isChunked: headerOf(headers, "transfer-encoding") !== undefined,
    });
    const body = Buffer.concat(kept).toString("latin1");
    const request = { method, target, version, headers, body, bodyBytes };
    this.#requests.push(request);
    return request;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  async #body(
    length: string | undefined,
    take: (bytes: Uint8Array) => void,
    { isChunked }: { readonly isChunked: boolean },
  ): Promise<void> {
    if (!isChunked) return await this.#exactly(Number(length ?? 0), take);
    for (;;) {
      const line = await this.#until("\r\n");
      const size = Number.parseInt(line?.toString("latin1") ?? "0", 16);
      await this.#exactly(size, take);
      await this.#until("\r\n");
      if (size === 0) return;
    }
  }

  async #exactly(count: number, take: (bytes: Uint8Array) => void): Promise<void> {
    for (let left = count; left > 0;) {
      if (this.#pending.length === 0 && !await this.#read()) return;
      const bytes = this.#take(Math.min(left, this.#pending.length));
      left -= bytes.length;
      take(bytes);
    }
  }

  /** Takes what comes before a mark, and the mark away. */
  async #until(mark: string): Promise<Buffer | null> {
    for (;;) {
      const at = this.#pending.indexOf(mark);
      if (at >= 0) {
        const found = this.#take(at);
        this.#take(mark.length);
        return found;
      }
      if (!await this.#read()) return null;
    }
  }

  #take(count: number): Buffer {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    const count = await this.#connection.read(buffer).catch(() => null);
    if (count === null) return false;
    const bytes = Buffer.from(buffer.buffer, 0, count);
    if (this.#bytes < RECORDED_BYTES_MAX) this.#received.push(bytes);
    this.#bytes += count;
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    return true;
  }
}

/** Returns the first value of a header, by its lower-case name. */
export function headerOf(
  headers: readonly (readonly [string, string])[],
  name: string,
): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}
