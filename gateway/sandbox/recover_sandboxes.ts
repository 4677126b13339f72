/**
 * Brings driver and store together when a gateway starts.
 *
 * What runs and is meant to is taken over, what is meant to run and does not is started, what was
 * being stopped or deleted is finished. What nobody knows is stopped and its files are kept, since
 * a database that was lost must not take people's work with it.
 *
 * @module
 */

import type { ComputeDriver, DriverReport } from "../../drivers/compute/contract.ts";
import { PAGE_OBJECTS_MAX, RECOVERIES_AT_ONCE_MAX } from "../../proto/limits.ts";
import { isMeantToRun } from "./phase.ts";
import { isUnkeptAndOver, type SandboxRecord } from "./sandbox_record.ts";
import type { SandboxStateStore } from "./sandbox_state_store.ts";

export interface RecoveryPorts {
  readonly driver: Pick<ComputeDriver, "list" | "stop">;
  readonly states: Pick<SandboxStateStore, "list" | "advance" | "get">;
  readonly serialise: (sandboxId: string, work: () => Promise<void>) => Promise<void>;
  readonly startAgain: (record: SandboxRecord) => Promise<void>;
  readonly finishStop: (sandboxId: string) => Promise<unknown>;
  readonly finishDelete: (sandboxId: string) => Promise<void>;
  readonly onProblem: (error: unknown) => void;
}

/** What came of it: ids of sandboxes. */
export interface Recovery {
  readonly adopted: readonly string[];
  readonly started: readonly string[];
  /** Finished what was begun: stopped or deleted. */
  readonly finished: readonly string[];
  readonly failed: readonly string[];
  /** Known to the driver alone. */
  readonly orphans: readonly string[];
}

/** Says of every sandbox that its session is gone. To be called before supervisors can connect. */
export async function markRestarted(states: RecoveryPorts["states"]): Promise<void> {
  for (const { id } of await allRecords(states)) {
    await states.advance(id, { type: "gateway_restarted" });
  }
}

type Outcome = Exclude<keyof Recovery, "orphans"> | "unchanged";

/** Never rejects for one sandbox: the others are to be had all the same. */
export async function recoverSandboxes(ports: RecoveryPorts): Promise<Recovery> {
  const reports = new Map((await ports.driver.list()).map((report) => [report.id, report]));
  const records = await allRecords(ports.states);
  const outcomes = new Map<string, Outcome>();
  await forEach(records, async ({ id }) => {
    await ports.serialise(id, async () => {
      outcomes.set(id, await recoverOne(ports, id, reports.get(id) ?? null));
    });
  });
  const known = new Set(records.map(({ id }) => id));
  const orphans = [...reports.keys()].filter((id) => !known.has(id));
  await forEach(orphans, (id) => ports.driver.stop(id).catch(ports.onProblem));
  const having = (wanted: Outcome) =>
    records.map(({ id }) => id).filter((id) => outcomes.get(id) === wanted);
  return {
    adopted: having("adopted"),
    started: having("started"),
    finished: having("finished"),
    failed: having("failed"),
    orphans,
  };
}

async function recoverOne(
  ports: RecoveryPorts,
  id: string,
  report: DriverReport | null,
): Promise<Outcome> {
  try {
    const record = await ports.states.get(id);
    if (record === null) return "unchanged";
    const { phase } = record.state;
    if (phase === "deleting") {
      await ports.finishDelete(id);
      return "finished";
    }
    if (phase === "error") {
      // One whose supervisor still runs may have output for somebody.
      if (!isUnkeptAndOver(record) || report?.state === "running") return "unchanged";
      await ports.finishDelete(id);
      return "finished";
    }
    // A sandbox that was never begun is not one that has got lost.
    const isNew = phase === "provisioning" && record.state.instanceId === "";
    if (report === null && !isNew) {
      await ports.states.advance(id, { type: "compute_missing" });
      return "failed";
    }
    if (!isMeantToRun(phase)) return await recoverStopped(ports, record, report);
    return await recoverRunning(ports, record, report);
  } catch (error) {
    ports.onProblem(error);
    return "failed";
  }
}

async function recoverStopped(
  { driver, finishStop }: RecoveryPorts,
  { id, state }: SandboxRecord,
  report: DriverReport | null,
): Promise<Outcome> {
  if (state.phase === "stopping") {
    await finishStop(id);
    return "finished";
  }
  if (report?.state === "running" || report?.state === "starting") {
    await driver.stop(id);
    return "finished";
  }
  return "unchanged";
}

async function recoverRunning(
  { states, startAgain }: RecoveryPorts,
  record: SandboxRecord,
  report: DriverReport | null,
): Promise<Outcome> {
  const { id } = record;
  switch (report?.state) {
    case "running":
    case "starting":
      await states.advance(id, { type: "driver_reported", report });
      return "adopted";
    case "failed":
      await states.advance(id, { type: "driver_reported", report });
      return "failed";
    default:
      await startAgain(record);
      return "started";
  }
}

async function allRecords(states: RecoveryPorts["states"]): Promise<readonly SandboxRecord[]> {
  const records: SandboxRecord[] = [];
  while (true) {
    const page = await states.list({ limit: PAGE_OBJECTS_MAX, offset: records.length });
    records.push(...page);
    if (page.length < PAGE_OBJECTS_MAX) return records;
  }
}

/** A few at a time: each start takes a processor of its own for a while. */
async function forEach<T>(
  values: readonly T[],
  work: (value: T) => Promise<void>,
): Promise<void> {
  const rest = values.values();
  const workers = Array.from({ length: RECOVERIES_AT_ONCE_MAX }, async () => {
    for (const value of rest) await work(value);
  });
  await Promise.all(workers);
}
