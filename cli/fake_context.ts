/**
 * A context in memory, for tests of commands.
 *
 * @module
 */

import { fakeGateway } from "../gateway/client/fake_gateway.ts";
import type { Gateway, WindowSize } from "../gateway/client/types.ts";
import type { Context, Files, Gateways, Machine, Outcome, SignalName, Sink } from "./context.ts";

/** What the fake holds before the command runs. All empty where left out. */
export interface FakeOptions {
  /** Contents by path, as text or bytes. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Makes all three streams terminals. */
  readonly isTerminal?: boolean;
  /** What standard input brings, chunk by chunk, in place of `stdin`. */
  readonly chunks?: () => AsyncIterable<Uint8Array>;
  /** Makes standard input alone something else than `isTerminal` says. */
  readonly isStdinTerminal?: boolean;
  readonly gateway?: Gateway;
  /** Replaces parts of the way to the gateway. */
  readonly gateways?: Partial<Gateways>;
  readonly windowSize?: WindowSize;
  /** Answers for programs that are run. */
  readonly run?: (command: readonly string[]) => Outcome;
  /** Replaces parts of the machine. */
  readonly machine?: Partial<Machine>;
}

/** A context together with what a command left behind in it. */
export interface FakeContext extends Context {
  /** Everything written to standard output. */
  out(): string;
  /** Everything written to standard error. */
  err(): string;
  /** Text of a file, `undefined` where there is none. */
  file(path: string): string | undefined;
  /** How standard input was switched, in order. */
  readonly rawModes: readonly boolean[];
  /** Sends a signal to whoever took it over. Returns how many did. */
  signal(name: SignalName): number;
  /** Programs that were started to outlive the command. */
  readonly detached: readonly (readonly string[])[];
}

/** Returns a context in memory. */
export function fakeContext(options: FakeOptions = {}): FakeContext {
  const isTerminal = options.isTerminal ?? false;
  const files = new Map(
    Object.entries(options.files ?? {}).map(([path, content]) => [path, toBytes(content)]),
  );
  const stdout = new MemorySink(isTerminal);
  const stderr = new MemorySink(isTerminal);
  const rawModes: boolean[] = [];
  const detached: (readonly string[])[] = [];
  const handlers = new Map<SignalName, Set<() => void>>();
  const gateway = options.gateway ?? fakeGateway();
  return {
    stdout,
    stderr,
    rawModes,
    detached,
    signal(name) {
      const all = [...handlers.get(name) ?? []];
      for (const handle of all) handle();
      return all.length;
    },
    machine: { ...fakeMachine(options, handlers, detached), ...options.machine },
    gateways: {
      open: () => Promise.resolve(gateway),
      find: () =>
        Promise.resolve({
          target: {
            kind: "registered" as const,
            name: gateway.name,
            endpoint: gateway.endpoint,
            auth: gateway.auth,
            tls: null,
          },
          gateway,
        }),
      ...options.gateways,
    },
    stdin: {
      isTerminal: options.isStdinTerminal ?? isTerminal,
      setRaw: (raw) => void rawModes.push(raw),
      chunks: options.chunks ?? (() => oneChunk(toBytes(options.stdin ?? ""))),
      read: (bytesMax) => Promise.resolve(toBytes(options.stdin ?? "").slice(0, bytesMax + 1)),
    },
    files: fakeFiles(files),
    env: (name) => options.env?.[name],
    out: () => stdout.text,
    err: () => stderr.text,
    file(path) {
      const bytes = files.get(path);
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    },
  };
}

/** Folders are there where a file is below them. */
function fakeFiles(files: Map<string, Uint8Array>): Files {
  return {
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
    makeFolder: () => Promise.resolve(),
    remove(path) {
      files.delete(path);
      return Promise.resolve();
    },
    list(path) {
      const below = [...files.keys()].filter((file) => file.startsWith(`${path}/`));
      return Promise.resolve(below.map((file) => file.slice(path.length + 1)).sort());
    },
    kindOf(path) {
      if (files.has(path)) return Promise.resolve("file");
      const isFolder = [...files.keys()].some((file) => file.startsWith(`${path}/`));
      return Promise.resolve(isFolder ? "directory" : null);
    },
  };
}

/** Time stands still but for `sleep`, which moves it on at once. */
function fakeMachine(
  options: FakeOptions,
  handlers: Map<SignalName, Set<() => void>>,
  detached: (readonly string[])[],
): Machine {
  let now = 1_800_000_000_000;
  return {
    command: ["openshell"],
    cwd: () => "/home/me",
    now: () => now,
    sleep(ms) {
      now += ms;
      return Promise.resolve();
    },
    every: () => () => {},
    onSignal(name, handle) {
      const all = handlers.get(name) ?? new Set();
      handlers.set(name, all.add(handle));
      return () => all.delete(handle);
    },
    windowSize: () => options.windowSize ?? null,
    run: (command) =>
      Promise.resolve(options.run?.(command) ?? { code: 1, stdout: toBytes(""), stderr: "" }),
    spawnDetached(command) {
      detached.push(command);
      return Promise.resolve(4242);
    },
    commandLine: () => null,
    terminate: () => {},
  };
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  if (bytes.length > 0) yield bytes;
}

class MemorySink implements Sink {
  text = "";
  readonly #decoder = new TextDecoder();

  constructor(readonly isTerminal: boolean) {}

  write(content: string | Uint8Array): void {
    this.text += typeof content === "string"
      ? content
      : this.#decoder.decode(content, { stream: true });
  }
}

function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
