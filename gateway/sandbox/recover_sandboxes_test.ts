import assert from "node:assert/strict";
import type { DriverReport } from "../../drivers/compute/contract.ts";
import { UNKEPT_ANNOTATION } from "../../proto/annotations.ts";
import { CodedError, type ErrorCode } from "../../proto/errors.ts";
import { idOf, openFixture, requestOf } from "../../tests/conformance/sandbox_fixture.ts";

const ID = idOf(1);

class DriverFault extends CodedError {
  override readonly code: ErrorCode = "unavailable";
}

type State = "none" | DriverReport["state"];

function reportOf(state: State): DriverReport | null {
  switch (state) {
    case "none":
      return null;
    case "starting":
      return { id: ID, state, step: "starting_sandbox" };
    case "failed":
      return { id: ID, state, reason: "SupervisorEnded", message: "gone" };
    default:
      return { id: ID, state };
  }
}

/** Phase before, what the driver has, phase after, what the driver was asked, what is told. */
const CASES = [
  ["ready", "running", "provisioning", "", "adopted"],
  ["ready", "starting", "provisioning", "", "adopted"],
  ["ready", "stopped", "provisioning", "start", "started"],
  ["ready", "failed", "error", "", "failed"],
  ["ready", "none", "error", "", "failed"],
  ["provisioning", "none", "provisioning", "start", "started"],
  ["provisioning", "running", "provisioning", "", "adopted"],
  ["stopped", "stopped", "stopped", "", ""],
  ["stopped", "running", "stopped", "stop", "finished"],
  ["stopped", "none", "error", "", "failed"],
  ["stopping", "running", "stopped", "stop", "finished"],
  ["deleting", "running", "gone", "delete", "finished"],
  ["deleting", "none", "gone", "delete", "finished"],
  ["error", "running", "error", "", ""],
] as const;

Deno.test.each(CASES.map(([phase, driverState, want, call, told]) => ({
  phase,
  driverState,
  want,
  call,
  told,
})))("recover() of one in $phase that the driver has as $driverState: $want $told", async (row) => {
  const fixture = openFixture();
  const { sandboxes, driver, again, problems } = fixture;
  try {
    await sandboxes.create(requestOf("box"));
    if (row.phase !== "provisioning") await sandboxes.supervisorConnected(ID, "run-1");
    if (row.phase === "error") await sandboxes.mainProcessExited(ID, "run-1", 1);
    if (row.phase === "stopped") await sandboxes.stop("", "box");
    driver.before = () => {
      throw new DriverFault("the gateway was killed here");
    };
    if (row.phase === "stopping") await assert.rejects(sandboxes.stop("", "box"), DriverFault);
    if (row.phase === "deleting") await assert.rejects(sandboxes.delete("", "box"), DriverFault);
    driver.before = () => {};
    await sandboxes.close();
    const report = reportOf(row.driverState);
    driver.reports.clear();
    if (report !== null) driver.reports.set(ID, report);
    driver.calls.length = 0;

    const after = again();
    await after.markRestarted();
    const recovery = await after.recover();

    const gone = { state: { phase: "gone" } };
    const { state } = await after.getById(ID).catch(() => gone);
    assert.equal(state.phase, row.want);
    assert.deepEqual(driver.calls, row.call === "" ? [] : [`${row.call} ${ID}`]);
    const told = Object.entries(recovery).filter(([, ids]) => ids.length > 0).map(([key]) => key);
    assert.deepEqual(told, row.told === "" ? [] : [row.told]);
    const isRestart = row.told === "started" && row.phase === "ready";
    assert.deepEqual(fixture.records, isRestart ? ["box restarted"] : []);
    assert.deepEqual(problems, []);
  } finally {
    await fixture.close();
  }
});

Deno.test("recover() starts nothing again that it cannot record", async () => {
  const fixture = openFixture();
  const { sandboxes, driver, again, problems } = fixture;
  try {
    await sandboxes.create(requestOf("box"));
    await sandboxes.supervisorConnected(ID, "run-1");
    await sandboxes.close();
    driver.reports.set(ID, { id: ID, state: "stopped" });
    driver.calls.length = 0;
    fixture.onRecord = () => {
      throw new DriverFault("the disk is full");
    };
    assert.deepEqual((await again().recover()).failed, [ID]);
    assert.deepEqual(driver.calls, []);
    assert.equal(problems.length, 1);
  } finally {
    await fixture.close();
  }
});

Deno.test.each(
  [
    { driverState: "stopped", want: "gone" },
    { driverState: "none", want: "gone" },
    { driverState: "running", want: "error" },
  ] as const,
)(
  "recover() of one that was not to be kept, has ended, and is $driverState: $want",
  async ({ driverState, want }) => {
    const fixture = openFixture();
    const { sandboxes, driver, again } = fixture;
    try {
      const annotations = { [UNKEPT_ANNOTATION]: "true" };
      await sandboxes.create(requestOf("box", {}, { annotations }));
      await sandboxes.supervisorConnected(ID, "run-1");
      await sandboxes.mainProcessExited(ID, "run-1", 0);
      await sandboxes.close();
      driver.reports.clear();
      const report = reportOf(driverState);
      if (report !== null) driver.reports.set(ID, report);
      const after = again();
      await after.recover();
      const gone = { state: { phase: "gone" } };
      assert.equal((await after.getById(ID).catch(() => gone)).state.phase, want);
    } finally {
      await fixture.close();
    }
  },
);

Deno.test("recover() stops what nobody knows, keeps its files, and goes on after a fault", async () => {
  const fixture = openFixture();
  const { sandboxes, driver, again, problems } = fixture;
  try {
    await sandboxes.create(requestOf("a"));
    await sandboxes.create(requestOf("b"));
    await sandboxes.close();
    driver.reports.clear();
    driver.reports.set("stray", { id: "stray", state: "running" });
    driver.calls.length = 0;
    driver.before = (method, id) => {
      if (method === "start" && id === ID) throw new DriverFault("no room");
    };
    const after = again();
    const recovery = await after.recover();
    assert.deepEqual(recovery.failed, [ID]);
    assert.deepEqual(recovery.started, [idOf(2)]);
    assert.deepEqual(recovery.orphans, ["stray"]);
    assert.ok(driver.calls.includes("stop stray"));
    assert.ok(!driver.calls.includes("delete stray"));
    assert.equal((await after.getById(ID)).state.conditions[0]!.reason, "StartFailed");
    assert.equal(problems.length, 1);
  } finally {
    await fixture.close();
  }
});

Deno.test("markRestarted() takes no sandbox for ready whose supervisor has not come back", async () => {
  const fixture = openFixture();
  try {
    await fixture.sandboxes.create(requestOf("a"));
    await fixture.sandboxes.supervisorConnected(ID, "run-1");
    const after = fixture.again();
    await after.markRestarted();
    assert.equal((await after.getById(ID)).state.phase, "provisioning");
    await after.supervisorConnected(ID, "run-1");
    assert.equal((await after.getById(ID)).state.phase, "ready");
  } finally {
    await fixture.close();
  }
});
