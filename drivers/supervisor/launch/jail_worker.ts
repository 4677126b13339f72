/**
 * The jail thread: confines itself once, then only spawns.
 *
 * It runs nothing of the agent's. What it is asked comes from the main thread alone, one reply a
 * request; it sends output only when asked for, so a program that nobody reads fills its own pipe
 * and nothing else.
 *
 * INVARIANT: nothing here may start a thread, as asynchronous file calls and `import()` do: the
 * kernel refuses threads to whoever's children go to another pid namespace, and Deno then aborts.
 *
 * @module
 */

import { JAIL_CHUNK_BYTES_MAX, JAIL_PROCESSES_MAX } from "../../../proto/limits.ts";
import { confine, type Confined } from "./confine.ts";
import {
  GATE_SHELL,
  gateCommand,
  type GatedCommand,
  type GatedInput,
  RELEASE,
} from "./gated_command.ts";
import { dialInside, listenInside } from "./inner_sockets.ts";
import { IsolationError, JailCallError } from "./isolation_error.ts";
import type {
  JailCall,
  JailCommand,
  JailExit,
  JailReply,
  JailRequest,
  JailSpec,
  OutputName,
  OwnerMap,
  Spawned,
} from "./jail_spec.ts";
import { loadLibc } from "./libc_ffi.ts";
import { type OpenedTerminal, openTerminal } from "./open_terminal.ts";

/** What of a worker's global scope is used; the library of types has only the window's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<JailCall>) => void) | null;
  postMessage(reply: JailReply): void;
}

interface Running {
  readonly child: Deno.ChildProcess;
  /** Takes the release, and then the program's input where it has any. */
  readonly input: WritableStreamDefaultWriter<Uint8Array>;
  readonly hasInput: boolean;
  /** `null` with a terminal, which the main thread reads by itself. */
  readonly stdout: ReadableStreamBYOBReader | null;
  readonly stderr: ReadableStreamBYOBReader | null;
  /** What the main thread may still ask for; when nothing is left, the program is forgotten. */
  readonly open: Set<OutputName | "end">;
  ended: boolean;
}

class JailThread {
  readonly #libc = loadLibc();
  readonly #running = new Map<number, Running>();
  #jail: { readonly spec: JailSpec; readonly confined: Confined } | null = null;

