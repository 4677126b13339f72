/**
 * Runs sandboxes on this machine, without a container engine: a supervisor process for each.
 *
 * The folders are the truth: what runs is found again by them after the gateway was gone.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import { type SandboxFolder, sandboxFolder } from "../../supervisor/sandbox_folder.ts";
import type { ComputeDriver, DriverReport, DriverSandbox } from "../contract.ts";
import { endProcess } from "./end_process.ts";
import { isRunning, type ProcessIdentity, ProcessLookError } from "./process_identity.ts";
import {
  forgetExit,
  prepareFolder,
  readEnding,
  readExit,
  readSupervisor,
  type RecordedEnding,
  type RecordedExit,
  removeFolder,
  tidyFolder,
  writeSupervisor,
} from "./sandbox_folders.ts";
import {
  SandboxStartError,
  type SupervisorCommand,
  SupervisorProcess,
} from "./supervisor_process.ts";

/** Between two looks at a supervisor that an earlier gateway started, in milliseconds. */
const LOOK_MS = 500;

/** Time for a supervisor to end by itself, and then by force, in milliseconds. */
const STOP_TIMES = { graceMs: 10_000, killMs: 10_000 };

export interface EmbeddedOptions extends SupervisorCommand {
  /** Folder that holds a folder for each sandbox. */
  readonly folder: string;
  readonly version: string;
  /** Says why no sandbox can run here, each with its fix; empty where one can. */
  readonly findMissing: () => readonly string[];
}

/** This machine cannot run a sandbox. */
export class MachineError extends CodedError {
  override readonly name = "MachineError";
  override readonly code = "failed_precondition";

  constructor(missing: readonly string[]) {
    const hint = 'Run "openshell doctor" for all that is missing and how to mend it';
    super(`Cannot run a sandbox on this machine: ${missing.join("; ")}`, { hint });
  }
}

