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
import { IsolationError, JailCallError } from "./isolation_error.ts";
import type {
  JailCall,
  JailCommand,
  JailExit,
  JailReply,
  JailRequest,
  JailSpec,
  OutputName,
} from "./jail_spec.ts";
import { loadLibc } from "./libc_ffi.ts";
import { limitedArguments } from "./limited_argv.ts";

/** What of a worker's global scope is used; the library of types has only the window's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<JailCall>) => void) | null;
  postMessage(reply: JailReply): void;
}

interface Running {
  readonly child: Deno.ChildProcess;
  readonly input: WritableStreamDefaultWriter<Uint8Array> | null;
  readonly stdout: ReadableStreamBYOBReader;
  readonly stderr: ReadableStreamBYOBReader;
  /** What the main thread may still ask for; when nothing is left, the program is forgotten. */
  readonly open: Set<OutputName | "end">;
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
        return await this.#confine(request.spec);
      case "spawn":
        return this.#spawn(request.command);
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
      case "kill":
        return this.#find(request.process).child.kill(request.signal);
      case "end_init":
        return await this.#endInit();
    }
  }

  async #confine(spec: JailSpec): Promise<unknown> {
    if (this.#jail !== null) throw new JailCallError("confine", "it is confined already");
    const confined = await confine(this.#libc, spec);
    this.#jail = { spec, confined };
    return confined.confinement;
  }

  #spawn({ argv, env, cwd, stdin }: JailCommand): number {
    const { spec } = this.#confined();
    if (this.#running.size >= JAIL_PROCESSES_MAX) {
      throw new JailCallError("spawn", `${JAIL_PROCESSES_MAX} programs run already`);
    }
    // INVARIANT: before each spawn, because other threads open descriptors at any time.
    this.#libc.keepDescriptors();
    const child = new Deno.Command("/bin/sh", {
      args: limitedArguments(spec.limits, argv),
      // INVARIANT: a session of its own, so that no group and no terminal is shared with OpenShell.
      detached: true,
      cwd,
      clearEnv: true,
      env: { ...env },
      stdin,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#running.set(child.pid, {
      child,
      input: stdin === "piped" ? child.stdin.getWriter() : null,
      stdout: child.stdout.getReader({ mode: "byob" }),
      stderr: child.stderr.getReader({ mode: "byob" }),
      open: new Set(["stdout", "stderr", "end"]),
    });
    return child.pid;
  }

  /** Returns the next bytes, or `null` at the end. */
  async #read(process: number, output: OutputName): Promise<Uint8Array | null> {
    const reader = this.#find(process)[output];
    const { value, done } = await reader.read(new Uint8Array(JAIL_CHUNK_BYTES_MAX));
    if (!done) return value.slice();
    this.#settle(process, output);
    return null;
  }

  async #discard(process: number, output: OutputName): Promise<void> {
    await this.#find(process)[output].cancel();
    this.#settle(process, output);
  }

  async #wait(process: number): Promise<JailExit> {
    const status = await this.#find(process).child.status;
    this.#settle(process, "end");
    return toExit(status);
  }

  /** Not by a signal: its process id may be another's once it has ended. */
  async #endInit(): Promise<JailExit> {
    const { init } = this.#confined().confined;
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
    const { input } = this.#find(process);
    if (input === null) throw new JailCallError("write", `process ${process} has no input`);
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
