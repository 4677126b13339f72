/**
 * The context of the running process. No test reaches it without a process: keep it thin.
 *
 * @module
 */

import type { Context, Files, Gateways, Machine, Sink, Source } from "./context.ts";

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
    machine: machine(),
    gateways: gateways(),
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
  makeFolder: (path) => Deno.mkdir(path, { recursive: true, mode: 0o700 }),
  remove: (path) => Deno.remove(path).catch(ignoreNotFound),
  async list(path) {
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(path)) names.push(name);
    } catch (error) {
      ignoreNotFound(error);
    }
    return names.sort();
  },
  async kindOf(path) {
    const info = await statOrNull(path);
    if (info === null) return null;
    return info.isFile ? "file" : info.isDirectory ? "directory" : "other";
  },
};

function sink(stream: typeof Deno.stdout): Sink {
  const encoder = new TextEncoder();
  return {
    write: (content) =>
      writeAll(stream, typeof content === "string" ? encoder.encode(content) : content),
    get isTerminal() {
      return stream.isTerminal();
    },
  };
}

function source(): Source {
  return {
    read: (bytesMax) => readBounded(Deno.stdin, bytesMax),
    async *chunks() {
      for (;;) {
        const chunk = new Uint8Array(READ_BYTES);
        const count = await Deno.stdin.read(chunk);
        if (count === null) return;
        yield chunk.subarray(0, count);
      }
    },
    setRaw(raw) {
      if (Deno.stdin.isTerminal()) Deno.stdin.setRaw(raw);
    },
    get isTerminal() {
      return Deno.stdin.isTerminal();
    },
  };
}

function machine(): Machine {
  return {
    command: ownCommand(),
    cwd: () => Deno.cwd(),
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    every(ms, call) {
      const timer = setInterval(call, ms);
      return () => clearInterval(timer);
    },
    onSignal(name, handle) {
      Deno.addSignalListener(name, handle);
      return () => Deno.removeSignalListener(name, handle);
    },
    windowSize,
    async run([program = "", ...args], { cwd, withoutPrefix }) {
      const kept = Object.entries(Deno.env.toObject())
        .filter(([name]) => !name.startsWith(withoutPrefix));
      const options = { args, cwd, clearEnv: true, env: Object.fromEntries(kept) };
      const { code, stdout, stderr } = await new Deno.Command(program, {
        ...options,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).output();
      return { code, stdout, stderr: new TextDecoder().decode(stderr) };
    },
    async spawnDetached(command, logFile) {
      const { spawnDetached } = await import("../gateway/client/local_gateway.ts");
      return spawnDetached(command, logFile).pid;
    },
    commandLine,
    terminate,
  };
}

/** Loaded when a gateway is asked for: the client takes longer to load than the program. */
function gateways(): Gateways {
  const env = (name: string) => Deno.env.get(name);
  return {
    async open(choice) {
      const { connectGateway } = await import("../gateway/client/connect_gateway.ts");
      const onStart = () => {
        if (Deno.stderr.isTerminal()) sink(Deno.stderr).write("Starting the local gateway\n");
      };
      return await connectGateway({ ...choice, env, command: ownCommand(), onStart });
    },
    async find(choice) {
      const { findGateway } = await import("../gateway/client/connect_gateway.ts");
      return await findGateway({ ...choice, env });
    },
  };
}

/** The launcher of a packaged program says where it is; from source we are a script of Deno. */
function ownCommand(): readonly string[] {
  const executable = Deno.env.get("OPENSHELL_EXECUTABLE");
  if (executable !== undefined) return [executable];
  if (Deno.build.standalone) return [Deno.execPath()];
  const main = new URL("./main.ts", import.meta.url).pathname;
  return [Deno.execPath(), "run", "--quiet", "--allow-all", main];
}

function windowSize(): { cols: number; rows: number } | null {
  try {
    const { columns, rows } = Deno.consoleSize();
    // Some terminals do not know their size.
    return columns > 0 && rows > 0 ? { cols: columns, rows } : null;
  } catch {
    // No stream is a terminal, and that is the answer.
    return null;
  }
}

function commandLine(pid: number): readonly string[] | null {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
    return text === "" ? null : text.split("\0").slice(0, -1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function terminate(pid: number): void {
  try {
    Deno.kill(pid, "SIGTERM");
  } catch (error) {
    ignoreNotFound(error);
  }
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
