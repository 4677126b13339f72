/**
 * Sandboxes: made, stopped, started and ended as people ask, kept in step with what drivers and
 * supervisors say.
 *
 * The store is the truth. What is to happen is written before it is begun, so that a gateway that
 * was killed finishes it when it starts again.
 *
 * @module
 */

import type { ComputeDriver, DriverReport, DriverSandbox } from "../../drivers/compute/contract.ts";
import type { RecordChange } from "../events/change_recorder.ts";
import { type ProofOutcome, withOverruled } from "../policy/policy_proofs.ts";
import type { PolicyChange, PolicyRevisions } from "../policy/revisions.ts";
import { documentFromWire } from "../policy/policy_document.ts";
import type { SettingsStore } from "../policy/settings.ts";
import { ConflictError, type ObjectStore, StoreError } from "../store/contract.ts";
import { toFailure } from "./driver_failure.ts";
import {
  checkRequest,
  environmentOf,
  resolveWorkspace,
  type SandboxRequest,
} from "./check_request.ts";
import { readDriverOptions } from "./driver_options.ts";
import { KeyedGate } from "./keyed_gate.ts";
import { checkAnnotations, parseLabelSelector } from "./label_selector.ts";
import { twoWordName } from "./names.ts";
import { judgeRequest, newState, type SandboxEvent } from "./phase.ts";
import { markRestarted, recoverSandboxes, type Recovery } from "./recover_sandboxes.ts";
import { changeProviders, holdProviders, type ProviderGuard } from "./provider_guard.ts";
import { PhaseError, SandboxExistsError, SandboxNotFoundError } from "./sandbox_errors.ts";
import { isUnkeptAndOver, type SandboxRecord } from "./sandbox_record.ts";
import { SandboxStateStore } from "./sandbox_state_store.ts";
import {
  type PlatformEvent,
  type SandboxListener,
  SandboxWatchers,
  toPlatformEvent,
} from "./sandbox_watchers.ts";

export interface SandboxPorts {
  readonly store: ObjectStore;
  readonly driver: ComputeDriver;
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  /** Without it, no sandbox has any. */
  readonly providers?: ProviderGuard;
  /** What it starts with, and what providers add to that; left out: nothing is added. */
  readonly effectivePolicy?: (sandboxId: string) => Promise<{ readonly document: Uint8Array }>;
  /** Makes the token that a sandbox's supervisor shows. */
  readonly issueToken: (sandboxId: string) => Promise<string>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly uuid: () => string;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Waits until it is worth trying again what the store refused; resolves at once when aborted. */
  readonly pause: (signal: AbortSignal) => Promise<void>;
  /** Writes what the gateway did by itself into the sandbox's record. */
  readonly record: RecordChange;
  /** Told of what went wrong where nobody waits for an answer. */
  readonly onProblem: (error: unknown) => void;
}

/** Which sandboxes to list. */
export interface SandboxQuery {
  /** `null`: all. */
  readonly workspace: string | null;
  readonly labelSelector: string;
  readonly limit: number;
  readonly offset: number;
}

export interface PolicyUpdate {
  readonly document: Uint8Array;
  /** Version of the sandbox that the writer has read; 0 for whichever. */
  readonly expectedResourceVersion: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** Takes it although it is not proved. */
  readonly isForced?: boolean;
}

/** Names that are tried before a number is added. */
const NAME_ATTEMPTS_MAX = 8;

export class SandboxService {
  readonly #ports: SandboxPorts;
  readonly #watchers = new SandboxWatchers();
  readonly #states: SandboxStateStore;
  /** What people ask for, one at a time for each sandbox. */
  readonly #operations = new KeyedGate();
  readonly #unwatch: () => void;
  /** What the driver said, or an end brings with it, and is not yet done. */
  readonly #reports = new Set<Promise<void>>();
  /** The newest report of each sandbox that is not yet written. */
  readonly #newest = new Map<string, DriverReport>();
  readonly #closing = new AbortController();

