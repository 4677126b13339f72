/**
 * What the egress pipeline asks of the outside, so that tests can stand in for it.
 *
 * @module
 */

import type { ByteStream } from "./byte_stream.ts";
import type { BufferedStream } from "./http1/buffered_stream.ts";
import type { CallerIdentity, ClientAddress } from "./identity/caller_identifier.ts";

/** A connection that the proxy has accepted; `Deno.TcpConn` is one. */
export interface AcceptedConnection extends ByteStream {
  readonly remoteAddr: ClientAddress;
  setNoDelay(noDelay: boolean): void;
}

/** `CallerIdentifier` is one. Never rejects. */
export interface IdentifierPort {
  identify(from: ClientAddress): Promise<CallerIdentity>;
}

/** All addresses of a host, or why there are none, as one sentence. */
export type Resolution =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly detail: string };

/** Resolves a canonical host. Never rejects. `HostResolver.resolve` is one. */
export type ResolvePort = (host: string) => Promise<Resolution>;

export interface DialTarget {
  /** Addresses that were judged. No other one is dialled. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly signal: AbortSignal;
}

/** A connection and the address that it goes to. */
export interface Dialled {
  readonly connection: ByteStream;
  readonly address: string;
}

/** Connects to one of the addresses; rejects where none answers. `dial` is one. */
export type DialPort = (target: DialTarget) => Promise<Dialled>;

/** TLS on both sides: `TlsTerminator.terminate`, and `connectTls`. */
export interface TlsPort {
  /** Completes a handshake with the program; its first bytes are still to be read. */
  terminate(client: ByteStream, host: string, signal: AbortSignal): Promise<ByteStream>;
  /** Completes a handshake with the server, over what {@link DialPort} returned and nothing else. */
  connect(connection: ByteStream, host: string, signal: AbortSignal): Promise<ByteStream>;
}

/** A tunnel to the place of model calls, which is not said to stand yet. */
export interface InferenceTunnel {
  readonly client: BufferedStream;
  readonly from: ClientAddress;
  readonly signal: AbortSignal;
}

/** Serves model calls, whatever the policy says: the operator has decided. `InferenceRouter` is one. */
export interface InferencePort {
  serve(tunnel: InferenceTunnel): Promise<void>;
}
