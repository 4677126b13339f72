/**
 * A gateway by its port: gRPC, by mutual TLS or, where it is registered so, without.
 *
 * @module
 */

import { createGateway } from "./gateway_client.ts";
import type { TlsFiles } from "./resolve_gateway.ts";
import { openConnection } from "./transport.ts";
import type { Gateway } from "./types.ts";

export interface PortGatewayOptions {
  readonly name: string;
  readonly endpoint: string;
  readonly auth: "mtls" | "plaintext";
  /** `null` for plaintext. */
  readonly tls: TlsFiles | null;
  readonly insecure: boolean;
}

/** Returns a gateway that is dialled by the first call. @throws {CertificateError} */
export async function openPortGateway(options: PortGatewayOptions): Promise<Gateway> {
  const { name, endpoint, auth, tls, insecure } = options;
  const { transport, close } = await openConnection({ gateway: name, endpoint, tls, insecure });
  return createGateway({ name, endpoint, auth, transport, close });
}
