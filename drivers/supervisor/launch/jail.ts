/**
 * A running jail, as the supervisor sees it: start it, run programs in it, end it.
 *
 * Nothing runs in a jail before its controls were read back from outside.
 *
 * @module
 */

import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { JAIL_CHUNK_BYTES_MAX, JAIL_END_MS_MAX, JAIL_START_MS_MAX } from "../../../proto/limits.ts";
import { adoptListener } from "./adopt_listener_ffi.ts";
import { IsolationError, JailCallError } from "./isolation_error.ts";
import type {
  Confinement,
  JailCommand,
  JailExit,
  JailSpec,
  OutputName,
  Spawned,
  TerminalSize,
} from "./jail_spec.ts";
import { JailChannel } from "./jail_channel.ts";
import { openOwnerMaps } from "./owner_map.ts";
import { holdPlaceholders, removePlaceholders } from "./placeholders.ts";
import { type Breach, findBreaches, gatherEvidence } from "./read_back.ts";
import { Terminal } from "./terminal_ffi.ts";
import { watchMounts } from "./watch_mounts_ffi.ts";

/**
 * A program in a jail. Read or cancel both outputs, and wait for its end: until then it counts among
 * the jail's programs, and may block.
 */
export interface JailProcess {
  /** As the host sees it. */
  readonly pid: number;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Writes to standard input; resolves when the program's pipe or terminal took the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes standard input; on a terminal, types the character that ends input (`^D`). */
  endInput(): Promise<void>;
  /** Of the terminal: programs on it get `SIGWINCH`. */
  resize(size: TerminalSize): Promise<void>;
  /** Signals the program's whole process group, and fails when the program has ended. */
  signal(signal: Deno.Signal): Promise<void>;
  /** Resolves at the end; output may still be there to read. */
  wait(): Promise<JailExit>;
}

/** Bytes to and from a port inside. Closing `writable` ends one direction. */
export interface InnerConnection {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

export interface JailOptions {
  /**
   * Called with init, and with each command before anything of it runs: the place to put it into a
   * control group. When it throws, the process is killed.
   */
  readonly onSpawn?: (pid: number) => void | Promise<void>;
  /** A thread that was started ahead of need: see `startJailThread`. */
  readonly thread?: JailChannel;
}

/** Starts a thread that waits to be confined. It belongs to the jail that it is given to. */
export function startJailThread(): JailChannel {
  return new JailChannel(new URL("./jail_worker.ts", import.meta.url));
}

/**
 * Starts a jail and reads back that every control is in force.
 *
 * @throws {IsolationError} naming the first control that is not in force; nothing is left then.
 */
export async function startJail(
  spec: JailSpec,
  { onSpawn, thread: channel = startJailThread() }: JailOptions = {},
): Promise<Jail> {
  let confinement: Confinement;
  try {
    await using owners = await openOwnerMaps(spec);
    const request = { type: "confine", spec, ownerMaps: owners.maps } as const;
    confinement = await channel.call<Confinement>(request, JAIL_START_MS_MAX);
  } catch (error) {
    channel.end();
    removePlaceholders(spec.plan.placeholders);
    throw error;
  }
  // Before the read-back, which sees what another sandbox has removed until here.
  const held = holdPlaceholders(spec.plan);
  const jail = new Jail(channel, { spec, confinement, held, onSpawn: onSpawn ?? (() => {}) });
  try {
    const [breach] = findBreaches(gatherEvidence(confinement), spec, confinement);
    if (breach !== undefined) throw new IsolationError(breach.control, breach.found);
    await onSpawn?.(confinement.initPid);
    await channel.call({ type: "release_init" }, JAIL_START_MS_MAX);
    return jail;
  } catch (error) {
    await jail.close();
    throw error;
  }
}

interface JailParts {
  readonly spec: JailSpec;
  readonly confinement: Confinement;
  readonly held: Disposable;
  readonly onSpawn: NonNullable<JailOptions["onSpawn"]>;
}

/** A jail whose controls are in force. */
export class Jail {
  readonly #channel: JailChannel;
  readonly #spec: JailSpec;
  readonly #confinement: Confinement;
  readonly #held: Disposable;
  readonly #onSpawn: NonNullable<JailOptions["onSpawn"]>;
  readonly #terminals = new Set<Terminal>();
  #closing: Promise<void> | null = null;

  constructor(channel: JailChannel, { spec, confinement, held, onSpawn }: JailParts) {
    this.#channel = channel;
    this.#spec = spec;
    this.#confinement = confinement;
    this.#held = held;
    this.#onSpawn = onSpawn;
  }

  /** The kernel's level of Landlock. */
  get landlockAbi(): number {
    return this.#confinement.landlockAbi;
  }

  /** Process id of init, as the host sees it. */
  get initPid(): number {
    return this.#confinement.initPid;
  }

  /**
   * Asks for connections inside by `NETLINK_SOCK_DIAG`. Open as long as the jail.
   */
  get socketTable(): number {
    return this.#confinement.socketTable;
  }

