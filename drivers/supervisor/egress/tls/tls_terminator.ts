/**
 * Speaks TLS as a server with a program in the sandbox, under the name that the program asked for.
 *
 * Deno terminates TLS only on connections that it has accepted itself, on a port, and only there in
 * native code. So each connection takes a hop within this process: a listener on loopback with the
 * certificate, one connection to it, and two loops that carry encrypted bytes. Nothing else gets
 * in: what connects from another port is closed, and the listener lives for that one connection.
 *
 * Measured against `node:tls` over a stream (relay with TLS on both sides, two cores): 430 to 530
 * MB/s against 200 to 310, with the same number of handshakes a second and the same delay. A
 * listener that is kept for each host instead would save 0.1 ms a connection, for a cache, a table
 * of who waits, and a port that stays open.
 *
 * @module
 */

import { type ByteStream, writeAll } from "../byte_stream.ts";
import { TLS_DRAIN_MS_MAX, TLS_HANDSHAKE_MS_MAX } from "../../../../proto/egress_limits.ts";
import type { IssuedCertificate } from "../../../system/pki/certificate.ts";
import { CertificateRequestError } from "../../../system/pki/pki_error.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import { NoDelay } from "./no_delay_ffi.ts";
import { TlsTerminationError } from "./tls_error.ts";

/** Whoever has certificates: see `SandboxAuthority`. */
export interface LeafSource {
  leafFor(host: string): Promise<IssuedCertificate>;
}

export interface TlsTerminatorOptions {
  readonly authority: LeafSource;
  readonly handshakeMsMax?: number;
  readonly drainMsMax?: number;
}

/** Makes terminated connections. It holds no connection itself, only what it makes them with. */
export class TlsTerminator implements Disposable {
  readonly #authority: LeafSource;
  readonly #handshakeMsMax: number;
  readonly #drainMsMax: number;
  readonly #noDelay = new NoDelay();

  constructor(options: TlsTerminatorOptions) {
    this.#authority = options.authority;
    this.#handshakeMsMax = options.handshakeMsMax ?? TLS_HANDSHAKE_MS_MAX;
    this.#drainMsMax = options.drainMsMax ?? TLS_DRAIN_MS_MAX;
  }

  /**
   * Completes a handshake with whoever is at the other end of `client`, and returns what is inside.
   * The first bytes that `client` reads are those of the ClientHello.
   *
   * From here on `client` belongs to the stream that is returned, and is closed with it; also when
   * this throws. An end without the end of TLS is an end: a program may just be gone.
   *
   * @param host Canonical: a name, or an address without brackets.
   * @throws {TlsTerminationError}
   */
  async terminate(client: ByteStream, host: string, signal?: AbortSignal): Promise<ByteStream> {
    using limit = new HandshakeLimit(this.#handshakeMsMax, signal);
    const hop = await this.#openHop(host, limit).catch((error: unknown) => {
      closeQuietly(client);
      throw terminationError(host, limit, error);
    });
    const stream = new TerminatedStream(client, hop, this.#drainMsMax);
    limit.onReached(() => stream.close());
    try {
      await hop.tls.handshake();
    } catch (error) {
      // What TLS says about the fault is still delivered.
      stream.close();
      throw terminationError(host, limit, error);
    }
    if (limit.reached !== null) throw terminationError(host, limit, null);
    return stream;
  }

  /** Whoever is connected stays so. */
  close(): void {
    this.#noDelay.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #openHop(host: string, limit: HandshakeLimit): Promise<Hop> {
    const { certPem, keyPem } = await this.#authority.leafFor(host);
    const listener = this.#noDelay.listen(() =>
      Deno.listenTls({
        hostname: LOOPBACK,
        port: 0,
        cert: certPem,
        key: keyPem,
        alpnProtocols: ["http/1.1"],
      })
    );
    return await openHop(listener, limit);
  }
}

const LOOPBACK = "127.0.0.1";

/** Both ends of a connection from this process to itself. */
interface Hop {
  /** Encrypted bytes. */
  readonly raw: Deno.TcpConn;
  readonly tls: Deno.TlsConn;
}

