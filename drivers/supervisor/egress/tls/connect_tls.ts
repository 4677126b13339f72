/**
 * Speaks TLS as a client with a server, and makes sure that it is the one that was asked for.
 *
 * Whom to trust is fixed when the process starts, by its environment; Deno 2.9 goes by it like so:
 *
 * - `DENO_TLS_CA_STORE=system` with `SSL_CERT_FILE=<bundle>`: exactly what the bundle holds. This is
 *   what a supervisor should start with: `upstreamTrustEnvironment()` returns it. `SSL_CERT_FILE`
 *   without the store is ignored, and `SSL_CERT_DIR` always.
 * - Neither: the authorities that come with Deno.
 * - `DENO_CERT` and `NODE_EXTRA_CA_CERTS` add to either. Whoever starts a supervisor decides about
 *   them as about a trusted authority.
 * - A file that is named and missing fails every connection (`trust_store`): closed, not open.
 *
 * The bundle is read once, with the first connection (some 2 ms). Passing the same certificates with
 * each call would cost 0.7 ms more a connection.
 *
 * @module
 */

import type { ByteStream } from "../byte_stream.ts";
import { TLS_HANDSHAKE_MS_MAX } from "../../../../proto/egress_limits.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import { TlsTruncatedError, UpstreamTlsError, type UpstreamTlsProblem } from "./tls_error.ts";

export interface ConnectTlsOptions {
  /** Trusted besides those of the process. */
  readonly caCerts?: readonly string[];
  readonly handshakeMsMax?: number;
}

/**
 * Completes a handshake over a fresh connection, which belongs to the stream from here on, and is
 * closed when this throws.
 *
 * Reading throws a `TlsTruncatedError` when the server is gone without the end of TLS.
 *
 * @param host Canonical: a name, or an address without brackets.
 * @throws {UpstreamTlsError}
 */
export async function connectTls(
  connection: Deno.TcpConn,
  host: string,
  signal?: AbortSignal,
  { caCerts = [], handshakeMsMax = TLS_HANDSHAKE_MS_MAX }: ConnectTlsOptions = {},
): Promise<ByteStream> {
  using limit = new HandshakeLimit(handshakeMsMax, signal);
  let tls: Deno.TlsConn | null = null;
  try {
    // A request is often less than a packet, and would wait for the answer to the one before.
    connection.setNoDelay(true);
    const own = caCerts.length === 0 ? {} : { caCerts: [...caCerts] };
    tls = await Deno.startTls(connection, { hostname: host, alpnProtocols: ["http/1.1"], ...own });
    const started = tls;
    limit.onReached(() => started[Symbol.dispose]());
    await started.handshake();
    if (limit.reached !== null) throw upstreamError(host, limit, null);
    return new UpstreamStream(started, host);
  } catch (error) {
    tls?.[Symbol.dispose]();
    connection[Symbol.dispose]();
    throw error instanceof UpstreamTlsError ? error : upstreamError(host, limit, error);
  }
}

class UpstreamStream implements ByteStream {
  readonly #tls: Deno.TlsConn;
  readonly #host: string;

  constructor(tls: Deno.TlsConn, host: string) {
    this.#tls = tls;
    this.#host = host;
  }

  async read(into: Uint8Array): Promise<number | null> {
    try {
      return await this.#tls.read(into);
    } catch (error) {
      if (!(error instanceof Deno.errors.UnexpectedEof)) throw error;
      throw new TlsTruncatedError(this.#host, { cause: error });
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#tls.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#tls.closeWrite();
  }

  close(): void {
    this.#tls[Symbol.dispose]();
  }
}

interface Fault {
  /** What the text of the TLS library holds: it has no codes. */
  readonly pattern: RegExp;
  readonly problem: UpstreamTlsProblem;
  readonly detail: string;
  readonly hint?: string;
}

/** The first that matches. What no pattern matches is the handshake's. */
const FAULTS: readonly Fault[] = [
  {
    pattern: /not valid for name|NotValidForName|invalid (DNS|server)? ?name|Invalid hostname/i,
    problem: "name_mismatch",
    detail: "its certificate is for another name",
  },
  {
    pattern: /certificate expired|peer certificate: Expired/i,
    problem: "expired",
    detail: "its certificate has expired",
    hint: "Check the clock of this machine if other servers fail too",
  },
  {
    pattern: /not valid yet|NotValidYet/i,
    problem: "not_yet_valid",
    detail: "its certificate is not valid yet",
    hint: "Check the clock of this machine",
  },
  {
    pattern: /UnknownIssuer/,
    problem: "unknown_issuer",
    detail: "its certificate is from an authority that this machine does not trust",
    hint: "Add the authority to the certificates of the machine, or name a bundle in SSL_CERT_FILE",
  },
  {
    pattern: /invalid peer certificate/i,
    problem: "bad_certificate",
    detail: "its certificate cannot be used",
  },
  {
    pattern: /platform certificates|CA file|certificate store/i,
    problem: "trust_store",
    detail: "the certificates of this machine cannot be read",
    hint: "Check the files named by SSL_CERT_FILE, DENO_CERT and NODE_EXTRA_CA_CERTS",
  },
];

function upstreamError(host: string, limit: HandshakeLimit, cause: unknown): UpstreamTlsError {
  switch (limit.reached) {
    case "timeout":
      return new UpstreamTlsError(host, "timeout", "the handshake took too long", { cause });
    case "aborted":
      return new UpstreamTlsError(host, "aborted", "it is not wanted any more", { cause });
  }
  const text = cause instanceof Error ? cause.message : "";
  const fault = FAULTS.find(({ pattern }) => pattern.test(text));
  if (fault === undefined) {
    return new UpstreamTlsError(host, "handshake", "the handshake failed", { cause });
  }
  const { problem, detail, hint } = fault;
  return new UpstreamTlsError(
    host,
    problem,
    detail,
    hint === undefined ? { cause } : {
      cause,
      hint,
    },
  );
}
