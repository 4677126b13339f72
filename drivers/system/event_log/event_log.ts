/**
 * Writes audit events: one JSON line each, chained by hashes, over several files.
 *
 * One writer for a chain. `record` returns when the kernel has the line, so that it survives the
 * end of this process, however that ends; the disk has it within `EVENT_SYNC_MS_MAX`, which a loss
 * of power can cost.
 *
 * Fails closed: the first event that cannot be written is reported once, and none after it is
 * written. Whoever decides by these events has to end then.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import {
  EVENT_FILE_BYTES_MAX,
  EVENT_FILES_MAX,
  EVENT_LINE_BYTES_MAX,
  EVENT_SYNC_MS_MAX,
} from "../../../proto/limits.ts";
import type { OcsfRecord, OcsfSource } from "../../../proto/ocsf.ts";
import { type ChainHead, chainLine } from "./chain.ts";
import { finishedPath, listFinished, nameOf } from "./event_files.ts";
import { continuedRecord, tornRecord } from "./log_records.ts";
import { cutTornEnd, readHead } from "./resume.ts";

/** The log cannot be opened or written. */
export class EventLogError extends CodedError {
  override readonly name = "EventLogError";
  override readonly code = "unavailable";

  constructor(path: string, detail: string, options: ErrorOptions = {}) {
    super(`Cannot write the event log "${path}": ${detail}`, {
      ...options,
      hint: "Make room on the disk, and see that the folder can be written",
    });
  }
}

/** Somebody else writes to the log. */
export class EventLogBusyError extends CodedError {
  override readonly name = "EventLogBusyError";
  override readonly code = "failed_precondition";

  constructor(path: string) {
    super(`Cannot open the event log "${path}": another process writes to it`);
  }
}

export interface EventLogOptions {
  /** Whose events these are: the chain starts with the sandbox's id. */
  readonly source: OcsfSource;
  /** Called once, during the `record` that failed or after a failure to reach the disk. */
  readonly onFailure: (error: EventLogError) => void;
  /** Milliseconds since 1970, for the events of the log itself. */
  readonly now?: () => number;
  readonly fileBytesMax?: number;
  readonly filesMax?: number;
}

/** The one writer of a chain of audit events. */
export class EventLog {
  readonly #path: string;
  readonly #options: Required<EventLogOptions>;
  readonly #lock: Deno.FsFile;
  #file: Deno.FsFile;
  /** The same file, since a descriptor that is busy refuses to be written. */
  #synced: Deno.FsFile;
  #bytes: number;
  #head: ChainHead;
  /** Number of the first event in the file that is written to. */
  #firstSeq: number;
  #failure: EventLogError | null = null;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(path: string, options: Required<EventLogOptions>, lock: Deno.FsFile) {
    this.#path = path;
    this.#options = options;
    this.#lock = lock;
    const { source: { sandboxId }, now } = options;
    const torn = cutTornEnd(path, sandboxId);
    const { head, firstSeq } = readHead(path, sandboxId);
    this.#head = head;
    this.#firstSeq = firstSeq;
    this.#file = openForAppending(path);
    this.#synced = openForAppending(path);
    this.#bytes = this.#file.statSync().size;
    try {
      if (this.#bytes === 0 && head.seq > 0) this.#continue();
      if (torn !== null) this.#append(tornRecord(torn, options.source, now()));
    } catch (error) {
      this.#file.close();
      this.#synced.close();
      throw error;
    }
  }

  /**
   * Opens a log, and goes on with what is there. An end that a crash left unfinished is kept beside
   * the file, and an event says so.
   *
   * @throws {EventLogBusyError}
   * @throws {EventLogError}
   */
  static open(path: string, options: EventLogOptions): EventLog {
    const lock = takeLock(path);
    try {
      return new EventLog(path, {
        now: Date.now,
        fileBytesMax: EVENT_FILE_BYTES_MAX,
        filesMax: EVENT_FILES_MAX,
        ...options,
      }, lock);
    } catch (error) {
      lock.close();
      if (error instanceof CodedError) throw error;
      throw new EventLogError(path, (error as Error).message, { cause: error });
    }
  }

  /** Where the chain stands. Noted elsewhere, it shows what a later editor of the file did. */
  get head(): ChainHead {
    return this.#head;
  }

  /** Set once an event could not be written. */
  get failure(): EventLogError | null {
    return this.#failure;
  }

