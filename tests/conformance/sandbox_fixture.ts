/**
 * A sandbox service over a store in memory and a driver that runs nothing.
 *
 * @module
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { NOT_ASKED, type ProofOutcome } from "../../gateway/policy/policy_proofs.ts";
import { PolicyRevisions } from "../../gateway/policy/revisions.ts";
import { SettingsStore } from "../../gateway/policy/settings.ts";
import type { SandboxRequest } from "../../gateway/sandbox/check_request.ts";
import { SandboxService } from "../../gateway/sandbox/sandboxes.ts";
import type { ObjectStore } from "../../gateway/store/contract.ts";
import { openSqliteStore } from "../../gateway/store/sqlite_store.ts";
import { SandboxSpecSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { FakeComputeDriver } from "./fake_compute_driver.ts";

export interface SandboxFixture {
  readonly store: ObjectStore;
  readonly driver: FakeComputeDriver;
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  readonly sandboxes: SandboxService;
  readonly clock: { ms: number };
  /** What the prover says about every policy. */
  readonly prover: { outcome: ProofOutcome };
  /** What the gateway recorded about sandboxes: name and state. */
  readonly records: string[];
  /** Called for each, before it is recorded. */
  onRecord: () => void;
  /** Waited for before what the store refused is tried again. */
  onPause: () => Promise<void>;
  /** What went wrong where nobody waited for an answer. */
  readonly problems: unknown[];
  /** A further service on the same store and driver, as after a restart of the gateway. */
  readonly again: () => SandboxService;
  readonly close: () => Promise<void>;
}

/** Ids count up: `00000000-0000-4000-8000-000000000001` is the first. */
export function idOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

export function openFixture(): SandboxFixture {
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const now = () => clock.ms;
  const store = openSqliteStore({ path: ":memory:", now });
  const driver = new FakeComputeDriver();
  const prover: SandboxFixture["prover"] = { outcome: NOT_ASKED };
  const policies = new PolicyRevisions({
    store,
    now,
    prove: () => Promise.resolve(prover.outcome),
  });
  const settings = new SettingsStore(store);
  const problems: unknown[] = [];
  const records: string[] = [];
  const services: SandboxService[] = [];
  let ids = 0;
  const again = (): SandboxService => {
    const service = new SandboxService({
      store,
      driver,
      policies,
      settings,
      issueToken: (id) => Promise.resolve(`token of ${id}`),
      now,
      uuid: () => idOf(++ids),
      random: () => 0,
      pause: () => fixture.onPause(),
      record: async ({ name }, { state }) => {
        await Promise.resolve();
        fixture.onRecord();
        records.push(`${name} ${state}`);
      },
      onProblem: (error) => void problems.push(error),
    });
    services.push(service);
    return service;
  };
  const close = async () => {
    for (const service of services) await service.close();
    await store.close();
  };
  const onRecord = () => {};
  const onPause = () => Promise.resolve();
  const parts = {
    prover,
    store,
    driver,
    policies,
    settings,
    clock,
    records,
    problems,
    again,
    close,
  };
  const fixture: SandboxFixture = { ...parts, onRecord, onPause, sandboxes: again() };
  return fixture;
}

/** Returns what a client asks for. */
export function requestOf(
  name: string,
  spec: MessageInitShape<typeof SandboxSpecSchema> = {},
  change: Partial<SandboxRequest> = {},
): SandboxRequest {
  return {
    name,
    workspace: "",
    labels: {},
    annotations: {},
    spec: create(SandboxSpecSchema, spec),
    ...change,
  };
}
