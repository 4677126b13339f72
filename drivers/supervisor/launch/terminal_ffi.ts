/**
 * The master of a sandbox's terminal, on the main thread.
 *
 * @module
 */

import tty from "node:tty";
import { JailCallError } from "./isolation_error.ts";
import type { TerminalSize } from "./jail_spec.ts";
import { encodeWindowSize, TIOCSWINSZ } from "./open_terminal.ts";

const SYMBOLS = {
  duplicate: { name: "fcntl", parameters: ["i32", "i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i64" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const F_DUPFD_CLOEXEC = 1030;
const EAGAIN = 11;
const END_OF_INPUT = new Uint8Array([4]);

/** Between two attempts to write to a program that does not read, in milliseconds. */
const RETRY_MS = 5;

/** One terminal. Reading its output to the end, or cancelling it, closes it. */
export class Terminal {
  readonly output: ReadableStream<Uint8Array>;
  readonly #libc = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  readonly #stream: tty.ReadStream;
  /** Its own number of the master: the stream closes its number when it likes. */
  #master: number | null;
  /** Resolves at the end of what was written before. */
  #written: Promise<void> = Promise.resolve();

  readonly #onClose: () => void;

  /** Takes the descriptor over. */
  constructor(master: number, onClose: () => void) {
    this.#onClose = onClose;
    this.#master = this.#libc.duplicate(master, F_DUPFD_CLOEXEC, 3);
    if (this.#master < 0) {
      this.#libc.close(master);
      throw new JailCallError("open the terminal", "there are too many open files");
    }
    this.#stream = new tty.ReadStream(master);
    const chunks = this.#stream.iterator({ destroyOnReturn: true });
    this.output = new ReadableStream({
      pull: async (controller) => {
        const bytes = await this.#next(chunks);
        if (bytes === null) controller.close();
        else controller.enqueue(bytes);
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }

  /**
   * Types bytes; resolves when the terminal took them.
   *
   * The stream of `node:tty` can write as well, but it waits forever when the terminal is full.
   */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#written.then(() => this.#write(bytes));
    this.#written = written.catch(() => {});
    return written;
  }

  /** Types the character that ends input where a program reads lines. */
  endInput(): Promise<void> {
    return this.write(END_OF_INPUT);
  }

  resize(size: TerminalSize): void {
    this.#libc.ioctl(this.#open(), TIOCSWINSZ, encodeWindowSize(size));
  }

  /** Hangs up: programs on it get `SIGHUP`. */
  close(): void {
    if (this.#master === null) return;
    this.#stream.destroy();
    this.#libc.close(this.#master);
    this.#master = null;
    this.#onClose();
  }

  /** A terminal has no end: where no program has it open any more, reading is an error. */
  async #next(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | null> {
    try {
      const { value, done } = await chunks.next();
      if (!done) return new Uint8Array(value);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EIO")) throw error;
    }
    this.close();
    return null;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.slice(at);
      const written = Number(this.#libc.write(this.#open(), part, BigInt(part.length)));
      if (written >= 0) {
        at += written;
        continue;
      }
      const errno = new Deno.UnsafePointerView(this.#libc.__errno_location()!).getInt32();
      if (errno !== EAGAIN) throw new JailCallError("write", "its terminal is closed");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #open(): number {
    if (this.#master === null) throw new JailCallError("write", "its terminal is closed");
    return this.#master;
  }
}
