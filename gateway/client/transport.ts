/**
 * The connection of a client: gRPC over HTTP/2, over mutual TLS or, where it is registered so,
 * without TLS.
 *
 * @module
 */

import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { checkDates } from "../../drivers/system/pki/check_dates.ts";
import { CodedError } from "../../proto/errors.ts";
import { CLIENT_PING_MS, CLIENT_PING_MS_MAX } from "../../proto/limits.ts";
import type { TlsFiles } from "./resolve_gateway.ts";

/** A certificate of the client cannot be read. */
export class CertificateError extends CodedError {
  override readonly name = "CertificateError";
  override readonly code = "failed_precondition";

  constructor(gateway: string, file: string, options: ErrorOptions) {
    super(`Cannot reach gateway "${gateway}": its certificate "${file}" cannot be read`, {
      ...options,
      hint: 'Add the gateway again with "openshell gateway add", which imports its certificates',
    });
  }
}

/** One connection. It is dialled by the first call. */
export interface ClientConnection {
  readonly transport: Transport;
  close(): void;
}

export interface ConnectionOptions {
  readonly gateway: string;
  readonly endpoint: string;
  readonly tls: TlsFiles | null;
  /** Does not check the gateway's certificate. */
  readonly insecure: boolean;
}

/**
 * @throws {CertificateError}
 * @throws {CertificateDateError}
 */
export async function openConnection(options: ConnectionOptions): Promise<ClientConnection> {
  const { endpoint } = options;
  const nodeOptions = options.tls === null ? {} : await readTls(options, options.tls);
  const pings = {
    pingIntervalMs: CLIENT_PING_MS,
    pingTimeoutMs: CLIENT_PING_MS_MAX,
    pingIdleConnection: true,
  };
  const sessionManager = new Http2SessionManager(endpoint, pings, nodeOptions);
  const transport = createGrpcTransport({ baseUrl: endpoint, sessionManager });
  return { transport, close: () => sessionManager.abort() };
}

async function readTls(
  { gateway, insecure }: ConnectionOptions,
  tls: TlsFiles,
): Promise<Readonly<Record<string, string | boolean>>> {
  const [ca, cert, key] = await Promise.all(
    [tls.ca, tls.certificate, tls.key].map((file) => readPem(gateway, file)),
  );
  // Without the check of the gateway's certificate, its authority does not matter.
  if (!insecure) checkDates(tls.ca, ca!);
  checkDates(tls.certificate, cert!);
  return { ca: ca!, cert: cert!, key: key!, ...insecure ? { rejectUnauthorized: false } : {} };
}

async function readPem(gateway: string, file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new CertificateError(gateway, file, { cause });
  }
}
