/**
 * Follows one chain while it grows, over the change from file to file.
 *
 * @module
 */

import {
  identityAt,
  type OpenEventFile,
  openEventFiles,
} from "../../drivers/system/event_log/event_files.ts";
import {
  BLOCK_BYTES,
  linesBackward,
  LineSplitter,
  readAt,
} from "../../drivers/system/event_log/lines.ts";
import type { EventOrigin } from "./event_origin.ts";
import { readStored, type StoredEvent } from "./stored_event.ts";

const LINE_FEED = 0x0a;

/** Returns where the last complete line of a file ended when it was opened. */
async function endOfLines({ file, size }: OpenEventFile): Promise<number> {
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const feed = (await readAt(file, start, end - start)).lastIndexOf(LINE_FEED);
    if (feed >= 0) return start + feed + 1;
    end = start;
  }
  return 0;
}

/** Reads what is added. */
export class ChainCursor {
  readonly #path: string;
  readonly #source: EventOrigin;
  #file: Deno.FsFile | null = null;
  #identity: string | null = null;
  #offset = 0;
  #splitter = new LineSplitter();
  #lastSeq = 0;
  #lastMs = 0;

  constructor(path: string, source: EventOrigin) {
    this.#path = path;
    this.#source = source;
  }

  /** Starts after what is in a file, which the cursor closes from now on. */
  async start(opened: OpenEventFile): Promise<void> {
    this.#file = opened.file;
    this.#identity = opened.identity;
    this.#offset = await endOfLines(opened);
    for await (const line of linesBackward(opened.file, opened.size)) {
      this.#lastSeq = this.#read(line).seq;
      if (this.#lastSeq > 0) return;
    }
  }

  /** Returns the events that were added since, a block of them at most; none where none were. */
  async poll(): Promise<readonly StoredEvent[]> {
    if (this.#file === null) this.#enter(null);
    while (this.#file !== null) {
      // First looked, then read: what a finished file still got is not missed.
      const isFinished = identityAt(this.#path) !== this.#identity;
      const { taken, lines } = await this.#readLines(this.#file);
      const events = lines.map((line) => this.#read(line));
      const news = events.filter(({ seq }) => seq === 0 || seq > this.#lastSeq);
      this.#lastSeq = Math.max(this.#lastSeq, ...news.map(({ seq }) => seq));
      if (news.length > 0) return news;
      if (taken > 0) continue;
      if (!isFinished || !this.#enter(this.#identity)) return [];
    }
    return [];
  }

  /**
   * Takes whole lines only: a writer that could not finish one cuts it off again, and the next one
   * starts in its place.
   */
  async #readLines(file: Deno.FsFile) {
    // Cut further, by whoever: what was seen is left out by its number.
    if ((await file.stat()).size < this.#offset) this.#rewind();
    const bytes = await readAt(file, this.#offset, BLOCK_BYTES);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    const taken = end === 0 && bytes.length === BLOCK_BYTES ? bytes.length : end;
    this.#offset += taken;
    return { taken, lines: this.#splitter.push(bytes.subarray(0, taken)) };
  }

  #rewind(): void {
    this.#offset = 0;
    this.#splitter = new LineSplitter();
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #read(line: Uint8Array | null): StoredEvent {
    const event = readStored(line, this.#source, this.#lastMs);
    this.#lastMs = event.timeMs;
    return event;
  }

  /** Goes to the file after one; to the oldest where that one is gone or there was none. */
  #enter(identity: string | null): boolean {
    const files = openEventFiles(this.#path);
    const next = files[files.findIndex((file) => file.identity === identity) + 1];
    for (const file of files) if (file !== next) file.file.close();
    if (next === undefined) return false;
    this.#file?.close();
    this.#file = next.file;
    this.#identity = next.identity;
    this.#rewind();
    return true;
  }
}
