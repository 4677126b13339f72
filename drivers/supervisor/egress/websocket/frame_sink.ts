/**
 * Writes frames to one side of a WebSocket, one after the other and each as a whole.
 *
 * @module
 */

import { type ByteStream, writeAll } from "../byte_stream.ts";
import { encodeFrame, OPCODES } from "./frame.ts";

export class FrameSink {
  readonly #stream: ByteStream;
  readonly #isMasked: boolean;
  #last: Promise<void> = Promise.resolve();
  #isEnded = false;

  /** `isMasked` is for what a server is sent. */
  constructor(stream: ByteStream, isMasked: boolean) {
    this.#stream = stream;
    this.#isMasked = isMasked;
  }

  /** Resolves when it is written, and rejects where that side is gone. After a close it is dropped. */
  send(payload: Uint8Array, opcode: number, isFinal = true): Promise<void> {
    if (this.#isEnded) return Promise.resolve();
    const isMasked = this.#isMasked;
    const bytes = encodeFrame(payload, { opcode, isFinal, isMasked });
    const written = this.#last.then(() => writeAll(this.#stream, bytes));
    this.#last = written.catch(() => {});
    return written;
  }

  /** Sends a close. Nothing follows it. */
  close(payload: Uint8Array): Promise<void> {
    const written = this.send(payload, OPCODES.close);
    this.#isEnded = true;
    return written;
  }
}
