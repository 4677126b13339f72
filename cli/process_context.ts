/**
 * The context of the running process. No test reaches it without a process: keep it thin.
 *
 * @module
 */

import type { Context, Files, Sink, Source } from "./context.ts";

/** Pause before writing again to a stream that is full, in milliseconds. */
const FULL_STREAM_PAUSE_MS = 1;

/** Size of one read, in bytes. */
const READ_BYTES = 64 * 1024;

type Reader = Pick<Deno.FsFile, "read">;

/** Returns the ports to standard streams, files and environment of this process. */
export function processContext(): Context {
  return {
    stdout: sink(Deno.stdout),
    stderr: sink(Deno.stderr),
    stdin: source(),
    files: FILES,
    env: (name) => Deno.env.get(name),
  };
}

const FILES: Files = {
  async read(path, bytesMax) {
    using file = await Deno.open(path);
    return await readBounded(file, bytesMax);
  },
  async write(path, bytes) {
    const old = await statOrNull(path);
    // A device or a pipe is written to, never replaced.
    if (old !== null && !old.isFile) return await Deno.writeFile(path, bytes);
    const target = old === null ? path : await Deno.realPath(path);
    const temporary = `${target}.${crypto.randomUUID()}.tmp`;
    const mode = typeof old?.mode === "number" ? { mode: old.mode } : {};
    try {
      await Deno.writeFile(temporary, bytes, { createNew: true, ...mode });
      await Deno.rename(temporary, target);
    } catch (error) {
      await Deno.remove(temporary).catch(ignoreNotFound);
      throw error;
    }
  },
};

function sink(stream: typeof Deno.stdout): Sink {
  const encoder = new TextEncoder();
  return {
    write: (text) => writeAll(stream, encoder.encode(text)),
    get isTerminal() {
      return stream.isTerminal();
    },
  };
}

function source(): Source {
  return {
    read: (bytesMax) => readBounded(Deno.stdin, bytesMax),
    get isTerminal() {
      return Deno.stdin.isTerminal();
    },
  };
}

function writeAll(stream: typeof Deno.stdout, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(stream.writeSync(rest));
    } catch (error) {
      // Another process that shares the stream may have made it non-blocking.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_STREAM_PAUSE_MS);
    }
  }
}

async function readBounded(reader: Reader, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  while (total <= bytesMax) {
    const chunk = new Uint8Array(Math.min(READ_BYTES, bytesMax + 1 - total));
    const count = await reader.read(chunk);
    if (count === null) break;
    chunks.push(chunk.subarray(0, count));
    total += count;
  }
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

async function statOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    ignoreNotFound(error);
    return null;
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
