/**
 * Lines of a file that may be huge and may still grow, from its start or from its end.
 *
 * Holds one block and one line at a time. A line beyond the limit is handed on as too long, without
 * its bytes.
 *
 * @module
 */

import { EVENT_LINE_BYTES_MAX } from "../../../proto/limits.ts";

/** Bytes that are read at once. */
export const BLOCK_BYTES = 64 * 1024;

/** A complete line without its line feed; `null` where it is too long. */
export type Line = Uint8Array | null;

const LINE_FEED = 0x0a;

/** Cuts what comes in order into lines. */
export class LineSplitter {
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** Bytes after the last line feed. */
  get restBytes(): number {
    return this.#restBytes;
  }

  /** Takes the next bytes and returns the lines that they complete. */
  push(bytes: Uint8Array): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      this.#keep(bytes.slice(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(bytes.slice(start));
    return lines;
  }

  #keep(bytes: Uint8Array): void {
    this.#restBytes += bytes.length;
    if (this.#restBytes > EVENT_LINE_BYTES_MAX) this.#rest = [];
    else if (bytes.length > 0) this.#rest.push(bytes);
  }

  #take(): Line {
    const line = this.#restBytes > EVENT_LINE_BYTES_MAX ? null : join(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }
}

/** Yields the complete lines that end before `end`, the last one first. */
export async function* linesBackward(
  file: Deno.FsFile,
  end: number,
): AsyncGenerator<Line, void, void> {
  // What stands before the first line feed of all that was read, in order.
  let later: Uint8Array[] = [];
  let laterBytes = 0;
  let isComplete = false;
  for (let at = end; at > 0;) {
    const start = Math.max(0, at - BLOCK_BYTES);
    const block = await readAt(file, start, at - start);
    let stop = block.length;
    for (let feed = block.lastIndexOf(LINE_FEED); feed >= 0;) {
      const piece = block.slice(feed + 1, stop);
      // Bytes after the last line feed of the file are not yet a line.
      if (isComplete) yield whole([piece, ...later], laterBytes + piece.length);
      isComplete = true;
      later = [];
      laterBytes = 0;
      stop = feed;
      feed = feed === 0 ? -1 : block.lastIndexOf(LINE_FEED, feed - 1);
    }
    laterBytes += stop;
    later = laterBytes > EVENT_LINE_BYTES_MAX ? [] : [block.slice(0, stop), ...later];
    at = start;
  }
  if (isComplete) yield whole(later, laterBytes);
}

/** Reads exactly as many bytes, or up to the end of the file. */
export async function readAt(
  file: Deno.FsFile,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function whole(pieces: readonly Uint8Array[], length: number): Line {
  return length > EVENT_LINE_BYTES_MAX ? null : join(pieces);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
