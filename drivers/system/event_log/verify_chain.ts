/**
 * Checks a chain of audit events: nothing edited, moved, put in or taken out.
 *
 * What the files alone cannot show: lines taken from the end, and a chain that was computed anew by
 * whoever may write the files. A head that was noted elsewhere earlier shows both.
 *
 * @module
 */

import { type ChainHead, emptyHead, readChained, sha256 } from "./chain.ts";
import { nameOf, type OpenEventFile, openEventFiles } from "./event_files.ts";
import { BLOCK_BYTES, type Line, LineSplitter, readAt } from "./lines.ts";
import { keptFromOf, tornEndOf } from "./log_records.ts";

/** What came of a check. */
export interface ChainReport {
  /** Events that were read and are as written. */
  readonly events: number;
  readonly intact: boolean;
  /** Number of the first event that is kept, `null` where there is none. */
  readonly firstSeq: number | null;
  /** Last event that is as written, to be noted elsewhere. `null` where there is none. */
  readonly head: ChainHead | null;
  readonly problem: ChainProblem | null;
  /** What the chain itself tells: ends that were cut off after a crash, events past keeping. */
  readonly notes: readonly string[];
}

/** The first event that does not follow the one before. */
export interface ChainProblem {
  /** Name without folder. */
  readonly file: string;
  /** From 1; 0 where it is no line that is wrong. */
  readonly line: number;
  readonly text: string;
}

export interface VerifyOptions {
  /** The chain's sandbox. */
  readonly id: string;
  /** A head that was noted earlier. */
  readonly head?: ChainHead;
}

/** Reads all files of a chain, also while they are written to. */
export async function verifyChain(path: string, options: VerifyOptions): Promise<ChainReport> {
  const files = openEventFiles(path);
  const check = new ChainCheck(options);
  try {
    for (const file of files) {
      const isLast = file === files.at(-1);
      if (!(await checkFile(file, check, isLast && file.firstSeq === null))) break;
    }
  } finally {
    for (const { file } of files) file.close();
  }
  return check.finish(nameOf(path));
}

/** Returns false at the first problem. A line without end is one, but in the file being written. */
async function checkFile(
  { file, path, size, firstSeq }: OpenEventFile,
  check: ChainCheck,
  isWritten: boolean,
): Promise<boolean> {
  const splitter = new LineSplitter();
  const name = nameOf(path);
  let number = 0;
  for (let at = 0; at < size;) {
    const block = await readAt(file, at, Math.min(BLOCK_BYTES, size - at));
    if (block.length === 0) break;
    at += block.length;
    for (const line of splitter.push(block)) {
      number++;
      if (!check.take(line, { file: name, line: number, firstSeq })) return false;
    }
  }
  if (splitter.restBytes === 0 || isWritten) return true;
  return check.refuse({ file: name, line: number + 1, text: "The line is not complete" });
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly firstSeq: number | null;
}

class ChainCheck {
  readonly #id: string;
  readonly #noted: ChainHead | null;
  readonly #notes: string[] = [];
  #head: ChainHead | null = null;
  #firstSeq: number | null = null;
  #keptFrom = 1;
  #events = 0;
  #problem: ChainProblem | null = null;

  constructor({ id, head }: VerifyOptions) {
    this.#id = id;
    this.#noted = head ?? null;
  }

  take(line: Line, { file, line: number, firstSeq }: Place): boolean {
    const refuse = (text: string) => this.refuse({ file, line: number, text });
    const read = line === null ? null : readChained(line);
    if (line === null || read === null) return refuse("The line is no audit event");
    const { record, seq, prev } = read;
    const before = this.#head ?? (seq === 1 ? emptyHead(this.#id) : { seq: seq - 1, hash: prev });
    if (seq !== before.seq + 1) {
      return refuse(`Event ${seq} stands where event ${before.seq + 1} should`);
    }
    if (prev !== before.hash) {
      return refuse(
        seq === 1
          ? "The first event belongs to another sandbox, or was changed"
          : `Event ${seq - 1}, before this line, is not as it was when this one was written`,
      );
    }
    if (number === 1 && firstSeq !== null && firstSeq !== seq) {
      return refuse(`The file is named after event ${firstSeq} and starts with event ${seq}`);
    }
    const hash = sha256(line);
    if (seq === this.#noted?.seq && hash !== this.#noted.hash) {
      return refuse(`Event ${seq} is not the one that was noted`);
    }
    this.#head = { seq, hash };
    this.#firstSeq ??= seq;
    this.#keptFrom = Math.max(this.#keptFrom, keptFromOf(record) ?? 1);
    this.#events++;
    const torn = tornEndOf(record);
    if (torn !== null) {
      this.#notes.push(
        `Event ${seq}: ${torn.bytes} unreadable bytes before it were cut off ` +
          (torn.lineFeeds === 0 ? "after a crash" : "which no crash explains"),
      );
    }
    return true;
  }

  refuse(problem: ChainProblem): false {
    this.#problem ??= problem;
    return false;
  }

  finish(file: string): ChainReport {
    const firstSeq = this.#firstSeq;
    const lastSeq = this.#head?.seq ?? 0;
    if (this.#problem === null) {
      if (firstSeq !== null && firstSeq > this.#keptFrom) {
        const text = `Events ${this.#keptFrom} to ${firstSeq - 1} are missing`;
        this.refuse({ file, line: 0, text });
      } else if (this.#noted !== null && this.#noted.seq > lastSeq) {
        const text = `Events ${lastSeq + 1} to ${this.#noted.seq} are missing`;
        this.refuse({ file, line: 0, text });
      }
    }
    const isShortened = firstSeq !== null && firstSeq > 1;
    return {
      events: this.#events,
      intact: this.#problem === null,
      firstSeq,
      head: this.#head,
      problem: this.#problem,
      notes: [
        ...(isShortened ? [`Events before ${firstSeq} are past keeping`] : []),
        ...this.#notes,
      ],
    };
  }
}
