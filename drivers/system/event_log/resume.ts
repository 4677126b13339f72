/**
 * Finds where a chain stopped, and cuts off what a crash left behind it.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import { EVENT_LINE_BYTES_MAX, EVENT_TORN_BYTES_MAX } from "../../../proto/limits.ts";
import { type ChainHead, emptyHead, readChained, sha256 } from "./chain.ts";
import { listFinished, nameOf, tornPath } from "./event_files.ts";
import type { TornEnd } from "./log_records.ts";

/** More than a crash can do has happened to the log. */
export class EventLogDamagedError extends CodedError {
  override readonly name = "EventLogDamagedError";
  override readonly code = "failed_precondition";

  constructor(path: string) {
    super(`Cannot continue the event log "${path}": its end holds no readable event`, {
      hint: "Move the file elsewhere to start a new chain, and find out who changed it",
    });
  }
}

/**
 * Cuts the unreadable end of a file off and keeps it beside. Returns `null` where all is well. An
 * end that was cut off before a crash kept the log from saying so is returned again.
 *
 * @throws {EventLogDamagedError} where more is unreadable than `EVENT_TORN_BYTES_MAX`.
 */
export function cutTornEnd(path: string, id: string): TornEnd | null {
  using file = openIfThere(path);
  if (file === null) return null;
  const { size } = file.statSync();
  const goodBytes = goodEnd(file, size, path);
  const { seq } = headOf(file, goodBytes) ?? finishedHead(path) ?? emptyHead(id);
  const target = tornPath(path, seq + 1);
  if (goodBytes < size) {
    Deno.writeFileSync(target, readSync(file, goodBytes, size), { mode: 0o600 });
    file.truncateSync(goodBytes);
    file.syncDataSync();
  }
  using kept = openIfThere(target);
  if (kept === null) return null;
  const torn = readSync(kept, 0, EVENT_TORN_BYTES_MAX + EVENT_LINE_BYTES_MAX);
  return {
    bytes: torn.length,
    sha256: sha256(torn),
    file: nameOf(target),
    lineFeeds: torn.filter((byte) => byte === LINE_FEED).length,
  };
}

/** Returns the head of what is there, and the number of the current file's first event. */
export function readHead(
  path: string,
  id: string,
): { readonly head: ChainHead; readonly firstSeq: number } {
  const before = finishedHead(path) ?? emptyHead(id);
  using file = openIfThere(path);
  const head = file === null ? null : headOf(file, file.statSync().size);
  if (file === null || head === null) return { head: before, firstSeq: before.seq + 1 };
  return { head, firstSeq: firstSeqOf(file) ?? before.seq + 1 };
}

const LINE_FEED = 0x0a;

/** Returns where the last readable line ends, its line feed included. */
function goodEnd(file: Deno.FsFile, size: number, path: string): number {
  const start = Math.max(0, size - EVENT_TORN_BYTES_MAX - EVENT_LINE_BYTES_MAX);
  const bytes = readSync(file, start, size);
  for (let end = bytes.lastIndexOf(LINE_FEED); end >= 0;) {
    const before = end === 0 ? -1 : bytes.lastIndexOf(LINE_FEED, end - 1);
    if (readChained(bytes.subarray(before + 1, end)) !== null) return start + end + 1;
    end = before;
  }
  if (start === 0) return 0;
  throw new EventLogDamagedError(path);
}

function headOf(file: Deno.FsFile, end: number): ChainHead | null {
  const bytes = readSync(file, Math.max(0, end - EVENT_LINE_BYTES_MAX - 1), end);
  if (bytes.length === 0) return null;
  const line = bytes.subarray(bytes.lastIndexOf(LINE_FEED, bytes.length - 2) + 1, -1);
  const read = readChained(line);
  return read === null ? null : { seq: read.seq, hash: sha256(line) };
}

function firstSeqOf(file: Deno.FsFile): number | null {
  const bytes = readSync(file, 0, EVENT_LINE_BYTES_MAX);
  return readChained(bytes.subarray(0, Math.max(0, bytes.indexOf(LINE_FEED))))?.seq ?? null;
}

/** @throws {EventLogDamagedError} where the newest finished file has no readable end. */
function finishedHead(path: string): ChainHead | null {
  const newest = listFinished(path).at(-1);
  if (newest === undefined) return null;
  using file = Deno.openSync(newest.path, { read: true });
  const head = headOf(file, file.statSync().size);
  if (head === null) throw new EventLogDamagedError(newest.path);
  return head;
}

function readSync(file: Deno.FsFile, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  file.seekSync(start, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function openIfThere(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