  /**
   * Listens on 127.0.0.1 inside. What is accepted is the sandbox's; what this thread dials leaves
   * from the host. The listener is the caller's to close.
   *
   * @throws {JailCallError} when the jail has ended, or the port is taken.
   */
  async listen(port: number): Promise<Deno.TcpListener> {
    return adoptListener(await this.#channel.call<number>({ type: "listen", port }));
  }

  /**
   * Connects to a port of loopback inside.
   *
   * @throws {JailCallError} where nothing listens, or when the jail has ended.
   */
  async dial(port: number): Promise<InnerConnection> {
    const fd = await this.#channel.call<number>({ type: "dial", port });
    return Duplex.toWeb(new Socket({ fd, allowHalfOpen: true })) as unknown as InnerConnection;
  }

  /**
   * Reads the controls back once more. A mount point is lost when somebody on the host replaces or
   * removes the file below it, and with it what it protects: then the sandbox has to end.
   */
  findBreaches(): readonly Breach[] {
    return findBreaches(gatherEvidence(this.#confinement), this.#spec, this.#confinement);
  }

  /**
   * Calls back when a mount inside came, went or changed, until it is called off by what it returns.
   *
   * @throws {JailCallError}
   */
  watchMounts(onChange: () => void): () => void {
    return watchMounts(`/proc/self/task/${this.#confinement.threadId}/mountinfo`, onChange);
  }

  /**
   * Starts a program. One that does not exist ends with 127, as in a shell.
   *
   * @throws {JailCallError} when the jail has ended.
   */
  async spawn(command: JailCommand): Promise<JailProcess> {
    const { pid, terminal } = await this.#channel.call<Spawned>({ type: "spawn", command });
    const process = terminal === null ? this.#piped(pid) : this.#onTerminal(pid, terminal);
    try {
      await this.#onSpawn(pid);
    } catch (error) {
      await this.#abandon(process);
      throw error;
    }
    await this.#channel.call({ type: "release", process: pid });
    return process;
  }

  #piped(process: number): JailProcess {
    const call = <T>(request: Parameters<JailChannel["call"]>[0]) => this.#channel.call<T>(request);
    return {
      pid: process,
      stdout: this.#output(process, "stdout"),
      stderr: this.#output(process, "stderr"),
      async write(bytes) {
        for (let at = 0; at < bytes.length; at += JAIL_CHUNK_BYTES_MAX) {
          const part = bytes.slice(at, at + JAIL_CHUNK_BYTES_MAX);
          await call({ type: "write", process, bytes: part });
        }
      },
      endInput: () => call({ type: "end_input", process }),
      resize: () => Promise.reject(new JailCallError("resize", "the program has no terminal")),
      signal: (signal) => call({ type: "signal", process, signal }),
      wait: () => call<JailExit>({ type: "wait", process }),
    };
  }

  #onTerminal(process: number, master: number): JailProcess {
    const terminal = new Terminal(master, () => this.#terminals.delete(terminal));
    this.#terminals.add(terminal);
    return {
      pid: process,
      stdout: terminal.output,
      stderr: new ReadableStream({ start: (controller) => controller.close() }),
      write: (bytes) => terminal.write(bytes),
      endInput: () => terminal.endInput(),
      // deno-lint-ignore require-await -- what it throws must come by the promise.
      resize: async (size) => terminal.resize(size),
      signal: (signal) => this.#channel.call({ type: "signal", process, signal }),
      wait: () => this.#channel.call<JailExit>({ type: "wait", process }),
    };
  }

  /** Ends a program that was not released. */
  async #abandon(process: JailProcess): Promise<void> {
    // It may have ended by itself; then there is nothing to kill.
    await process.signal("SIGKILL").catch(() => {});
    await Promise.all([process.stdout.cancel(), process.stderr.cancel(), process.wait()]);
  }

  /** Ends every process of the jail, and with them its namespaces and mounts. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    try {
      await this.#channel.call({ type: "end_init" }, JAIL_END_MS_MAX);
    } finally {
      // Should the thread not have answered: its end closes the input of init just as well.
      this.#channel.end();
      for (const terminal of this.#terminals) terminal.close();
      await untilThreadEnds(this.#confinement.threadId);
      this.#held[Symbol.dispose]();
      removePlaceholders(this.#spec.plan.placeholders);
    }
  }

  #output(process: number, output: OutputName): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        const read = { type: "read", process, output } as const;
        const bytes = await this.#channel.call<Uint8Array | null>(read);
        if (bytes === null) controller.close();
        else controller.enqueue(bytes);
      },
      cancel: () => this.#channel.call({ type: "discard", process, output }),
    }, { highWaterMark: 0 });
  }
}

/** The thread holds the namespaces, so the jail is gone when it is. */
async function untilThreadEnds(threadId: number): Promise<void> {
  const deadline = performance.now() + JAIL_END_MS_MAX;
  while (threadExists(threadId)) {
    if (performance.now() > deadline) throw new JailCallError("end", "its thread does not end");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function threadExists(threadId: number): boolean {
  try {
    Deno.lstatSync(`/proc/self/task/${threadId}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
