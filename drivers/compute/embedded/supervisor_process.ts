/**
 * A supervisor as the driver sees it: a process of our own program, in a session of its own.
 *
 * It outlives the gateway once it has an assignment; without one it ends with it.
 *
 * @module
 */

import { TextLineStream } from "./text_line_stream.ts";
import type { Assignment, GatewayAccess, SupervisorReport } from "../../supervisor/assignment.ts";
import { CodedError } from "../../../proto/errors.ts";
import { SUPERVISOR_START_MS_MAX } from "../../../proto/limits.ts";
import { closeOnExec } from "../../system/close_on_exec_ffi.ts";
import type { SubordinateIds } from "../../system/subordinate_ids.ts";
import { identifyProcess, type ProcessIdentity } from "./process_identity.ts";
import { inUserNamespace, mapIds } from "./user_namespace.ts";

/** The sandbox did not start. */
export class SandboxStartError extends CodedError {
  override readonly name = "SandboxStartError";
  override readonly code = "failed_precondition";

  constructor(readonly reason: string, message: string, hint?: string) {
    super(message, hint === undefined ? {} : { hint });
  }
}

/** How to start a supervisor. */
export interface SupervisorCommand {
  /** Our own program and its leading arguments, without a role. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly gateway: GatewayAccess;
  /** What an ordinary user has instead of root's rights; `null` for root. */
  readonly subordinateIds: SubordinateIds | null;
}

/** A started supervisor that waits for its assignment, or has one. */
export class SupervisorProcess {
  readonly #child: Deno.ChildProcess;

  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  /** Resolves when it reads. */
  readonly #listening: Promise<void>;

  /** Starts the program: `command` is our own, without a role. */
  constructor({ command, env, gateway, subordinateIds }: SupervisorCommand) {
    // It outlives this process, and is to hold nothing of it.
    closeOnExec();
    const supervise = [...command, "supervise"];
    const [program, ...args] = subordinateIds === null ? supervise : inUserNamespace(supervise);
    this.#child = new Deno.Command(program!, {
      args,
      env: { ...env },
      cwd: "/",
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#child.unref();
    this.#input = this.#child.stdin.getWriter();
    this.#listening = subordinateIds === null ? Promise.resolve() : this.#begin(subordinateIds);
    // One that has ended at once says so when it is given its assignment.
    this.#write(gateway).catch(() => {});
  }

  get identity(): ProcessIdentity | null {
    return identifyProcess(this.#child.pid);
  }

  /** Resolves when the process has ended. */
  get ended(): Promise<void> {
    return this.#child.status.then(() => {});
  }

  /**
   * Gives it a sandbox; resolves when that runs.
   *
   * @throws {SandboxStartError} and nothing is left of the process then.
   */
  async assign(assignment: Assignment, onStep: (step: string) => void): Promise<void> {
    const timeout = setTimeout(() => this.kill(), SUPERVISOR_START_MS_MAX);
    try {
      await this.#write(assignment);
      await this.#input.close();
      await this.#untilRunning(onStep);
    } catch (error) {
      this.kill();
      await this.ended;
      if (error instanceof SandboxStartError) throw error;
      const message = `Cannot start the sandbox: ${(error as Error).message}`;
      const hint = error instanceof CodedError ? error.hint : undefined;
      throw new SandboxStartError("SupervisorFailed", message, hint);
    } finally {
      clearTimeout(timeout);
    }
  }

  async #begin(ids: SubordinateIds): Promise<void> {
    try {
      await mapIds(this.#child.pid, ids);
      await this.#input.write(new TextEncoder().encode("\n"));
    } catch (error) {
      // One without its maps never becomes a supervisor.
      this.kill();
      throw error;
    }
  }

  async #write(value: unknown): Promise<void> {
    await this.#listening;
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
  }

  async #untilRunning(onStep: (step: string) => void): Promise<void> {
    for await (const line of this.#child.stdout.pipeThrough(new TextLineStream())) {
      const report = JSON.parse(line) as SupervisorReport;
      if (report.state === "running") return;
      if (report.state === "starting") onStep(report.step);
      else throw new SandboxStartError(report.reason, report.message, report.hint);
    }
    const message = "Cannot start the sandbox: its supervisor ended or took too long";
    throw new SandboxStartError("SupervisorFailed", message, "See the gateway's log");
  }

  /** Ends it at once; the jail ends with it. */
  kill(): void {
    // Whoever waits for its end now must not be overtaken by the end of this process.
    this.#child.ref();
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  }
}
