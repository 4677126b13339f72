import assert from "node:assert/strict";
import type { DriverReport } from "../../drivers/compute/contract.ts";
import {
  advance,
  isMeantToRun,
  judgeRequest,
  newState,
  type Phase,
  type SandboxEvent,
  type SandboxState,
} from "./phase.ts";

const START = new Date("2026-01-01T00:00:00Z");
const LATER = new Date("2026-01-01T00:01:00Z");

const PHASES: readonly Phase[] = [
  "provisioning",
  "ready",
  "error",
  "deleting",
  "unknown",
  "stopping",
  "stopped",
  "starting",
];

function report(change: Omit<DriverReport, "id">): SandboxEvent {
  return { type: "driver_reported", report: { id: "s", ...change } as DriverReport };
}

const EVENTS = {
  driverStarting: report({ state: "starting", step: "pulling_image" } as never),
  driverRunning: report({ state: "running" }),
  driverStopped: report({ state: "stopped" }),
  driverFailed: report(
    { state: "failed", reason: "NoRoom", message: "full", hint: "tidy" } as never,
  ),
  connected: { type: "session_connected", instanceId: "run-2" },
  disconnected: { type: "session_disconnected" },
  stop: { type: "stop_requested" },
  start: { type: "start_requested" },
  delete: { type: "delete_requested" },
  exitOfThisRun: { type: "main_process_exited", instanceId: "run-1", code: 0 },
  exitOfAnotherRun: { type: "main_process_exited", instanceId: "run-0", code: 0 },
  restarted: { type: "gateway_restarted" },
  missing: { type: "compute_missing" },
} as const satisfies Record<string, SandboxEvent>;

type EventName = keyof typeof EVENTS;

/** Phase after an event and reason of its `Ready` condition; what is left out changes nothing. */
const TABLE: Readonly<Record<Phase, Partial<Record<EventName, string>>>> = {
  provisioning: {
    driverStarting: "provisioning Starting",
    driverRunning: "provisioning SupervisorNotConnected",
    driverStopped: "stopped ContainerStopped",
    driverFailed: "error NoRoom",
    connected: "ready DependenciesReady",
    stop: "stopping Stopping",
    delete: "deleting Deleting",
    exitOfThisRun: "error MainProcessExited",
    missing: "error ComputeResourceMissing",
  },
  ready: {
    driverStopped: "stopped ContainerStopped",
    driverFailed: "error NoRoom",
    connected: "ready DependenciesReady",
    disconnected: "provisioning DependenciesNotReady",
    stop: "stopping Stopping",
    delete: "deleting Deleting",
    exitOfThisRun: "error MainProcessExited",
    restarted: "provisioning SupervisorNotConnected",
    missing: "error ComputeResourceMissing",
  },
  error: {
    delete: "deleting Deleting",
    // Only the code is recorded.
    exitOfThisRun: "error Before",
  },
  deleting: {},
  unknown: {
    driverStarting: "provisioning Starting",
    driverRunning: "provisioning SupervisorNotConnected",
    driverStopped: "stopped ContainerStopped",
    driverFailed: "error NoRoom",
    connected: "ready DependenciesReady",
    stop: "stopping Stopping",
    delete: "deleting Deleting",
    exitOfThisRun: "error MainProcessExited",
    missing: "error ComputeResourceMissing",
  },
  stopping: {
    driverStopped: "stopped ContainerStopped",
    driverFailed: "stopped ContainerExited",
    delete: "deleting Deleting",
    missing: "error ComputeResourceMissing",
  },
  stopped: {
    start: "starting Starting",
    delete: "deleting Deleting",
    missing: "error ComputeResourceMissing",
  },
  starting: {
    driverStarting: "starting Starting",
    driverRunning: "starting SupervisorNotConnected",
    driverFailed: "error NoRoom",
    connected: "ready DependenciesReady",
    stop: "stopping Stopping",
    delete: "deleting Deleting",
    // `run-1` is the run before; any other one is this one's.
    exitOfAnotherRun: "error MainProcessExited",
    missing: "error ComputeResourceMissing",
  },
};