/** Connects to the listener, which is closed then. */
async function openHop(listener: Deno.TlsListener, limit: HandshakeLimit): Promise<Hop> {
  limit.onReached(() => listener[Symbol.dispose]());
  let raw: Deno.TcpConn | null = null;
  try {
    const { port } = listener.addr as Deno.NetAddr;
    raw = await Deno.connect({ hostname: LOOPBACK, port, signal: limit.signal });
    raw.setNoDelay(true);
    return { raw, tls: await acceptFrom(listener, raw.localAddr) };
  } catch (error) {
    raw?.[Symbol.dispose]();
    throw error;
  } finally {
    listener[Symbol.dispose]();
  }
}

/** INVARIANT: nobody but this process is at the other end. Others on the machine could connect. */
async function acceptFrom(listener: Deno.TlsListener, from: Deno.NetAddr): Promise<Deno.TlsConn> {
  while (true) {
    const accepted = await listener.accept();
    const { hostname, port } = accepted.remoteAddr;
    if (hostname === from.hostname && port === from.port) return accepted;
    // Deno lets go of the socket once its handshake is over; nothing is read from it.
    accepted.close();
  }
}

/** What is inside of TLS, with the hop and the program's connection behind it. */
class TerminatedStream implements ByteStream {
  readonly #client: ByteStream;
  readonly #hop: Hop;
  readonly #drainMsMax: number;
  readonly #down: Promise<void>;
  #isClosed = false;

  constructor(client: ByteStream, hop: Hop, drainMsMax: number) {
    this.#drainMsMax = drainMsMax;
    this.#client = client;
    this.#hop = hop;
    void carryUp(client, hop.raw);
    this.#down = carryDown(hop.raw, client);
  }

  async read(into: Uint8Array): Promise<number | null> {
    try {
      return await this.#hop.tls.read(into);
    } catch (error) {
      if (error instanceof Deno.errors.UnexpectedEof) return null;
      throw error;
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#hop.tls.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#hop.tls.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#hop.tls[Symbol.dispose]();
    void this.#drain();
  }

  /** What was written before the end is on its way through the hop, and gets a moment. */
  async #drain(): Promise<void> {
    const late = setTimeout(() => this.#cut(), this.#drainMsMax);
    await this.#down;
    clearTimeout(late);
    this.#cut();
  }

  #cut(): void {
    closeQuietly(this.#client);
    this.#hop.raw[Symbol.dispose]();
  }
}

/** Carries from the program into TLS. Never rejects: TLS sees the end, however it came. */
async function carryUp(client: ByteStream, raw: Deno.TcpConn): Promise<void> {
  try {
    await carry(client, raw);
  } catch {
    // One of both is gone. For TLS that is the end of what comes.
  }
  try {
    await raw.closeWrite();
  } catch {
    // It is closed already.
  }
}

/** Carries from TLS to the program. Never rejects. */
async function carryDown(raw: Deno.TcpConn, client: ByteStream): Promise<void> {
  try {
    await carry(raw, client);
    await client.closeWrite();
  } catch {
    // Nothing can be delivered any more, so whoever still writes has to learn of it.
    raw[Symbol.dispose]();
  }
}

const BUFFER_BYTES_MIN = 16 * 1024;
const BUFFER_BYTES_MAX = 64 * 1024;

/** Carries bytes until one side ends. Idle connections hold a small buffer, busy ones a large one. */
async function carry(from: ByteStream, to: ByteStream): Promise<void> {
  let buffer = new Uint8Array(BUFFER_BYTES_MIN);
  while (true) {
    const length = await from.read(buffer);
    if (length === null) return;
    await writeAll(to, buffer.subarray(0, length));
    if (length === buffer.length && length < BUFFER_BYTES_MAX) {
      buffer = new Uint8Array(BUFFER_BYTES_MAX);
    }
  }
}

function closeQuietly(stream: ByteStream): void {
  try {
    stream.close();
  } catch {
    // It is closed already.
  }
}

function terminationError(
  host: string,
  limit: HandshakeLimit,
  cause: unknown,
): TlsTerminationError {
  const options = { cause };
  switch (limit.reached) {
    case "timeout":
      return new TlsTerminationError(host, "timeout", "the handshake took too long", options);
    case "aborted":
      return new TlsTerminationError(host, "aborted", "it is not wanted any more", options);
  }
  if (cause instanceof CertificateRequestError) {
    return new TlsTerminationError(host, "no_certificate", "no certificate can name it", options);
  }
  const detail = `the handshake failed: ${(cause as Error).message}`;
  return new TlsTerminationError(host, "handshake", detail, options);
}
