/**
 * Stands in for the other end of a connection in tests.
 *
 * @module
 */

import type { ByteStream } from "../byte_stream.ts";

/** A stream that can be cut, and that says when it is closed. */
export class Cable implements ByteStream {
  readonly #inner: ByteStream;
  readonly #closed = Promise.withResolvers<void>();
  #isCut = false;

  constructor(inner: ByteStream) {
    this.#inner = inner;
  }

  /** Resolves when it has been closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Lets nothing more through but an end: as if the other end had just gone. */
  cut(): void {
    this.#isCut = true;
  }

  async read(into: Uint8Array): Promise<number | null> {
    const length = await this.#inner.read(into);
    return this.#isCut ? null : length;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#inner.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#closed.resolve();
    this.#inner.close();
  }
}

/** Returns both ends of a connection over loopback. */
export async function connectPair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const accepted = await listener.accept();
  for (const end of [client, accepted]) end.setNoDelay(true);
  return [client, accepted];
}

/** Reads to the end. */
export async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (let length; (length = await stream.read(buffer)) !== null;) {
    chunks.push(buffer.slice(0, length));
  }
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}
