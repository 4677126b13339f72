/**
 * The upstream side of one connection: dialled when the connection is made, used when something is
 * allowed to go there, dialled anew when a server has ended it meanwhile.
 *
 * INVARIANT: it goes to the addresses that were judged, and TLS is with the host that was judged.
 *
 * @module
 */

import { UPSTREAM_UNUSED_MS_MAX } from "../../../proto/egress_limits.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { LiveConnection } from "./live_connection.ts";
import type { Dialled, DialPort, TlsPort } from "./ports.ts";
import { closeQuietly } from "./raw_relay.ts";

export interface UpstreamOptions {
  readonly live: LiveConnection;
  readonly dialled: Dialled;
  readonly dial: DialPort;
  /** Speaks TLS with the server; `null` for plain bytes. */
  readonly tls: Pick<TlsPort, "connect"> | null;
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

/** What became of the first connection. */
type Settled = { readonly stream: ByteStream } | { readonly error: unknown };

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #now: () => number;
  readonly #dialledAt: number;
  /** Dialled, and nothing was said yet. */
  #unused: Dialled | null;
  /** Its TLS is under way, or done. */
  #first: Promise<Settled> | null = null;
  /** Ready to be handed out. */
  #ready: ByteStream | null = null;
  #address: string;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#dialledAt = this.#now();
    this.#unused = options.dialled;
    this.#address = options.dialled.address;
  }

  /** The address that was dialled last. */
  get address(): string {
    return this.#address;
  }

  /** Begins TLS with the server, to be done when the first request is there. */
  start(): void {
    const dialled = this.#unused;
    if (dialled === null) return;
    this.#unused = null;
    this.#first = this.#secure(dialled).then((stream) => ({ stream }), (error) => ({ error }));
  }

  /**
   * Makes the first connection ready, so that a failure can be told before anything is sent. Later
   * ones are made by {@link open}.
   *
   * @throws {CodedError} of dialling or of TLS.
   */
  async prepare(): Promise<void> {
    this.start();
    if (this.#first === null) return;
    const isOld = this.#now() - this.#dialledAt > UPSTREAM_UNUSED_MS_MAX;
    if (isOld) this.#closeFirst();
    const settled = isOld ? { stream: await this.#connect() } : await this.#first;
    this.#first = null;
    if ("error" in settled) throw settled.error;
    if (!this.#options.signal.aborted) this.#ready = settled.stream;
    else closeQuietly(settled.stream);
  }

  /** Hands out a connection. */
  async open(): Promise<ByteStream> {
    await this.prepare();
    const ready = this.#ready;
    this.#ready = null;
    return ready ?? await this.#connect();
  }

  /** Closes what was not handed out. */
  close(): void {
    this.#closeFirst();
    if (this.#unused !== null) closeQuietly(this.#unused.connection);
    if (this.#ready !== null) closeQuietly(this.#ready);
    this.#unused = this.#ready = null;
  }

  #closeFirst(): void {
    void this.#first?.then((settled) => {
      if ("stream" in settled) closeQuietly(settled.stream);
    });
    this.#first = null;
  }

  async #connect(): Promise<ByteStream> {
    const { dial, live, signal } = this.#options;
    const { addresses, target } = live;
    const dialled = await dial({ addresses, port: target.port, signal });
    this.#address = dialled.address;
    return await this.#secure(dialled);
  }

  async #secure({ connection }: Dialled): Promise<ByteStream> {
    const { tls, live, signal } = this.#options;
    return tls === null ? connection : await tls.connect(connection, live.target.host, signal);
  }
}