  constructor(ports: SandboxPorts) {
    this.#ports = ports;
    const { store, now, driver } = ports;
    this.#states = new SandboxStateStore({ store, watchers: this.#watchers, now });
    this.#unwatch = driver.watch((report) => {
      const taken = this.#takeReport(report).catch(ports.onProblem);
      this.#reports.add(taken);
      void taken.then(() => this.#reports.delete(taken));
    });
  }

  /**
   * Makes a sandbox and starts it. Returns it as it was before it started; one that cannot start
   * leaves nothing behind.
   *
   * @throws {CodedError}
   */
  async create(request: SandboxRequest): Promise<SandboxRecord> {
    checkRequest(request);
    const { policies, driver, uuid, now } = this.#ports;
    const { spec, labels, annotations } = request;
    const workspace = resolveWorkspace(request.workspace);
    const id = uuid();
    const document = spec.policy ? documentFromWire(spec.policy) : null;
    const first = await policies.prepareFirst(id, document);
    const name = request.name || await this.#freeName(workspace);
    const record: SandboxRecord = {
      id,
      name,
      workspace,
      labels,
      annotations,
      createdAtMs: now(),
      resourceVersion: 0,
      deletionTimestampMs: 0,
      spec,
      state: newState(new Date(now())),
      policyVersion: 0,
    };
    const policy = await policies.globalDocument() ?? first.document;
    const sandbox = await this.#toDriver(record, policy);
    await driver.validate(sandbox);
    return await this.#operations.run(id, async () => {
      const stored = await holdProviders(
        this.#ports.providers,
        { workspace, names: spec.providers, sandboxId: null, policy: first.document },
        () => this.#states.create(record, first.writes),
      ).catch((error: unknown) => {
        throw isNameTaken(error) ? new SandboxExistsError(name) : error;
      });
      try {
        await driver.start({ ...sandbox, policy: await this.#policyOf(id) });
      } catch (error) {
        await this.#rollBack(id);
        throw error;
      }
      return stored;
    });
  }

  /** @throws {SandboxNotFoundError} */
  async get(workspace: string, name: string): Promise<SandboxRecord> {
    const record = await this.#states.find(resolveWorkspace(workspace), name);
    if (record === null) throw new SandboxNotFoundError(name);
    return record;
  }

  /** @throws {SandboxNotFoundError} */
  async getById(sandboxId: string): Promise<SandboxRecord> {
    const record = await this.#states.get(sandboxId);
    if (record === null) throw new SandboxNotFoundError(sandboxId);
    return record;
  }

  async exists(sandboxId: string): Promise<boolean> {
    return await this.#states.get(sandboxId) !== null;
  }

  /** Oldest first. */
  async list(
    { workspace, labelSelector, limit, offset }: SandboxQuery,
  ): Promise<readonly SandboxRecord[]> {
    return await this.#states.list({
      ...(workspace === null ? {} : { workspace: resolveWorkspace(workspace) }),
      labels: parseLabelSelector(labelSelector),
      limit,
      offset,
    });
  }

  /** Ends its processes and keeps its files. One that is stopped already stays so. */
  async stop(workspace: string, name: string): Promise<SandboxRecord> {
    return await this.#operate({ workspace, name }, async (id) => {
      const record = await this.getById(id);
      if (this.#judge(record, "stop") === "done") return record;
      await this.#advance(id, { type: "stop_requested" });
      return await this.#finishStop(id);
    });
  }

  /** Starts a stopped one. One that runs already stays so. */
  async start(workspace: string, name: string): Promise<SandboxRecord> {
    return await this.#operate({ workspace, name }, async (id) => {
      const record = await this.getById(id);
      if (this.#judge(record, "start") === "done") return record;
      await this.#startAgain(await this.#advance(id, { type: "start_requested" }));
      return await this.getById(id);
    });
  }

  /** Ends its processes and removes all that it had. Returns false where there was none. */
  async delete(workspace: string, name: string): Promise<boolean> {
    const deleted = this.#operate({ workspace, name }, async (id) => {
      if (await this.#requestDelete(id) === null) return false;
      await this.#finishDelete(id);
      return true;
    });
    return await deleted.catch((error: unknown) => {
      if (error instanceof SandboxNotFoundError) return false;
      throw error;
    });
  }

  /**
   * Puts a further policy revision into force.
   *
   * @throws {CodedError} The one in force stays.
   */
  async setPolicy(sandboxId: string, update: PolicyUpdate): Promise<PolicyChange> {
    const { policies, providers } = this.#ports;
    const { document, isForced = false } = update;
    checkAnnotations(update.annotations);
    // A proof may take a while, in which the sandbox is not to wait.
    const proven = await policies.prove(sandboxId, document, isForced);
    let change: PolicyChange | null = null;
    const write = (overruled: ProofOutcome | null) =>
      this.#states.applyWith(sandboxId, async (record) => {
        if (record === null) throw new SandboxNotFoundError(sandboxId);
        const { expectedResourceVersion: expected } = update;
        if (expected !== 0 && record.resourceVersion !== expected) {
          throw new ConflictError("changed", "sandbox", record.name);
        }
        if (record.state.phase === "deleting") {
          throw new PhaseError("change the policy of", record.name, "deleting");
        }
        const prepared = await policies.prepare(
          sandboxId,
          withOverruled(proven, overruled),
          update.annotations,
        );
        change = prepared.change;
        return prepared.writes;
      });
    const held = { sandboxId, policy: proven.text, isForced };
    await (providers?.holdPolicy(held, write) ?? write(null));
    if (change === null) throw new SandboxNotFoundError(sandboxId);
    policies.notify(sandboxId);
    return change;
  }

  /** Gives a sandbox other providers. Returning the same list changes nothing. */
  async setProviders(
    record: SandboxRecord,
    change: (names: readonly string[]) => readonly string[],
  ): Promise<SandboxRecord> {
    const { providers } = this.#ports;
    const { workspace, id: sandboxId } = record;
    return await changeProviders(record, change, {
      states: this.#states,
      hold: (names, work) => holdProviders(providers, { workspace, names, sandboxId }, work),
    });
  }

  /** A supervisor loaded a policy, or could not. */
  async policyReported(sandboxId: string, version: number, problem: string | null): Promise<void> {
    await this.#ports.policies.report(sandboxId, version, problem);
    if (problem !== null) return;
    await this.#states.update(
      sandboxId,
      (record) => record.policyVersion === version ? record : { ...record, policyVersion: version },
    );
  }

  /** @throws {SandboxNotFoundError} The session of a sandbox that is gone is to be refused. */
  async supervisorConnected(sandboxId: string, instanceId: string): Promise<void> {
    await this.#advance(sandboxId, { type: "session_connected", instanceId });
  }

  async supervisorDisconnected(sandboxId: string): Promise<void> {
    const record = await this.#states.advance(sandboxId, { type: "session_disconnected" });
    this.#deleteUnkept(record);
  }

  /** What is about an earlier run is ignored. @throws {SandboxNotFoundError} */
  async mainProcessExited(sandboxId: string, instanceId: string, code: number): Promise<void> {
    await this.#advance(sandboxId, { type: "main_process_exited", instanceId, code });
  }

  /** What is about a sandbox that is gone is ignored. */
  async driverReported(report: DriverReport): Promise<void> {
    const { driver, now } = this.#ports;
    const event = toPlatformEvent(report, driver.name, now());
    const record = await this.#states.advance(report.id, { type: "driver_reported", report });
    if (record !== null && event !== null) {
      this.#watchers.tell(report.id, { kind: "event", event });
    }
    if (report.state === "failed") this.#deleteUnkept(record);
  }

  /** Calls `listener` on every change until the returned function is called. */
  watch(sandboxId: string, listener: SandboxListener): () => void {
    return this.#watchers.watch(sandboxId, listener);
  }

  /** Events of a sandbox, oldest first, since the gateway started. */
  events(sandboxId: string): readonly PlatformEvent[] {
    return this.#watchers.events(sandboxId);
  }

  /** First thing when a gateway starts, before it listens: the sessions of the one before are gone. */
  async markRestarted(): Promise<void> {
    await markRestarted(this.#states);
  }

  /** Brings driver and store together. After `markRestarted`, and when supervisors can connect. */
  async recover(): Promise<Recovery> {
    return await recoverSandboxes({
      driver: this.#ports.driver,
      states: this.#states,
      serialise: (id, work) => this.#operations.run(id, work),
      startAgain: (record) => this.#restart(record),
      finishStop: (id) => this.#finishStop(id),
      finishDelete: (id) => this.#finishDelete(id),
      onProblem: this.#ports.onProblem,
    });
  }

  /** Resolves when all that the driver has said is written. */
  async settled(): Promise<void> {
    while (this.#reports.size > 0) await Promise.all(this.#reports);
  }

  /** The gateway ends; sandboxes go on. */
  async close(): Promise<void> {
    this.#unwatch();
    this.#closing.abort();
    await this.settled();
  }

  /** A store that cannot be written for a while, as on a full disk, does not lose what happened. */
  async #takeReport(report: DriverReport): Promise<void> {
    const { pause, onProblem } = this.#ports;
    const { signal } = this.#closing;
    this.#newest.set(report.id, report);
    for (let attempt = 1; this.#newest.get(report.id) === report; attempt++) {
      try {
        await this.driverReported(report);
        break;
      } catch (error) {
        if (!(error instanceof StoreError) || signal.aborted) throw error;
        if (attempt === 1) onProblem(error);
        await pause(signal);
      }
    }
    if (this.#newest.get(report.id) === report) this.#newest.delete(report.id);
  }

  /**
   * What a full disk keeps from being written down makes room first: a sandbox that has filled the
   * disk must not be there for ever. A gateway killed in between finds it without files then.
   */
  async #requestDelete(id: string): Promise<SandboxRecord | null> {
    const request = () => this.#states.advance(id, { type: "delete_requested" });
    try {
      return await request();
    } catch (error) {
      const isFull = error instanceof StoreError && error.code === "resource_exhausted";
      if (!isFull) throw error;
      await this.#ports.driver.delete(id);
      return await request();
    }
  }

  /** Does something with a sandbox when all that was asked of it before is done. */
  async #operate<T>(
    { workspace, name }: Pick<SandboxRecord, "workspace" | "name">,
    work: (sandboxId: string) => Promise<T>,
  ): Promise<T> {
    const found = await this.#states.find(resolveWorkspace(workspace), name);
    if (found === null) throw new SandboxNotFoundError(name);
    return await this.#operations.run(found.id, () => work(found.id));
  }

  #judge(record: SandboxRecord, request: "stop" | "start"): "act" | "done" {
    const verdict = judgeRequest(record.state.phase, request);
    if (verdict === "refuse") throw new PhaseError(request, record.name, record.state.phase);
    return verdict;
  }

  async #advance(sandboxId: string, event: SandboxEvent): Promise<SandboxRecord> {
    const record = await this.#states.advance(sandboxId, event);
    if (record === null) throw new SandboxNotFoundError(sandboxId);
    return record;
  }

  async #policyOf(sandboxId: string): Promise<Uint8Array> {
    const { policies, effectivePolicy = (id: string) => policies.effective(id) } = this.#ports;
    return (await effectivePolicy(sandboxId)).document;
  }

  /** A sandbox that does not start again is in phase error, with the reason. */
  async #startAgain(record: SandboxRecord): Promise<void> {
    try {
      const policy = await this.#policyOf(record.id);
      await this.#ports.driver.start(await this.#toDriver(record, policy));
    } catch (error) {
      const report = toFailure(record.id, error);
      await this.#states.advance(record.id, { type: "driver_reported", report });
      throw error;
    }
  }

  /** Its main process has ended without anybody having asked for it, so the record is to say so. */
  async #restart(record: SandboxRecord): Promise<void> {
    const { phase, instanceId } = record.state;
    if (phase !== "starting" && instanceId !== "") {
      await this.#ports.record(record, {
        state: "restarted",
        message: "it had ended while no gateway ran: its main process is started again",
      });
    }
    await this.#startAgain(record);
  }

  /** Whoever made it may be gone: a sandbox that was not to be kept goes when it has ended. */
  #deleteUnkept(record: SandboxRecord | null): void {
    if (record === null || !isUnkeptAndOver(record)) return;
    const { id } = record;
    const deleted = this.#operations.run(id, async () => {
      if (await this.#requestDelete(id) === null) return;
      await this.#finishDelete(id);
    }).catch(this.#ports.onProblem);
    this.#reports.add(deleted);
    void deleted.then(() => this.#reports.delete(deleted));
  }

  async #finishStop(id: string): Promise<SandboxRecord> {
    await this.#ports.driver.stop(id);
    return await this.#advance(id, { type: "driver_reported", report: { id, state: "stopped" } });
  }

  async #finishDelete(id: string): Promise<void> {
    const { driver, policies, settings } = this.#ports;
    await driver.delete(id);
    const writes = [...await policies.removal(id), ...settings.removal(id)];
    await this.#states.remove(id, writes);
  }

  /**
   * The caller is to hear why it did not start, not why it could not be tidied up: what is left
   * then is in phase deleting, and goes when the gateway starts next.
   */
  async #rollBack(id: string): Promise<void> {
    try {
      await this.#states.advance(id, { type: "delete_requested" });
      await this.#finishDelete(id);
    } catch (error) {
      this.#ports.onProblem(error);
    }
  }

  async #toDriver(record: SandboxRecord, policy: Uint8Array): Promise<DriverSandbox> {
    const { driver, issueToken } = this.#ports;
    const { id, name, workspace, spec } = record;
    return {
      id,
      name,
      workspace,
      command: spec.command,
      tty: spec.tty,
      environment: environmentOf(spec),
      providers: spec.providers,
      ...readDriverOptions(spec.template, driver.name),
      token: await issueToken(id),
      policy,
    };
  }

  async #freeName(workspace: string): Promise<string> {
    const { random } = this.#ports;
    for (let attempt = 1; attempt <= NAME_ATTEMPTS_MAX; attempt++) {
      const name = twoWordName(random);
      if (await this.#states.find(workspace, name) === null) return name;
    }
    return `sandbox-${Math.floor(random() * 1e9)}`;
  }
}

function isNameTaken(error: unknown): boolean {
  return error instanceof ConflictError && error.conflict === "exists" && error.type === "sandbox";
}
