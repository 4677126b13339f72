/**
 * A context in memory, for tests of commands.
 *
 * @module
 */

import type { Context, Sink } from "./context.ts";

/** What the fake holds before the command runs. All empty where left out. */
export interface FakeOptions {
  /** Contents by path, as text or bytes. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Makes all three streams terminals. */
  readonly isTerminal?: boolean;
}

/** A context together with what a command left behind in it. */
export interface FakeContext extends Context {
  /** Everything written to standard output. */
  out(): string;
  /** Everything written to standard error. */
  err(): string;
  /** Text of a file, `undefined` where there is none. */
  file(path: string): string | undefined;
}

/** Returns a context in memory. */
export function fakeContext(options: FakeOptions = {}): FakeContext {
  const isTerminal = options.isTerminal ?? false;
  const files = new Map(
    Object.entries(options.files ?? {}).map(([path, content]) => [path, toBytes(content)]),
  );
  const stdout = new MemorySink(isTerminal);
  const stderr = new MemorySink(isTerminal);
  return {
    stdout,
    stderr,
    stdin: {
      isTerminal,
      read: (bytesMax) => Promise.resolve(toBytes(options.stdin ?? "").slice(0, bytesMax + 1)),
    },
    files: {
      read(path, bytesMax) {
        const bytes = files.get(path);
        return bytes === undefined
          ? Promise.reject(new Deno.errors.NotFound(path))
          : Promise.resolve(bytes.slice(0, bytesMax + 1));
      },
      write(path, bytes) {
        files.set(path, bytes.slice());
        return Promise.resolve();
      },
    },
    env: (name) => options.env?.[name],
    out: () => stdout.text,
    err: () => stderr.text,
    file(path) {
      const bytes = files.get(path);
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    },
  };
}

class MemorySink implements Sink {
  text = "";

  constructor(readonly isTerminal: boolean) {}

  write(text: string): void {
    this.text += text;
  }
}

function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