export class EmbeddedDriver implements ComputeDriver {
  readonly name = "embedded";
  readonly version: string;
  readonly #options: EmbeddedOptions;
  readonly #observers = new Set<(report: DriverReport) => void>();
  /** Ids whose end was asked for: it is no failure. */
  readonly #stopping = new Set<string>();
  readonly #watched = new Map<string, ProcessIdentity>();
  readonly #timers = new Set<ReturnType<typeof setInterval>>();
  /** Started ahead of need, so that the next sandbox does not wait for it. */
  #spare: SupervisorProcess | null = null;
  /** Folders are prepared one after the other, so that no two get the same identity. */
  #prepared: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.version = options.version;
  }

  /** Starts a supervisor ahead of need, where there is none. */
  warm(): void {
    if (this.#closed || this.#spare !== null) return;
    const spare = this.#tryToStart();
    if (spare === null) return;
    this.#spare = spare;
    void spare.ended.then(() => {
      if (this.#spare === spare) this.#spare = null;
    });
  }

  validate(_sandbox: DriverSandbox): Promise<void> {
    const missing = this.#options.findMissing();
    return missing.length === 0 ? Promise.resolve() : Promise.reject(new MachineError(missing));
  }

  async start(sandbox: DriverSandbox): Promise<void> {
    await this.validate(sandbox);
    const { id } = sandbox;
    const folder = this.#folder(id);
    if (readLive(folder) !== null) return;
    const identity = await this.#prepare(folder);
    await tidyFolder(folder);
    await forgetExit(folder);
    this.#report({ id, state: "starting", step: "starting_sandbox" });
    const { policy, ...rest } = sandbox;
    const supervisor = this.#take();
    try {
      const running = supervisor.identity;
      if (running !== null) await writeSupervisor(folder, running);
      await supervisor.assign({
        sandbox: rest,
        policy: new TextDecoder().decode(policy),
        folder: folder.path,
        identity,
        version: this.version,
      }, (step) => this.#report({ id, state: "starting", step }));
    } catch (error) {
      // One that got no assignment would wait for it as long as the gateway runs.
      supervisor.kill();
      await supervisor.ended;
      await tidyFolder(folder);
      if (error instanceof SandboxStartError) this.#reportFailure(id, error);
      throw error;
    }
    this.#watched.set(id, supervisor.identity ?? { pid: 0, startTime: "" });
    this.#report({ id, state: "running" });
    void supervisor.ended.then(() => this.#onEnd(id));
    this.#warmSoon();
  }

  async stop(id: string): Promise<void> {
    const folder = this.#folder(id);
    this.#stopping.add(id);
    try {
      const supervisor = readLive(folder);
      if (supervisor !== null) await endProcess(supervisor, STOP_TIMES);
      await tidyFolder(folder);
    } finally {
      this.#stopping.delete(id);
    }
    this.#watched.delete(id);
    this.#report({ id, state: "stopped" });
  }

  async delete(id: string): Promise<boolean> {
    await this.stop(id);
    return await removeFolder(this.#folder(id), this.#options.subordinateIds);
  }

  async list(): Promise<readonly DriverReport[]> {
    const reports: DriverReport[] = [];
    for (const id of await idsIn(this.#options.folder)) {
      const folder = this.#folder(id);
      const supervisor = readLive(folder);
      if (supervisor === null) {
        const { ending, exit } = await readEnd(folder);
        const hasFailed = ending !== null || exit !== null;
        reports.push(hasFailed ? failure(id, { ending }) : { id, state: "stopped" });
      } else {
        this.#adopt(id, supervisor);
        reports.push({ id, state: "running" });
      }
    }
    return reports;
  }

  watch(observe: (report: DriverReport) => void): () => void {
    this.#observers.add(observe);
    return () => this.#observers.delete(observe);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    const spare = this.#spare;
    this.#spare = null;
    spare?.kill();
    await spare?.ended;
  }

  /** Without a spare the next sandbox starts its own, and says what is missing for that. */
  #tryToStart(): SupervisorProcess | null {
    try {
      return new SupervisorProcess(this.#options);
    } catch (error) {
      if (error instanceof Error) return null;
      throw error;
    }
  }

  /** Not at once: the sandbox that was just started is to have the processor. */
  #warmSoon(): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.warm();
    }, LOOK_MS);
    this.#timers.add(timer);
  }

  #prepare(folder: SandboxFolder): ReturnType<typeof prepareFolder> {
    const { folder: parent, subordinateIds } = this.#options;
    const prepared = this.#prepared.then(() => prepareFolder(parent, folder, subordinateIds));
    this.#prepared = prepared.catch(() => {});
    return prepared;
  }

  #take(): SupervisorProcess {
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null && spare.identity !== null) return spare;
    return new SupervisorProcess(this.#options);
  }

  /** A process that is not our child has no status to wait for: it is looked at. */
  #adopt(id: string, supervisor: ProcessIdentity): void {
    if (this.#watched.has(id) || this.#closed) return;
    this.#watched.set(id, supervisor);
    const timer = setInterval(() => {
      if (mayRun(supervisor)) return;
      clearInterval(timer);
      this.#timers.delete(timer);
      void this.#onEnd(id);
    }, LOOK_MS);
    this.#timers.add(timer);
  }

  async #onEnd(id: string): Promise<void> {
    if (this.#stopping.has(id) || !this.#watched.delete(id)) return;
    // A main process that ended was reported by its supervisor, which then ended as it should.
    const { ending, exit } = await readEnd(this.#folder(id));
    if (exit?.reported !== true) this.#report(failure(id, { ending, exitCode: exit?.code }));
  }

  #reportFailure(id: string, { reason, message, hint }: SandboxStartError): void {
    const report = { id, state: "failed", reason, message } as const;
    this.#report(hint === undefined ? report : { ...report, hint });
  }

  #report(report: DriverReport): void {
    for (const observe of this.#observers) observe(report);
  }

  #folder(id: string) {
    return sandboxFolder(`${this.#options.folder}/${id}`);
  }
}

/**
 * Removes what an ended supervisor has left, and returns how it ended. Nobody waits for the answer
 * alone, so what cannot be removed or read is an ending as well.
 */
async function readEnd(
  folder: SandboxFolder,
): Promise<{ readonly ending: RecordedEnding | null; readonly exit: RecordedExit | null }> {
  try {
    await tidyFolder(folder);
    const [ending, exit] = await Promise.all([readEnding(folder), readExit(folder)]);
    return { ending, exit };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const message = `what its supervisor left cannot be removed: ${detail}`;
    return { ending: { reason: "LeftoversRemain", message }, exit: null };
  }
}

function failure(
  id: string,
  { ending, exitCode }: {
    readonly ending: RecordedEnding | null;
    readonly exitCode?: number | undefined;
  },
): DriverReport {
  if (ending !== null) return { id, state: "failed", ...ending };
  if (exitCode !== undefined) {
    const message = `the main process ended with ${exitCode}`;
    return { id, state: "failed", reason: "MainProcessExited", message };
  }
  const message = "its supervisor ended, and every process of the sandbox with it";
  return { id, state: "failed", reason: "SupervisorEnded", message };
}

/** One that cannot be looked at is looked at again later. */
function mayRun(supervisor: ProcessIdentity): boolean {
  try {
    return isRunning(supervisor);
  } catch (error) {
    if (error instanceof ProcessLookError) return true;
    throw error;
  }
}

function readLive(folder: SandboxFolder): ProcessIdentity | null {
  const supervisor = readSupervisor(folder);
  return supervisor !== null && isRunning(supervisor) ? supervisor : null;
}

async function idsIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
