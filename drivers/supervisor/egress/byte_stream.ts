/**
 * A connection as the proxy sees it: bytes in, bytes out, half-close.
 *
 * `Deno.TcpConn` and `Deno.TlsConn` are byte streams as they are; tests use pairs in memory.
 *
 * @module
 */

export interface ByteStream {
  /** Reads some bytes into `into`; `null` at the end. At most one read at a time. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some bytes, at least one, and returns how many. At most one write at a time. */
  write(bytes: Uint8Array): Promise<number>;
  /** Says that nothing more will be written; reading goes on. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once; pending reads and writes fail. */
  close(): void;
}

/** Writes all bytes. */
export async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}