  /**
   * Writes an event, and returns how many bytes it took. Does not throw: see `onFailure`. After a
   * failure it does nothing.
   */
  record(record: OcsfRecord): number {
    if (this.#failure !== null) return 0;
    if (this.#isClosed) {
      this.#fail("it is closed", undefined);
      return 0;
    }
    try {
      const bytes = this.#append(record);
      this.#syncSoon();
      return bytes;
    } catch (error) {
      this.#fail((error as Error).message, error);
      return 0;
    }
  }

  /** Brings everything to the disk and lets go of the log. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#syncing;
    try {
      this.#file.syncDataSync();
    } catch (error) {
      this.#fail((error as Error).message, error);
    } finally {
      this.#file.close();
      this.#synced.close();
      this.#lock.close();
    }
  }

  #append(record: OcsfRecord): number {
    const { line, head } = chainLine(record, this.#head);
    if (line.length + 1 > EVENT_LINE_BYTES_MAX) {
      throw new EventLogError(this.#path, `an event has ${line.length} bytes`);
    }
    if (this.#bytes > 0 && this.#bytes + line.length + 1 > this.#options.fileBytesMax) {
      this.#rotate();
      return this.#append(record);
    }
    this.#write(line);
    this.#head = head;
    return line.length + 1;
  }

  /** All of the line or nothing of it. */
  #write(line: Uint8Array): void {
    const bytes = new Uint8Array(line.length + 1);
    bytes.set(line);
    bytes[line.length] = 0x0a;
    try {
      for (let written = 0; written < bytes.length;) {
        const count = this.#file.writeSync(bytes.subarray(written));
        if (count === 0) throw new EventLogError(this.#path, "nothing was written");
        written += count;
      }
    } catch (error) {
      this.#file.truncateSync(this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
  }

  #rotate(): void {
    const finished = this.#file;
    finished.syncDataSync();
    Deno.renameSync(this.#path, finishedPath(this.#path, this.#firstSeq));
    this.#file = openForAppending(this.#path);
    finished.close();
    this.#renewSynced();
    this.#bytes = 0;
    this.#continue();
  }

  /** Starts a file with what it goes on from. What was removed before is said before it goes. */
  #continue(): void {
    const finished = listFinished(this.#path);
    const removed = finished.slice(0, Math.max(0, finished.length + 1 - this.#options.filesMax));
    const kept = finished.slice(removed.length);
    this.#firstSeq = this.#head.seq + 1;
    const { source, now } = this.#options;
    const previous = finished.at(-1)?.path;
    this.#append(continuedRecord(
      {
        previousFile: previous === undefined ? "" : nameOf(previous),
        previous: this.#head,
        keptFrom: kept[0]?.firstSeq ?? this.#firstSeq,
      },
      source,
      now(),
    ));
    for (const { path } of removed) Deno.removeSync(path);
  }

  #syncSoon(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#syncing = this.#sync();
    }, EVENT_SYNC_MS_MAX);
    Deno.unrefTimer(this.#timer);
  }

  /** Needs no further descriptor: a process that has none left goes on recording. */
  async #sync(): Promise<void> {
    const file = this.#synced;
    try {
      await file.syncData();
    } catch (error) {
      this.#fail((error as Error).message, error);
    }
  }

  /** The finished file has reached the disk; a sync of it that is under way ends first. */
  #renewSynced(): void {
    const finished = this.#synced;
    this.#synced = openForAppending(this.#path);
    const close = () => finished.close();
    void this.#syncing.then(close, close);
  }

  #fail(detail: string, cause: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = cause instanceof EventLogError
      ? cause
      : new EventLogError(this.#path, detail, { cause });
    this.#options.onFailure(this.#failure);
  }
}

function openForAppending(path: string): Deno.FsFile {
  return Deno.openSync(path, { create: true, append: true, mode: 0o600 });
}

/** Held until the process ends, however it ends. */
function takeLock(path: string): Deno.FsFile {
  const file = tryOpenLock(path);
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new EventLogBusyError(path);
}

function tryOpenLock(path: string): Deno.FsFile {
  try {
    return Deno.openSync(`${path}.lock`, { create: true, write: true, mode: 0o600 });
  } catch (error) {
    throw new EventLogError(path, (error as Error).message, { cause: error });
  }
}
