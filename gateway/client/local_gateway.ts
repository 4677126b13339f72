/**
 * The gateway of this machine: found by the file that it writes, and started when it is needed.
 *
 * Two commands may start one at the same time. The gateway holds a lock, so one of the two ends at
 * once; both commands only wait for the file to lead to a gateway that answers.
 *
 * @module
 */

import { dirname } from "node:path";
import { CodedError } from "../../proto/errors.ts";
import {
  GATEWAY_LOG_BYTES_MAX,
  LOCAL_PROBE_MS_MAX,
  LOCAL_START_MS_MAX,
  METADATA_BYTES_MAX,
} from "../../proto/limits.ts";
import { makePrivateFolder, readTextOrNull } from "./paths.ts";
import { isEndpoint } from "./registrations.ts";
import type { LocalTarget } from "./resolve_gateway.ts";
import { createSocketGateway } from "./socket_gateway.ts";
import type { Gateway, Health } from "./types.ts";

/** Lines of the log that an error shows. */
const LOG_LINES_SHOWN = 8;

/** Between two looks, in milliseconds. */
const LOOK_MS = 50;

/** Time for another gateway to answer after ours has ended, as when it lost the race. */
const RACE_MS_MAX = 5_000;

/** What the gateway writes when it listens. */
export interface LocalEndpoint {
  readonly endpoint: string;
  readonly pid: number;
  readonly version: string;
}

/** The local gateway could not be started. */
export class GatewayStartError extends CodedError {
  override readonly name = "GatewayStartError";
  override readonly code = "unavailable";

  constructor(reason: string, log: string, logFile: string) {
    const tail = log === "" ? "" : `The last it said, in "${logFile}":\n${log}\n`;
    super(`Cannot start the local gateway: ${reason}`, {
      hint: `${tail}Run "openshell doctor" to see what this machine lacks`,
    });
  }
}

export interface StartPorts {
  /** Starts the gateway so that it outlives us; resolves when it has ended. */
  readonly spawn: (logFile: string) => Promise<{ readonly ended: Promise<number> }>;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Tells the person that it takes a moment. */
  readonly onStart: () => void;
  /** Returns a gateway that answers, `null` where none does. */
  readonly find: () => Promise<Gateway | null>;
}

/** Folder of the gateway's own files. */
export function gatewayStateFolder(stateFolder: string): string {
  return `${stateFolder}/gateway`;
}

export function endpointFile(stateFolder: string): string {
  return `${gatewayStateFolder(stateFolder)}/endpoint.json`;
}

/** Where it listens for who may enter the folder: see `gateway/rpc/server.ts`. */
export function socketFile(stateFolder: string): string {
  return `${gatewayStateFolder(stateFolder)}/gateway.sock`;
}

export function logFileOf(stateFolder: string): string {
  return `${gatewayStateFolder(stateFolder)}/gateway.log`;
}

/** Returns where the local gateway last listened, `null` where nothing readable says so. */
export async function readLocalEndpoint(stateFolder: string): Promise<LocalEndpoint | null> {
  const text = await readTextOrNull(endpointFile(stateFolder));
  if (text === null || text.length > METADATA_BYTES_MAX) return null;
  try {
    const { endpoint, pid, version } = JSON.parse(text) as Partial<LocalEndpoint>;
    if (typeof endpoint !== "string" || !isEndpoint(endpoint)) return null;
    if (!Number.isSafeInteger(pid) || pid! <= 1) return null;
    return { endpoint, pid: pid!, version: String(version ?? "") };
  } catch {
    // A file that cannot be read is as good as none: the gateway that starts replaces it.
    return null;
  }
}