  async answer({ id, request }: JailCall): Promise<JailReply> {
    try {
      return { id, ok: true, value: await this.#do(request) };
    } catch (error) {
      const control = error instanceof IsolationError ? error.control : null;
      const detail = error instanceof IsolationError ? error.detail : describe(error);
      return { id, ok: false, control, detail };
    }
  }

  async #do(request: JailRequest): Promise<unknown> {
    switch (request.type) {
      case "confine":
        return await this.#confine(request.spec, request.ownerMaps);
      case "release_init":
        return await this.#releaseInit();
      case "spawn":
        return this.#spawn(request.command);
      case "release":
        return await this.#release(request.process);
      case "read":
        return await this.#read(request.process, request.output);
      case "discard":
        return await this.#discard(request.process, request.output);
      case "write":
        return await this.#input(request.process).write(request.bytes);
      case "end_input":
        return await this.#input(request.process).close();
      case "wait":
        return await this.#wait(request.process);
      case "signal":
        return this.#signal(request.process, request.signal);
      case "listen":
        this.#confined();
        return listenInside(this.#libc, request.port);
      case "dial":
        this.#confined();
        return await dialInside(this.#libc, request.port);
      case "end_init":
        return await this.#endInit();
    }
  }

  async #confine(spec: JailSpec, ownerMaps: readonly OwnerMap[]): Promise<unknown> {
    if (this.#jail !== null) throw new JailCallError("confine", "it is confined already");
    const confined = await confine(this.#libc, spec, ownerMaps);
    this.#jail = { spec, confined };
    return confined.confinement;
  }

  #spawn({ argv, env, cwd, stdin, terminal }: JailCommand): Spawned {
    const { spec: { limits } } = this.#confined();
    if (this.#running.size >= JAIL_PROCESSES_MAX) {
      throw new JailCallError("spawn", `${JAIL_PROCESSES_MAX} programs run already`);
    }
    const opened = terminal === undefined ? null : openTerminal(this.#libc, terminal);
    try {
      const input = opened === null ? stdin : { terminal: opened.slave };
      const child = this.#start(gateCommand(argv, env, { limits, input }), cwd, input);
      return this.#keep(child, input, opened);
    } catch (error) {
      if (opened !== null) this.#libc.close(opened.master);
      throw error;
    }
  }

  #start(gated: GatedCommand, cwd: string, input: GatedInput): Deno.ChildProcess {
    // INVARIANT: before each spawn, because other threads open descriptors at any time.
    this.#libc.keepDescriptors();
    const output = typeof input === "string" ? "piped" : "null";
    return new Deno.Command(GATE_SHELL, {
      ...gated,
      // INVARIANT: a session of its own, so that no group and no terminal is shared with OpenShell.
      detached: true,
      cwd,
      clearEnv: true,
      stdin: "piped",
      stdout: output,
      stderr: output,
    }).spawn();
  }

  #keep(child: Deno.ChildProcess, input: GatedInput, terminal: OpenedTerminal | null): Spawned {
    const { pid } = child;
    const piped = terminal === null;
    const open = new Set<OutputName | "end">(piped ? ["stdout", "stderr", "end"] : ["end"]);
    this.#running.set(pid, {
      child,
      input: child.stdin.getWriter(),
      hasInput: input === "piped",
      stdout: piped ? child.stdout.getReader({ mode: "byob" }) : null,
      stderr: piped ? child.stderr.getReader({ mode: "byob" }) : null,
      open,
      ended: false,
    });
    const running = this.#running.get(pid);
    void child.status.then(() => {
      if (running !== undefined) running.ended = true;
    });
    return { pid, terminal: terminal?.master ?? null };
  }

  /** Lets a program begin. One that could not lower its limits has ended: its exit code says so. */
  async #release(process: number): Promise<void> {
    const { input, hasInput } = this.#find(process);
    try {
      await input.write(RELEASE);
      if (!hasInput) await input.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  async #releaseInit(): Promise<void> {
    const writer = this.#confined().confined.init.stdin.getWriter();
    await writer.write(RELEASE);
    writer.releaseLock();
  }

  /** The whole group, so that a shell and what it waits for end as one. */
  #signal(process: number, signal: Deno.Signal): void {
    // INVARIANT: only this thread reaps it, so until here the number is nobody else's.
    if (this.#find(process).ended) {
      throw new JailCallError("signal", `process ${process} has ended`);
    }
    Deno.kill(-process, signal);
  }

  /** Returns the next bytes, or `null` at the end. */
  async #read(process: number, output: OutputName): Promise<Uint8Array | null> {
    const reader = this.#find(process)[output];
    if (reader === null) throw new JailCallError("read", `process ${process} has a terminal`);
    const { value, done } = await reader.read(new Uint8Array(JAIL_CHUNK_BYTES_MAX));
    if (!done) return value.slice();
    this.#settle(process, output);
    return null;
  }

  async #discard(process: number, output: OutputName): Promise<void> {
    await this.#find(process)[output]?.cancel();
    this.#settle(process, output);
  }

  async #wait(process: number): Promise<JailExit> {
    const status = await this.#find(process).child.status;
    this.#settle(process, "end");
    return toExit(status);
  }

  /** Not by a signal: its process id may be another's once it has ended. */
  async #endInit(): Promise<JailExit> {
    const { init, confinement: { socketTable } } = this.#confined().confined;
    this.#libc.close(socketTable);
    const closed = init.stdin.close();
    const status = await init.status;
    // Closing fails where init has ended before; that it has ended is all that is asked for.
    await closed.catch(() => {});
    return toExit(status);
  }

  #settle(process: number, part: OutputName | "end"): void {
    const open = this.#running.get(process)?.open;
    open?.delete(part);
    if (open?.size === 0) this.#running.delete(process);
  }

  #input(process: number): WritableStreamDefaultWriter<Uint8Array> {
    const { input, hasInput } = this.#find(process);
    if (!hasInput) throw new JailCallError("write", `process ${process} has no input`);
    return input;
  }

  #confined() {
    if (this.#jail === null) throw new JailCallError("spawn", "it is not confined");
    return this.#jail;
  }

  #find(process: number): Running {
    const running = this.#running.get(process);
    if (running === undefined) throw new JailCallError("reach", `process ${process} has ended`);
    return running;
  }
}

function toExit({ code, signal }: Deno.CommandStatus): JailExit {
  return { code, signal };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const scope = self as unknown as WorkerScope;
const thread = new JailThread();
scope.onmessage = ({ data }) => {
  thread.answer(data).then((reply) => scope.postMessage(reply));
};
