/**
 * A running jail, as the supervisor sees it: start it, run programs in it, end it.
 *
 * Nothing runs in a jail before its controls were read back from outside.
 *
 * @module
 */

import { JAIL_CHUNK_BYTES_MAX, JAIL_END_MS_MAX, JAIL_START_MS_MAX } from "../../../proto/limits.ts";
import { IsolationError, JailCallError } from "./isolation_error.ts";
import type { Confinement, JailCommand, JailExit, JailSpec, OutputName } from "./jail_spec.ts";
import { JailChannel } from "./jail_channel.ts";
import { findBreaches, gatherEvidence } from "./read_back.ts";

/**
 * A program in a jail. Read or cancel both outputs, and wait for its end: until then it counts among
 * the jail's programs, and may block.
 */
export interface JailProcess {
  /** As the host sees it. */
  readonly pid: number;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Writes to standard input; resolves when the program's pipe took the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  endInput(): Promise<void>;
  kill(signal: Deno.Signal): Promise<void>;
  /** Resolves at the end; output may still be there to read. */
  wait(): Promise<JailExit>;
}

/**
 * Starts a jail and reads back that every control is in force.
 *
 * @throws {IsolationError} naming the first control that is not in force; nothing is left then.
 */
export async function startJail(spec: JailSpec): Promise<Jail> {
  const channel = new JailChannel(new URL("./jail_worker.ts", import.meta.url));
  let confinement: Confinement;
  try {
    confinement = await channel.call<Confinement>({ type: "confine", spec }, JAIL_START_MS_MAX);
  } catch (error) {
    channel.end();
    throw error;
  }
  const jail = new Jail(channel, confinement);
  const [breach] = findBreaches(gatherEvidence(confinement), spec, confinement);
  if (breach === undefined) return jail;
  await jail.close();
  throw new IsolationError(breach.control, breach.found);
}

/** A jail whose controls are in force. */
export class Jail {
  readonly #channel: JailChannel;
  readonly #confinement: Confinement;
  #closing: Promise<void> | null = null;

  constructor(channel: JailChannel, confinement: Confinement) {
    this.#channel = channel;
    this.#confinement = confinement;
  }

  /**
   * Descriptors of listening sockets inside, in the order of `ports`: non-blocking, and the
   * caller's to accept on and to close, as with `server.listen({ fd })` of `node:net`.
   */
  get listeners(): readonly number[] {
    return this.#confinement.listeners;
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
   * Starts a program. One that does not exist ends with 127, as in a shell.
   *
   * @throws {JailCallError} when the jail has ended.
   */
  async spawn(command: JailCommand): Promise<JailProcess> {
    const process = await this.#channel.call<number>({ type: "spawn", command });
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
      kill: (signal) => call({ type: "kill", process, signal }),
      wait: () => call<JailExit>({ type: "wait", process }),
    };
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
      await untilThreadEnds(this.#confinement.threadId);
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
