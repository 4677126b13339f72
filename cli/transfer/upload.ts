/**
 * Sends files of this machine into a sandbox.
 *
 * @module
 */

import type { Gateway } from "../../gateway/client/types.ts";
import type { Context } from "../context.ts";
import { printableLine } from "../printable.ts";
import { toAbsolute } from "../sandbox/parse_values.ts";
import { listFiles, lstatOrNull } from "./list_files.ts";
import { type PackedFile, packFiles } from "./pack_files.ts";
import { runInSandbox } from "./run_in_sandbox.ts";
import { TransferError } from "./transfer_error.ts";

/** Unpacks its input below the first argument. */
const UNPACK = 'mkdir -p -- "$1" && exec tar -xf - -C "$1"';

export interface Upload {
  readonly sandboxId: string;
  /** Path on this machine. */
  readonly local: string;
  /** Path in the sandbox; empty is the workspace. */
  readonly remote: string;
  /** Sends what git ignores as well. */
  readonly all: boolean;
  /** Ends the upload; what has come to the sandbox stays there. */
  readonly signal?: AbortSignal;
}

/** What is sent where. */
export interface UploadPlan {
  /** Folder of the sandbox that the names are below. */
  readonly folder: string;
  readonly files: readonly PackedFile[];
}

/** @throws {TransferError} when there is nothing at the path */
export async function checkSource(context: Context, local: string): Promise<void> {
  if (await lstatOrNull(toAbsolute(local, context.machine.cwd())) === null) {
    throw new TransferError(`Cannot upload "${local}": it does not exist`, { code: "not_found" });
  }
}

/** Decides what goes where. A folder keeps its name; a single file goes to exactly its place. */
export async function planUpload(context: Context, upload: Upload): Promise<UploadPlan> {
  const { local, remote } = upload;
  await checkSource(context, local);
  const source = toAbsolute(local, context.machine.cwd());
  const base = source.slice(source.lastIndexOf("/") + 1);
  const info = await lstatOrNull(source);
  if (info?.isDirectory !== true) {
    const { folder, name } = placeFile(remote, base);
    return { folder, files: [{ source, name }] };
  }
  const { paths } = await listFiles(context, source, { all: upload.all });
  const below = (path: string) => base === "" ? path : `${base}/${path}`;
  const files = paths.map((path) => ({ source: `${source}/${path}`, name: below(path) }));
  const self = base === "" ? [] : [{ source, name: base }];
  return { folder: remote === "" ? "." : remote, files: [...self, ...files] };
}

/** Returns where a single file goes: a destination that ends in a slash is a folder. */
export function placeFile(
  remote: string,
  base: string,
): { readonly folder: string; readonly name: string } {
  const slash = remote.lastIndexOf("/");
  const isFolder = remote === "" || remote.endsWith("/") || slash === 0;
  if (isFolder) return { folder: remote === "" ? "." : remote, name: base };
  if (slash < 0) return { folder: ".", name: remote };
  return { folder: remote.slice(0, slash), name: remote.slice(slash + 1) };
}

/**
 * Sends the files. Returns how many.
 *
 * @throws {CodedError} when they cannot be read, sent or written
 */
export async function sendFiles(
  context: Context,
  gateway: Gateway,
  upload: Upload,
): Promise<number> {
  const { folder, files } = await planUpload(context, upload);
  const onSkipped = (source: string) =>
    context.stderr.write(`! Left out: ${printableLine(source)} is no file, folder or link\n`);
  const { code, stderr } = await runInSandbox(gateway, {
    sandboxId: upload.sandboxId,
    command: ["sh", "-c", UNPACK, "sh", folder],
    stdin: packFiles(files, onSkipped),
    ...upload.signal === undefined ? {} : { signal: upload.signal },
  });
  if (code === 0) return files.length;
  throw new TransferError(
    `Cannot upload "${upload.local}": tar in the sandbox ended with ${code}`,
    {
      hint: stderr === ""
        ? "The destination should be writable by the sandbox"
        : `It said: ${stderr}`,
    },
  );
}
