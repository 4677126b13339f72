/**
 * Forwards that go on in the background: a process of ours each, and a file that names it.
 *
 * @module
 */

import type { SandboxView } from "../../gateway/client/types.ts";
import { CodedError } from "../../proto/errors.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { configFolderOf } from "../folders.ts";
import { gatewayChoice } from "../gateway_access.ts";
import type { ListenAddress } from "../sandbox/parse_values.ts";

/** Time for a forward to listen, in milliseconds. */
const START_MS_MAX = 10_000;

/** Between two looks, in milliseconds. */
const LOOK_MS = 50;

/** A file that names a forward, in bytes. */
const FILE_BYTES_MAX = 1024;

/** A port cannot be forwarded. */
export class ForwardError extends CodedError {
  override readonly name = "ForwardError";
  override readonly code = "failed_precondition";
}

/** A forward as its file describes it. */
export interface BackgroundForward {
  readonly file: string;
  readonly sandbox: string;
  readonly port: number;
  readonly pid: number;
  readonly sandboxId: string;
  readonly bind: string;
  readonly isRunning: boolean;
}

/** Words that only a forward of ours has in its command line. */
const MARK: readonly string[] = ["forward", "start"];

/**
 * Makes sure that nothing listens there yet.
 *
 * @throws {ForwardError}
 */
export function checkPortIsFree({ host, port }: ListenAddress): void {
  try {
    Deno.listen({ hostname: host, port }).close();
  } catch (cause) {
    throw cannotListen({ host, port }, cause);
  }
}

/** Returns the error for an address that could not be listened on. */
export function cannotListen({ host, port }: ListenAddress, cause: unknown): ForwardError {
  const reason = cause instanceof Deno.errors.AddrInUse
    ? "another program uses it"
    : cause instanceof Deno.errors.PermissionDenied
    ? "permission is denied"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new ForwardError(`Cannot forward port ${port} on ${host}: ${reason}`, {
    cause,
    hint: 'Run "openshell forward list" for those of ours, or choose another address',
  });
}

/**
 * Starts a forward in the background and waits until it listens.
 *
 * @throws {ForwardError} when it does not
 */
export async function startBackgroundForward(
  invocation: Invocation,
  { address, sandbox }: { readonly address: ListenAddress; readonly sandbox: SandboxView },
): Promise<void> {
  const { context } = invocation;
  const { machine, files } = context;
  checkPortIsFree(address);
  const folder = forwardsFolder(context);
  await files.makeFolder(folder);
  const { host, port } = address;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  const command = [
    ...machine.command,
    ...MARK,
    `${shownHost}:${port}`,
    sandbox.name,
    "--workspace",
    sandbox.workspace,
    ...gatewayArguments(invocation),
  ];
  const base = `${folder}/${sandbox.name}-${port}`;
  const pid = await machine.spawnDetached(command, `${base}.log`);
  const record = `${pid}\t${sandbox.id}\t${host}\n`;
  await files.write(`${base}.pid`, new TextEncoder().encode(record));
  for (let waited = 0; waited < START_MS_MAX; waited += LOOK_MS) {
    if (await answers(address)) return;
    if (machine.commandLine(pid) === null) break;
    await machine.sleep(LOOK_MS);
  }
  machine.terminate(pid);
  await files.remove(`${base}.pid`);
  throw new ForwardError(`Cannot forward port ${port} of "${sandbox.name}": it did not start`, {
    hint: `Read "${base}.log" for the reason`,
  });
}

/** Returns all forwards that files describe. */
export async function listForwards(context: Context): Promise<readonly BackgroundForward[]> {
  const folder = configFolderOf(context) === null ? null : forwardsFolder(context);
  if (folder === null) return [];
  const found: BackgroundForward[] = [];
  for (const name of await context.files.list(folder)) {
    const forward = await readForward(context, folder, name);
    if (forward !== null) found.push(forward);
  }
  return found;
}

/** Ends a forward, where its process still is one, and forgets it. */
export async function stopForward(context: Context, forward: BackgroundForward): Promise<void> {
  if (forward.isRunning) context.machine.terminate(forward.pid);
  await context.files.remove(forward.file);
  await context.files.remove(forward.file.replace(/\.pid$/, ".log"));
}

/** Ends all forwards of a sandbox that goes away. */
export async function stopForwardsOf(
  context: Context,
  { name }: Pick<SandboxView, "name">,
): Promise<void> {
  for (const forward of await listForwards(context)) {
    if (forward.sandbox === name) await stopForward(context, forward);
  }
}

async function readForward(
  { files, machine }: Context,
  folder: string,
  name: string,
): Promise<BackgroundForward | null> {
  const [, sandbox, port] = /^(.+)-(\d{1,5})\.pid$/.exec(name) ?? [];
  if (sandbox === undefined) return null;
  const file = `${folder}/${name}`;
  const text = new TextDecoder().decode(await files.read(file, FILE_BYTES_MAX));
  const [pidText = "", sandboxId = "", bind = ""] = text.trimEnd().split("\t");
  const pid = /^\d{1,9}$/.test(pidText) ? Number(pidText) : 0;
  const words = pid > 1 ? machine.commandLine(pid) ?? [] : [];
  // The number may belong to another program by now.
  const isRunning = MARK.every((word) => words.includes(word)) && words.includes(sandbox) &&
    words.some((word) => word.endsWith(`:${port}`));
  return { file, sandbox, port: Number(port), pid, sandboxId, bind, isRunning };
}

function gatewayArguments(invocation: Invocation): readonly string[] {
  const { endpoint, name, insecure } = gatewayChoice(invocation);
  return [
    ...endpoint === undefined ? [] : ["--gateway-endpoint", endpoint],
    ...name === undefined ? [] : ["--gateway", name],
    ...insecure ? ["--gateway-insecure"] : [],
  ];
}

async function answers({ host, port }: ListenAddress): Promise<boolean> {
  const hostname = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function forwardsFolder(context: Context): string {
  const folder = configFolderOf(context);
  if (folder === null) {
    throw new ForwardError("Cannot forward in the background: HOME is not set", {
      hint: "Set HOME, or leave out -d",
    });
  }
  return `${folder}/forwards`;
}
