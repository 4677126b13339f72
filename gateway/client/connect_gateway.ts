/**
 * Opens the gateway that a person means.
 *
 * @module
 */

import { findLocalGateway, spawnDetached, startLocalGateway } from "./local_gateway.ts";
import type { Env } from "./paths.ts";
import { type GatewayTarget, type RemoteTarget, resolveGateway } from "./resolve_gateway.ts";
import type { Gateway, GatewayChoice } from "./types.ts";

export interface ConnectOptions extends GatewayChoice {
  readonly env: Env;
  /** Our own program and its leading arguments, to start the local gateway with. */
  readonly command: readonly string[];
  /** Tells the person that the local gateway is being started. */
  readonly onStart: () => void;
}

/** The gateway that is meant, and a connection to it; `null` where the local one does not run. */
export interface FoundGateway {
  readonly target: GatewayTarget;
  readonly gateway: Gateway | null;
}

/**
 * Opens the gateway that flags, environment and files name. The local one is started where it does
 * not answer.
 *
 * @throws {CodedError} when it cannot be found, read or started
 */
export async function connectGateway(options: ConnectOptions): Promise<Gateway> {
  const { target, gateway } = await findGateway(options);
  if (gateway !== null) return gateway;
  if (target.kind !== "local") return await openRegistered(target, options.insecure);
  return await startLocalGateway(target, {
    spawn: (logFile) => {
      const command = [...options.command, "gateway", "run", "--port", "auto"];
      return Promise.resolve(spawnDetached(command, logFile));
    },
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    onStart: options.onStart,
    find: () => findLocalGateway(target, options.insecure),
  });
}

/** As `connectGateway`, but starts nothing. */
export async function findGateway(
  options: GatewayChoice & Pick<ConnectOptions, "env">,
): Promise<FoundGateway> {
  const target = await resolveGateway(options.env, options);
  const gateway = target.kind === "local"
    ? await findLocalGateway(target, options.insecure)
    : await openRegistered(target, options.insecure);
  return { target, gateway };
}

async function openRegistered(target: RemoteTarget, insecure: boolean): Promise<Gateway> {
  // Loading it takes longer than a whole command that the local gateway answers.
  const { openPortGateway } = await import("./port_gateway.ts");
  return await openPortGateway({ ...target, insecure });
}
