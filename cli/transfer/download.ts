/**
 * Fetches files out of a sandbox.
 *
 * What comes is checked, written to a private folder beside the destination, and moved into place
 * only when all of it is there.
 *
 * @module
 */

import type { Gateway } from "../../gateway/client/types.ts";
import type { Context } from "../context.ts";
import { printableLine } from "../printable.ts";
import { toAbsolute } from "../sandbox/parse_values.ts";
import { Extractor } from "./extract_files.ts";
import { lstatOrNull } from "./list_files.ts";
import { mergeFolder } from "./merge_folder.ts";
import { findProtected, type ProtectedEntry } from "./protected_entries.ts";
import { runInSandbox } from "./run_in_sandbox.ts";
import { TransferError } from "./transfer_error.ts";

/** The only folder of a sandbox that files are fetched from. */
const WORKSPACE = "/sandbox";

/** Beyond it, only their number is told. */
const WARNINGS_MAX = 8;

/** Answer of `FIND`, in bytes: a path and a letter. */
const ANSWER_BYTES_MAX = 8 * 1024;

/** Prints where a path really is, and `d` or `f` for what is there. */
const FIND = 'path=$(realpath -- "$1" && printf x) || exit 1; path=${path%?x}; ' +
  '[ -e "$path" ] || { echo "it does not exist" >&2; exit 1; }; ' +
  'if [ -d "$path" ]; then kind=d; else kind=f; fi; printf "%s%s" "$kind" "$path"';

export interface Download {
  readonly sandboxId: string;
  /** Path in the sandbox. */
  readonly remote: string;
  /** Path on this machine. */
  readonly local: string;
  /** Writes also what programs of this machine run or trust without being asked. */
  readonly force?: boolean;
  /** Told, in a line, of what came that such programs would run or trust. */
  readonly onWarning?: (text: string) => void;
  /** Ends the download: nothing of it is then kept. */
  readonly signal?: AbortSignal;
}

