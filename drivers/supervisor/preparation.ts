/**
 * What a supervisor does ahead of need, so that its sandbox does not wait for it.
 *
 * Nothing here knows the sandbox: what is made belongs to whichever one comes, and to no other.
 *
 * @module
 */

import { compilePolicy } from "../../policy-wasm/compile.ts";
import { Evaluator } from "../../policy-wasm/evaluator.ts";
import type { GatewayAccess } from "./assignment.ts";
import { SandboxAuthority } from "./egress/tls/sandbox_authority.ts";
import { startJailThread } from "./launch/jail.ts";
import { readPolicy } from "./read_policy.ts";
import { connectToGateway, type GatewayConnection } from "./session/gateway_connection.ts";

/** A policy that is read and compiled once, so that the code for it is warm. */
const WARM_UP = "version: 1\nnetwork_policies:\n  a:\n" +
  "    endpoints: [{host: a.example, port: 443, protocol: rest, access: read-only}]\n" +
  "    binaries: [{path: /bin/a}]\n";

export interface Preparation {
  readonly authority: Promise<SandboxAuthority>;
  readonly thread: ReturnType<typeof startJailThread>;
  /** A connection that stands already, once; `null` where there is none. */
  takeConnection(): Promise<GatewayConnection | null>;
  /** The token that the connection shows from now on. */
  useToken(token: string): void;
  /** Ends what nobody has taken. */
  dispose(): void;
}

/** Starts everything; waits for nothing. */
export function prepare(gateway: GatewayAccess): Preparation {
  const authority = SandboxAuthority.create();
  authority.catch(() => {});
  let token = "";
  let connecting: Promise<GatewayConnection | null> | null = dialAhead(gateway, () => token);
  const thread = startJailThread();
  new Evaluator(compilePolicy(readPolicy(new TextEncoder().encode(WARM_UP))).bytes);
  return {
    authority,
    thread,
    async takeConnection() {
      const taken = connecting;
      connecting = null;
      return await taken;
    },
    useToken(given) {
      token = given;
    },
    dispose() {
      thread.end();
      void connecting?.then((connection) => connection?.close());
    },
  };
}

/** A gateway that cannot be reached now is dialled again when there is a sandbox. */
async function dialAhead(
  gateway: GatewayAccess,
  token: () => string,
): Promise<GatewayConnection | null> {
  let connection: GatewayConnection | null = null;
  try {
    connection = await connectToGateway(gateway, token);
    await connection.openshell.health({}, { timeoutMs: 2_000 });
    return connection;
  } catch {
    connection?.close();
    return null;
  }
}
