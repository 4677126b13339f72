/**
 * Reads `/proc` fast enough to ask it about every connection.
 *
 * Deno's own calls cost 25 to 80 microseconds each for such small files, and looking for the owner
 * of one socket takes a hundred of them; called directly they cost 3 to 10. A folder is opened once
 * and read relative to its descriptor, so that nothing that is mounted later stands in for it.
 *
 * @module
 */

import { CodedError } from "../../../../proto/errors.ts";
import { PATH_BYTES_MAX } from "../../../../proto/limits.ts";
import type { FileIdentity } from "./process_table.ts";

/** A file of `/proc` that has to be there cannot be read. */
export class ProcReadError extends CodedError {
  override readonly name = "ProcReadError";
  override readonly code = "internal";

  constructor(path: string, readonly errno: number) {
    super(`Cannot read "${path}": errno ${errno}`);
  }
}

const SYMBOLS = {
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const O_CLOEXEC = 0x80000;
const O_DIRECTORY = 0x10000;
const STATX_BASIC_STATS = 0x7ff;
const SEEK_SET = 0;

/** The process, or what it had, is gone; or it never was. */
const GONE: readonly number[] = [2, 3];

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Every byte is one character, and ASCII is ASCII. */
const LATIN1 = new TextDecoder("latin1");
const ENCODER = new TextEncoder();

/** What `getdents64` has before a name: inode, offset, length of the record, kind. */
const ENTRY_HEADER_BYTES = 19;
const ENTRY_LENGTH_AT = 16;

/** One folder of processes. */
export class ProcFolder implements Disposable {
  readonly #path: string;
  readonly #libc = Deno.dlopen("libc.so.6", SYMBOLS);
  readonly #folder: number;
  readonly #name = new Uint8Array(PATH_BYTES_MAX + 64);
  readonly #entries = new Uint8Array(32 * 1024);
  readonly #content = new Uint8Array(4 * 1024 + 1);
  readonly #status = new Uint8Array(256);
  readonly #statusView = new DataView(this.#status.buffer);

  /** @throws {ProcReadError} */
  constructor(path: string) {
    this.#path = path;
    this.#folder = this.#open(AT_FDCWD, path, O_DIRECTORY);
    if (this.#folder >= 0) return;
    const errno = this.#errno();
    this.#libc.close();
    throw new ProcReadError(path, errno);
  }

  /** Returns the numbers that entries of the folder have as their names. */
  numbers(): number[] {
    const { lseek } = this.#libc.symbols;
    if (lseek(this.#folder, 0n, SEEK_SET) !== 0n) this.#fail("");
    const numbers: number[] = [];
    this.#eachNumber(this.#folder, (number) => {
      numbers.push(number);
      return false;
    });
    return numbers;
  }

  /**
   * Returns which of a process's descriptors is a link to the text, `null` where none is, and how
   * many were looked at: all of them or `looksMax`. A process that has gone has none.
   */
  findDescriptor(
    pid: number,
    text: string,
    looksMax: number,
  ): { readonly found: number | null; readonly looked: number } {
    const wanted = ENCODER.encode(text);
    const folder = this.#open(this.#folder, `${pid}/fd`, O_DIRECTORY);
    if (folder < 0) return this.#gone(`${pid}/fd`, { found: null, looked: 0 });
    let found: number | null = null;
    let looked = 0;
    try {
      this.#eachNumber(folder, (number, name) => {
        looked += 1;
        if (this.#isLinkTo(folder, name, wanted)) found = number;
        return found !== null || looked >= looksMax;
      });
    } finally {
      this.#libc.symbols.close(folder);
    }
    return { found, looked };
  }

  /**
   * Returns what a link says; `null` where it is gone, `undefined` where it is no text or too long
   * to be a path.
   */
  readLink(name: string): string | null | undefined {
    const { readlinkat } = this.#libc.symbols;
    const room = this.#content.length;
    const path = this.#encode(name);
    const length = Number(readlinkat(this.#folder, path, this.#content, BigInt(room)));
    if (length < 0) return this.#gone(name, null);
    return length >= PATH_BYTES_MAX ? undefined : decode(this.#content.subarray(0, length));
  }

  /** Returns the first 4 KiB of a file, one character a byte; `null` where it is gone. */
  read(name: string): string | null {
    const { read, close } = this.#libc.symbols;
    const file = this.#open(this.#folder, name, 0);
    if (file < 0) return this.#gone(name, null);
    const length = Number(read(file, this.#content, BigInt(this.#content.length)));
    if (length < 0) {
      const gone = this.#gone(name, null);
      close(file);
      return gone;
    }
    close(file);
    return LATIN1.decode(this.#content.subarray(0, length));
  }

  /** Returns what file a link of this folder leads to; `null` where it is gone. */
  identify(name: string): FileIdentity | null {
    return this.#stat(this.#folder, name, 0);
  }

  /** The same of any path, of which the last part is no link. */
  identifyPath(path: string): FileIdentity | null {
    return this.#stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  }

  /**
   * Runs `work` with a path that leads to the file for as long as it runs, whatever happens to the
   * name. `identify` looks at that very file again. `null` where it is gone.
   */
  async withFile<T>(
    name: string,
    work: (path: string, identify: () => FileIdentity | null) => Promise<T>,
  ): Promise<T | null> {
    const file = this.#open(this.#folder, name, 0);
    if (file < 0) return this.#gone(name, null);
    try {
      return await work(`/proc/self/fd/${file}`, () => this.#stat(file, "", AT_EMPTY_PATH));
    } finally {
      this.#libc.symbols.close(file);
    }
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#folder);
    this.#libc.close();
  }

  #open(at: number, name: string, flags: number): number {
    return this.#libc.symbols.openat(at, this.#encode(name), flags | O_CLOEXEC, 0);
  }

  #stat(at: number, name: string, flags: number): FileIdentity | null {
    const { statx } = this.#libc.symbols;
    if (statx(at, this.#encode(name), flags, STATX_BASIC_STATS, this.#status) !== 0) {
      return this.#gone(name, null);
    }
    const bytes = this.#status;
    const file = bytes.subarray(32, 40).toHex() + bytes.subarray(136, 144).toHex();
    const times = bytes.subarray(96, 108).toHex() + bytes.subarray(112, 124).toHex();
    const size = Number(this.#statusView.getBigUint64(40, true));
    return { file, version: `${file}:${size}:${times}`, bytes: size };
  }

  #isLinkTo(folder: number, name: Uint8Array<ArrayBuffer>, wanted: Uint8Array): boolean {
    const { readlinkat } = this.#libc.symbols;
    const room = BigInt(this.#content.length);
    const length = Number(readlinkat(folder, name, this.#content, room));
    if (length !== wanted.length) return false;
    for (let i = length - 1; i >= 0; i -= 1) if (this.#content[i] !== wanted[i]) return false;
    return true;
  }

  /** Calls `visit` for entries that are numbers, until it returns true. `name` ends with a NUL. */
  #eachNumber(
    folder: number,
    visit: (number: number, name: Uint8Array<ArrayBuffer>) => boolean,
  ): void {
    const { getdents64 } = this.#libc.symbols;
    const entries = this.#entries;
    for (;;) {
      const length = Number(getdents64(folder, entries, BigInt(entries.length)));
      if (length < 0) return this.#gone("a folder", undefined);
      if (length === 0) return;
      for (let at = 0; at < length;) {
        const number = numberAt(entries, at + ENTRY_HEADER_BYTES);
        if (number >= 0 && visit(number, entries.subarray(at + ENTRY_HEADER_BYTES))) return;
        at += entries[at + ENTRY_LENGTH_AT]! + entries[at + ENTRY_LENGTH_AT + 1]! * 256;
      }
    }
  }

  /** Returns `value` where the last call failed because something is gone. */
  #gone<T>(name: string, value: T): T {
    return GONE.includes(this.#errno()) ? value : this.#fail(name);
  }

  #fail(name: string): never {
    throw new ProcReadError(`${this.#path}/${name}`, this.#errno());
  }

  #errno(): number {
    const location = this.#libc.symbols.__errno_location();
    return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
  }

  #encode(name: string): Uint8Array<ArrayBuffer> {
    const { written, read } = ENCODER.encodeInto(name, this.#name);
    if (read !== name.length || written >= this.#name.length) throw new ProcReadError(name, 36);
    this.#name[written] = 0;
    return this.#name;
  }
}

function numberAt(bytes: Uint8Array, start: number): number {
  let number = 0;
  for (let at = start;; at += 1) {
    const digit = bytes[at]! - 0x30;
    if (bytes[at] === 0) return at === start ? -1 : number;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined; // A TypeError is how it says that these bytes are no text.
  }
}
