/**
 * Drives a program that runs on a terminal of its own, made by `script`.
 *
 * @module
 */

const SIZE = { rows: 40, columns: 120 };
const WAIT_MS = 20_000;
const DECODER = new TextDecoder();

export interface TerminalOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Nothing is read unless a caller waits for it, so nothing is pending in between. */
export class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #reading: Promise<ReadableStreamReadResult<Uint8Array>> | null = null;
  #shown = "";
  #matchedTo = 0;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.getReader();
  }

  static start(command: readonly string[], { env, cwd }: TerminalOptions): Terminal {
    const line = `stty rows ${SIZE.rows} cols ${SIZE.columns}; exec ${
      command.map(quote).join(" ")
    }`;
    return new Terminal(
      new Deno.Command("script", {
        args: ["--quiet", "--return", "--flush", "--command", line, "/dev/null"],
        clearEnv: true,
        env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
        ...cwd === undefined ? {} : { cwd },
      }).spawn(),
    );
  }

  /** Everything shown so far, with its escapes. */
  get shown(): string {
    return this.#shown;
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(keys));
  }

  /**
   * Waits until what is shown, after what an earlier call has found, matches.
   *
   * @throws {Error} with what is shown when it does not come
   */
  async waitFor(pattern: RegExp, timeoutMs = WAIT_MS): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = pattern.exec(this.#shown.slice(this.#matchedTo));
      if (found !== null) {
        this.#matchedTo += found.index + found[0].length;
        return found[0];
      }
      if (!await this.#more(deadline - performance.now())) {
        throw new Error(`Cannot see ${pattern} on the terminal: it shows ${this.#shown}`);
      }
    }
  }

  /** Waits for the end of the program, and returns its exit code. */
  async end(timeoutMs = WAIT_MS): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    while (await this.#more(deadline - performance.now()));
    if (performance.now() >= deadline) {
      throw new Error(`Cannot wait longer for the terminal: it shows ${this.#shown}`);
    }
    return await this.#finish();
  }

  /** Hangs up, and waits until the program has ended. */
  async close(): Promise<number> {
    try {
      // Without its other side the terminal hangs up, and so do the programs on it.
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    return await this.#finish();
  }

  async #finish(): Promise<number> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    await this.#reading?.catch(() => {});
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** False at the end of the output, or when time is up. */
  async #more(timeoutMs: number): Promise<boolean> {
    this.#reading ??= this.#reader.read();
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => resolve(null), Math.max(0, timeoutMs));
    const read = await Promise.race([this.#reading, late]);
    clearTimeout(timer);
    if (read === null) return false;
    this.#reading = null;
    if (read.done) return false;
    this.#shown += DECODER.decode(read.value);
    return true;
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
