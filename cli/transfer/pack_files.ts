/**
 * Files of this machine as one stream, in the form that `tar` reads.
 *
 * @module
 */

import { pack } from "tar-stream";
import { lstatOrNull } from "./list_files.ts";
import { TransferError } from "./transfer_error.ts";

/** Size of one read, in bytes. */
const READ_BYTES = 64 * 1024;

/** A file and its path in the stream. */
export interface PackedFile {
  /** Path on this machine. */
  readonly source: string;
  readonly name: string;
}

type Packer = ReturnType<typeof pack>;

/**
 * Returns the stream. Links stay links, also those that lead nowhere; sockets, pipes and devices
 * are left out and named to `onSkipped`. Owners are not sent.
 *
 * @throws {TransferError} when a file changes while it is read
 */
export async function* packFiles(
  files: Iterable<PackedFile>,
  onSkipped: (source: string) => void,
): AsyncGenerator<Uint8Array> {
  const packer = pack();
  let failure: { readonly error: unknown } | null = null;
  const filling = fill(packer, files, onSkipped).catch((error) => {
    failure = { error };
    packer.destroy();
  });
  try {
    for await (const chunk of packer) yield chunk as Uint8Array;
  } catch (error) {
    if (failure === null) throw error;
  } finally {
    packer.destroy();
    await filling;
  }
  const failed = failure as { readonly error: unknown } | null;
  if (failed !== null) throw failed.error;
}

async function fill(
  packer: Packer,
  files: Iterable<PackedFile>,
  onSkipped: (source: string) => void,
): Promise<void> {
  for (const file of files) {
    if (packer.destroyed) return;
    await add(packer, file, onSkipped);
  }
  packer.finalize();
}

async function add(
  packer: Packer,
  { source, name }: PackedFile,
  onSkipped: (source: string) => void,
): Promise<void> {
  const info = await lstatOrNull(source);
  if (info === null) return onSkipped(source);
  const header = { name, mode: (info.mode ?? 0o644) & 0o777, mtime: info.mtime ?? new Date(0) };
  if (info.isSymlink) {
    const linkname = await Deno.readLink(source);
    return await addEmpty(packer, { ...header, type: "symlink" as const, linkname });
  }
  if (info.isDirectory) return await addEmpty(packer, { ...header, type: "directory" as const });
  if (!info.isFile) return onSkipped(source);
  await addFile(packer, source, { ...header, size: info.size });
}

function addEmpty(packer: Packer, header: Parameters<Packer["entry"]>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    packer.entry(header, (error?: Error | null) => error ? reject(error) : resolve());
  });
}

async function addFile(
  packer: Packer,
  source: string,
  header: { readonly name: string; readonly size: number },
): Promise<void> {
  using file = await Deno.open(source);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // What waits for room below never sees this end: it is awaited all the same.
  promise.catch(() => {});
  const entry = packer.entry(header, (error?: Error | null) => error ? reject(error) : resolve());
  const hasFailed = promise.catch(() => {});
  let left = header.size;
  while (left > 0) {
    const chunk = new Uint8Array(Math.min(READ_BYTES, left));
    const count = await file.read(chunk);
    if (count === null) {
      throw new TransferError(`Cannot upload "${source}": it became shorter while it was read`);
    }
    left -= count;
    if (!entry.write(chunk.subarray(0, count))) {
      await Promise.race([
        new Promise<void>((drained) => entry.once("drain", () => drained())),
        hasFailed,
      ]);
    }
    if (packer.destroyed) return;
  }
  entry.end(null);
  await promise;
}