/** Returns the local gateway where it answers, `null` where it does not. Never starts it. */
export async function findLocalGateway(
  target: LocalTarget,
  insecure: boolean,
): Promise<Gateway | null> {
  const found = await readLocalEndpoint(target.stateFolder);
  if (found === null) return null;
  const { name, tls } = target;
  const { endpoint } = found;
  const port = { name, endpoint, auth: "mtls" as const, tls, insecure };
  const openPort = async () => {
    const { openPortGateway } = await import("./port_gateway.ts");
    return await openPortGateway(port);
  };
  const socket = socketFile(target.stateFolder);
  if (await isAlive(found.pid) && await isListening(socket)) {
    return createSocketGateway({ name, endpoint, socket, openPort });
  }
  try {
    const gateway = await openPort();
    if (await answers(gateway) !== null) return gateway;
    gateway.close();
    return null;
  } catch (error) {
    // Certificates that are not there yet: no gateway has ever started here.
    if (error instanceof CodedError) return null;
    throw error;
  }
}

/** A supervisor inherits the socket: it accepts for a gateway that was killed, and never answers. */
async function isAlive(pid: number): Promise<boolean> {
  return await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
}

/**
 * A socket that nobody listens on is left of a gateway that was killed. Nothing proves who listens
 * on one, so it counts only where nobody but this user can have put it there.
 */
async function isListening(socket: string): Promise<boolean> {
  try {
    const [folder, file] = await Promise.all([Deno.lstat(dirname(socket)), Deno.lstat(socket)]);
    const isPrivate = folder.isDirectory && ((folder.mode ?? 0o777) & 0o077) === 0;
    const own = Deno.uid();
    if (!isPrivate || folder.uid !== own || file.uid !== own) return false;
    const connection = await Deno.connect({ transport: "unix", path: socket });
    connection.close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts the local gateway and waits until one answers.
 *
 * @throws {GatewayStartError}
 */
export async function startLocalGateway(
  { stateFolder }: LocalTarget,
  ports: StartPorts,
): Promise<Gateway> {
  const logFile = logFileOf(stateFolder);
  await makePrivateFolder(gatewayStateFolder(stateFolder));
  await makeWay(logFile);
  const logStart = await sizeOf(logFile);
  ports.onStart();
  const { ended } = await ports.spawn(logFile);
  let exitCode: number | null = null;
  void ended.then((code) => exitCode = code);
  const start = ports.now();
  let deadline = start + LOCAL_START_MS_MAX;
  let hasShortened = false;
  while (ports.now() < deadline) {
    const gateway = await ports.find();
    if (gateway !== null) return gateway;
    if (exitCode !== null && !hasShortened) {
      hasShortened = true;
      deadline = Math.min(deadline, ports.now() + RACE_MS_MAX);
    }
    await ports.sleep(LOOK_MS);
  }
  const reason = exitCode === null
    ? `it did not answer within ${LOCAL_START_MS_MAX / 1000} seconds`
    : `it ended with exit code ${exitCode}`;
  throw new GatewayStartError(reason, await tailOf(logFile, logStart), logFile);
}

/**
 * Starts a program of ours in a session of its own, with its output in a file.
 *
 * `sh` opens the file, since the runtime can only inherit or pipe.
 */
export function spawnDetached(
  command: readonly string[],
  logFile: string,
): { readonly pid: number; readonly ended: Promise<number> } {
  const script = 'umask 077; log=$1; shift; exec "$@" </dev/null >>"$log" 2>&1';
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", logFile, ...command],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  return { pid: child.pid, ended: child.status.then(({ code }) => code) };
}

async function answers(gateway: Gateway): Promise<Health | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), LOCAL_PROBE_MS_MAX);
  try {
    return await Promise.race([gateway.health(), late.promise]);
  } catch (error) {
    if (error instanceof CodedError) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps one older log, so that nothing grows without a bound. */
async function makeWay(logFile: string): Promise<void> {
  if (await sizeOf(logFile) > GATEWAY_LOG_BYTES_MAX) await Deno.rename(logFile, `${logFile}.1`);
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await Deno.stat(file)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

async function tailOf(file: string, start: number): Promise<string> {
  const text = await readTextOrNull(file) ?? "";
  const own = new TextDecoder().decode(new TextEncoder().encode(text).subarray(start));
  return own.trimEnd().split("\n").slice(-LOG_LINES_SHOWN).map((line) => `  ${line}`).join("\n")
    .trimEnd();
}
