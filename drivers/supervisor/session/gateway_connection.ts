/**
 * The supervisor's way to its gateway: gRPC over mutual TLS, dialled by the supervisor alone.
 *
 * @module
 */

import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { CodedError } from "../../../proto/errors.ts";
import { HEARTBEAT_MS } from "../../../proto/limits.ts";
import { Supervisors } from "../../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { OpenShell } from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import { checkDates } from "../../system/pki/check_dates.ts";
import type { GatewayAccess } from "../assignment.ts";

/** One HTTP/2 connection. */
export interface GatewayConnection {
  readonly openshell: Client<typeof OpenShell>;
  readonly supervisors: Client<typeof Supervisors>;
  close(): void;
}

/** The gateway cannot be found. */
export class GatewayAddressError extends CodedError {
  override readonly name = "GatewayAddressError";
  override readonly code = "unavailable";

  constructor(file: string, options?: ErrorOptions) {
    super(`Cannot find the gateway: "${file}" should name its endpoint`, options);
  }
}

/**
 * Makes a connection; it is dialled by the first call.
 *
 * @throws {GatewayAddressError}
 * @throws {CertificateDateError}
 */
export async function connectToGateway(
  access: GatewayAccess,
  token: () => string,
): Promise<GatewayConnection> {
  const endpoint = await readEndpoint(access.endpointFile);
  const [ca, cert, key] = await Promise.all(
    [access.caFile, access.certificateFile, access.keyFile].map((file) => Deno.readTextFile(file)),
  );
  checkDates(access.caFile, ca!);
  checkDates(access.certificateFile, cert!);
  const nodeOptions = { ca: ca!, cert: cert!, key: key! };
  const pings = { pingIntervalMs: HEARTBEAT_MS, pingTimeoutMs: HEARTBEAT_MS };
  const sessionManager = new Http2SessionManager(endpoint, pings, nodeOptions);
  const authenticate: Interceptor = (next) => (request) => {
    if (token() === "") return next(request);
    request.header.set("authorization", `Bearer ${token()}`);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: endpoint,
    sessionManager,
    interceptors: [authenticate],
  });
  return {
    openshell: createClient(OpenShell, transport),
    supervisors: createClient(Supervisors, transport),
    close: () => sessionManager.abort(),
  };
}

async function readEndpoint(file: string): Promise<string> {
  try {
    const { endpoint } = JSON.parse(await Deno.readTextFile(file));
    if (typeof endpoint === "string" && URL.canParse(endpoint)) return endpoint;
  } catch (error) {
    throw new GatewayAddressError(file, { cause: error });
  }
  throw new GatewayAddressError(file);
}