interface Source {
  /** Absolute and real. */
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * Fetches a file to its destination, or what is in a folder into it. Returns where it went.
 *
 * @throws {CodedError} when it cannot be fetched; nothing is then written
 */
export async function fetchFiles(
  context: Context,
  gateway: Gateway,
  download: Download,
): Promise<string> {
  const source = await findSource(gateway, download);
  const target = toAbsolute(download.local, context.machine.cwd());
  try {
    return await fetchTo(target, gateway, { ...download, source });
  } catch (error) {
    throw isSystemError(error) ? cannotWrite(target, error) : error;
  }
}

async function fetchTo(
  target: string,
  gateway: Gateway,
  { source, ...download }: Download & { readonly source: Source },
): Promise<string> {
  const info = await statOrNull(target);
  const mustBeFolder = source.isFolder || download.local.endsWith("/");
  if (info !== null && !info.isDirectory && mustBeFolder) {
    throw new TransferError(`Cannot download to "${target}": it should be a folder`);
  }
  const goesInto = source.isFolder || info?.isDirectory === true || mustBeFolder;
  const parent = goesInto ? target : target.slice(0, target.lastIndexOf("/")) || "/";
  await Deno.mkdir(parent, { recursive: true });
  const staging = await Deno.makeTempDir({ dir: parent, prefix: ".openshell-" });
  try {
    await fetchInto(gateway, staging, { ...download, source });
    // A name that the person gave is meant; all others are the sandbox's.
    if (goesInto) await checkProtected(staging, target, download);
    if (source.isFolder) {
      await mergeFolder(staging, target);
      return target;
    }
    const name = source.path.slice(source.path.lastIndexOf("/") + 1);
    return await placeFile(`${staging}/${name}`, goesInto ? `${target}/${name}` : target);
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

/** Refuses before anything is moved. */
async function checkProtected(
  staging: string,
  target: string,
  { force = false, onWarning = () => {} }: Download,
): Promise<void> {
  const found = await findProtected(staging, target);
  const refused = found.find(({ isInOldFolder }) => isInOldFolder);
  if (refused !== undefined && !force) {
    throw new TransferError(`Cannot download to "${target}": ${sentenceOf(refused)}`, {
      code: "permission_denied",
      hint: 'Choose a new folder and look at what comes, or say "--force" to have it here',
    });
  }
  for (const entry of found.slice(0, WARNINGS_MAX)) {
    onWarning(`${sentenceOf(entry)}. Look at it before you work there`);
  }
  const more = found.length - WARNINGS_MAX;
  if (more > 0) onWarning(`${more} more entries are of that kind`);
}

function sentenceOf({ path, reason }: ProtectedEntry): string {
  return `"${printableLine(path)}" comes from the sandbox, and ${reason}`;
}

/** Says whether a path of a sandbox lies in its workspace. Both are absolute and real. */
export function isInWorkspace(path: string): boolean {
  return (path === WORKSPACE || path.startsWith(`${WORKSPACE}/`)) &&
    !/(^|\/)\.\.?(\/|$)/.test(path) && !path.includes("\0");
}

async function findSource(
  gateway: Gateway,
  { sandboxId, remote, signal }: Download,
): Promise<Source> {
  let answer = new Uint8Array();
  const { code, stderr } = await runInSandbox(gateway, {
    sandboxId,
    command: ["sh", "-c", FIND, "sh", remote],
    ...signal === undefined ? {} : { signal },
    onStdout(bytes) {
      if (answer.length + bytes.length > ANSWER_BYTES_MAX) throw cannotFind(remote, "");
      answer = Uint8Array.from([...answer, ...bytes]);
    },
  });
  const text = new TextDecoder().decode(answer);
  const path = text.slice(1);
  if (code !== 0 || !/^[df]\//.test(text)) throw cannotFind(remote, stderr);
  if (isInWorkspace(path)) return { path, isFolder: text.startsWith("d") };
  throw new TransferError(`Cannot download "${remote}": it is outside of ${WORKSPACE}`, {
    code: "permission_denied",
    hint: `Copy it into ${WORKSPACE} first, by "openshell sandbox exec"`,
  });
}

function cannotFind(remote: string, stderr: string): TransferError {
  return new TransferError(`Cannot download "${remote}": it cannot be found in the sandbox`, {
    code: "not_found",
    ...stderr === "" ? {} : { hint: `The sandbox said: ${stderr}` },
  });
}

/** Says whether the system refused something. Its codes are in capitals, unlike ours. */
function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
}

function cannotWrite(target: string, cause: Error & { readonly code: string }): TransferError {
  if (!["EACCES", "EPERM", "EROFS"].includes(cause.code)) {
    return new TransferError(`Cannot download to "${target}": ${cause.message}`, { cause });
  }
  return new TransferError(`Cannot download to "${target}": it may not be written`, {
    code: "permission_denied",
    hint: "Choose a folder that you may write to",
    cause,
  });
}

async function fetchInto(
  gateway: Gateway,
  staging: string,
  { sandboxId, signal, source: { path, isFolder } }: Download & { readonly source: Source },
): Promise<void> {
  const slash = path.lastIndexOf("/");
  const [folder, name] = isFolder ? [path, "."] : [path.slice(0, slash), path.slice(slash + 1)];
  const extractor = new Extractor(staging);
  try {
    const { code, stderr } = await runInSandbox(gateway, {
      sandboxId,
      command: ["tar", "-cf", "-", "-C", folder, "--", name],
      ...signal === undefined ? {} : { signal },
      onStdout: (bytes) => extractor.write(bytes),
    });
    if (code !== 0) {
      throw new TransferError(`Cannot download "${path}": tar in the sandbox ended with ${code}`, {
        ...stderr === "" ? {} : { hint: `It said: ${stderr}` },
      });
    }
    await extractor.finish();
  } catch (error) {
    await extractor.abort();
    throw error;
  }
}

async function placeFile(from: string, to: string): Promise<string> {
  const info = await lstatOrNull(from);
  if (info?.isFile !== true) {
    throw new TransferError(`Cannot download to "${to}": the sandbox did not send a file`);
  }
  const there = await lstatOrNull(to);
  if (there?.isDirectory === true) {
    throw new TransferError(`Cannot write a file to "${to}": a folder is there`);
  }
  await Deno.rename(from, to);
  return to;
}

async function statOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