function stateIn(phase: Phase): SandboxState {
  const ready = {
    type: "Ready",
    status: phase === "ready" ? "True" : "False",
    reason: "Before",
    message: "",
    lastTransitionTime: START.toISOString(),
  } as const;
  return { phase, conditions: [ready], instanceId: "run-1", exitCode: null };
}

const PAIRS = PHASES.flatMap((phase) =>
  (Object.keys(EVENTS) as EventName[]).map((event) => ({
    phase,
    event,
    want: TABLE[phase][event] ?? null,
  }))
);

Deno.test.each(PAIRS)("advance() from $phase on $event gives $want", ({ phase, event, want }) => {
  const before = stateIn(phase);
  const after = advance(before, EVENTS[event], LATER);
  if (want === null) {
    assert.equal(after, before);
    return;
  }
  assert.notEqual(after, before);
  assert.equal(`${after.phase} ${after.conditions[0]!.reason}`, want);
  assert.equal(after.conditions.length, 1);
  assert.equal(after.conditions[0]!.status === "True", after.phase === "ready");
  assert.equal(after.exitCode, event.startsWith("exitOf") ? 0 : null);
});

Deno.test("advance() repeats nothing that it is told twice", () => {
  const once = advance(stateIn("starting"), EVENTS.connected, LATER);
  assert.equal(advance(once, EVENTS.connected, LATER), once);
  assert.equal(once.instanceId, "run-2");
});

Deno.test("advance() takes the exit of a process whose session it never saw", () => {
  const after = advance(newState(START), EVENTS.exitOfThisRun, LATER);
  assert.equal(after.phase, "error");
  assert.equal(after.instanceId, "run-1");
  assert.equal(after.exitCode, 0);
});

Deno.test("advance() records a code after the driver saw the end, and only once", () => {
  const failed = advance(stateIn("ready"), EVENTS.driverFailed, LATER);
  const coded = advance(failed, { ...EVENTS.exitOfThisRun, code: 137 }, LATER);
  assert.equal(coded.exitCode, 137);
  assert.equal(advance(coded, EVENTS.exitOfThisRun, LATER), coded);
});

Deno.test("advance() writes nothing down for a further step of a start", () => {
  const started = newState(START);
  assert.equal(advance(started, EVENTS.driverStarting, LATER), started);
});

Deno.test("advance() forgets the code of the run before", () => {
  const stopped = { ...stateIn("stopped"), exitCode: 3 };
  assert.equal(advance(stopped, EVENTS.start, LATER).exitCode, null);
});

Deno.test("advance() says when the status changed, not when it was confirmed", () => {
  const started = newState(START);
  const running = advance(started, EVENTS.driverRunning, LATER);
  assert.equal(running.conditions[0]!.lastTransitionTime, START.toISOString());
  const ready = advance(running, EVENTS.connected, LATER);
  assert.equal(ready.conditions[0]!.lastTransitionTime, LATER.toISOString());
});

Deno.test("advance() tells a driver's hint, and keeps other conditions", () => {
  const other = { ...stateIn("ready").conditions[0]!, type: "Other" };
  const before = { ...stateIn("ready"), conditions: [other, ...stateIn("ready").conditions] };
  const after = advance(before, EVENTS.driverFailed, LATER);
  assert.deepEqual(after.conditions.map(({ type, message }) => `${type} ${message}`), [
    "Ready full (tidy)",
    "Other ",
  ]);
});

Deno.test.each(PHASES.map((phase) => ({ phase })))("judgeRequest() in $phase", ({ phase }) => {
  const want: Readonly<Record<Phase, string>> = {
    provisioning: "act done",
    ready: "act done",
    error: "refuse refuse",
    deleting: "refuse refuse",
    unknown: "act done",
    stopping: "act refuse",
    stopped: "done act",
    starting: "act done",
  };
  assert.equal(`${judgeRequest(phase, "stop")} ${judgeRequest(phase, "start")}`, want[phase]);
});

Deno.test("isMeantToRun() is about what was asked for", () => {
  const running = PHASES.filter(isMeantToRun);
  assert.deepEqual(running, ["provisioning", "ready", "unknown", "starting"]);
});
