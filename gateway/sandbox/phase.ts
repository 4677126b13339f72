/**
 * What state a sandbox is in, and what each event makes of it.
 *
 * Pure: no I/O, no clock. The stored state and one event give the next state; what an event means
 * nothing for, it leaves as it is.
 *
 * INVARIANT: `deleting` and `error` are never left by what a driver or a supervisor says, and
 * `stopping` and `stopped` never turn into something that runs by it. What a person asked for wins.
 *
 * @module
 */

import type { DriverReport } from "../../drivers/compute/contract.ts";

export type Phase =
  | "provisioning"
  | "ready"
  | "error"
  | "deleting"
  | "unknown"
  | "stopping"
  | "stopped"
  | "starting";

/** One fact about a sandbox, as clients show it. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
  /** RFC 3339: when `status` became what it is. */
  readonly lastTransitionTime: string;
}

/** What is stored of a sandbox's life. */
export interface SandboxState {
  readonly phase: Phase;
  readonly conditions: readonly Condition[];
  /** Names the run of the main process; empty until its supervisor has connected once. */
  readonly instanceId: string;
  /** 128 and the signal's number where a signal ended it. `null` until the main process ended. */
  readonly exitCode: number | null;
}

export type SandboxEvent =
  | { readonly type: "driver_reported"; readonly report: DriverReport }
  | { readonly type: "session_connected"; readonly instanceId: string }
  | { readonly type: "session_disconnected" }
  | { readonly type: "stop_requested" }
  | { readonly type: "start_requested" }
  | { readonly type: "delete_requested" }
  | {
    readonly type: "main_process_exited";
    readonly instanceId: string;
    readonly code: number;
  }
  /** A gateway has started: sessions of the earlier one are gone. */
  | { readonly type: "gateway_restarted" }
  /** The driver has nothing of it. */
  | { readonly type: "compute_missing" };

/** Returns the state of a sandbox that was just asked for. */
export function newState(at: Date): SandboxState {
  const empty: SandboxState = {
    phase: "provisioning",
    conditions: [],
    instanceId: "",
    exitCode: null,
  };
  return notReady(empty, "Starting", "The sandbox is being started", at);
}

/** Returns the state after an event; the same object where the event changes nothing. */
export function advance(state: SandboxState, event: SandboxEvent, at: Date): SandboxState {
  if (event.type === "delete_requested") return onDelete(state, at);
  if (state.phase === "deleting") return state;
  switch (event.type) {
    case "driver_reported":
      return onReport(state, event.report, at);
    case "session_connected":
      return onConnected(state, event.instanceId, at);
    case "session_disconnected":
      if (state.phase !== "ready") return state;
      return waiting(state, "DependenciesNotReady", "Supervisor session disconnected", at);
    case "gateway_restarted":
      if (state.phase !== "ready") return state;
      return waiting(state, "SupervisorNotConnected", "The gateway was restarted", at);
    case "stop_requested":
      if (!RUNS.includes(state.phase)) return state;
      return notReady(
        { ...state, phase: "stopping" },
        "Stopping",
        "The sandbox is being stopped",
        at,
      );
    case "start_requested":
      if (state.phase !== "stopped") return state;
      return notReady(
        { ...state, phase: "starting", exitCode: null },
        "Starting",
        "The sandbox is being started",
        at,
      );
    case "main_process_exited":
      return onExit(state, event, at);
    case "compute_missing":
      if (state.phase === "error") return state;
      return failed(state, "ComputeResourceMissing", "What ran the sandbox is gone", at);
  }
}

/** What becomes of a person's request in a phase: something to do, nothing to do, or a refusal. */
export type RequestVerdict = "act" | "done" | "refuse";

/** Judges `stop` and `start`; `delete` is always something to do. */
export function judgeRequest(phase: Phase, request: "stop" | "start"): RequestVerdict {
  if (phase === "error" || phase === "deleting") return "refuse";
  if (request === "stop") return phase === "stopped" ? "done" : "act";
  return phase === "stopped" ? "act" : phase === "stopping" ? "refuse" : "done";
}

/** True where the sandbox is meant to run. */
export function isMeantToRun(phase: Phase): boolean {
  return RUNS.includes(phase);
}

const RUNS: readonly Phase[] = ["provisioning", "ready", "unknown", "starting"];

function onDelete(state: SandboxState, at: Date): SandboxState {
  if (state.phase === "deleting") return state;
  return notReady({ ...state, phase: "deleting" }, "Deleting", "The sandbox is being deleted", at);
}

function onReport(state: SandboxState, report: DriverReport, at: Date): SandboxState {
  const { phase } = state;
  switch (report.state) {
    case "starting":
      if (phase !== "provisioning" && phase !== "starting" && phase !== "unknown") return state;
      // Steps are told as events: writing each of them down would cost the start its time.
      if (phase !== "unknown" && state.conditions[0]?.reason === "Starting") return state;
      return notReady(leaveUnknown(state), "Starting", "The sandbox is being started", at);
    case "running":
      if (phase !== "provisioning" && phase !== "starting" && phase !== "unknown") return state;
      return notReady(
        leaveUnknown(state),
        "SupervisorNotConnected",
        "Backend ready; waiting for supervisor session",
        at,
      );
    case "stopped":
      // While it starts, this can only be about its run before.
      if (phase === "error" || phase === "stopped" || phase === "starting") return state;
      return notReady({ ...state, phase: "stopped" }, "ContainerStopped", "It is stopped", at);
    case "failed":
      if (phase === "error" || phase === "stopped") return state;
      if (phase === "stopping") {
        return notReady({ ...state, phase: "stopped" }, "ContainerExited", report.message, at);
      }
      return failed(state, report.reason, withHint(report.message, report.hint), at);
  }
}

/** One text, since a condition has no place for a hint. */
export function withHint(message: string, hint: string | undefined): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

function onConnected(state: SandboxState, instanceId: string, at: Date): SandboxState {
  if (!RUNS.includes(state.phase)) return state;
  if (state.phase === "ready" && state.instanceId === instanceId) return state;
  return withReady(
    { ...state, phase: "ready", instanceId },
    { status: "True", reason: "DependenciesReady", message: "Supervisor session connected" },
    at,
  );
}

/** An exit counts for the run that it is about: a late one must not fail a run after it. */
function onExit(
  state: SandboxState,
  { instanceId, code }: { readonly instanceId: string; readonly code: number },
  at: Date,
): SandboxState {
  if (!isAboutThisRun(state, instanceId)) return state;
  // The driver may have seen the end first, and not known the code.
  if (state.phase === "error") return { ...state, exitCode: code };
  return failed(
    { ...state, instanceId, exitCode: code },
    "MainProcessExited",
    `Main process exited with code ${code}`,
    at,
  );
}

function isAboutThisRun(state: SandboxState, instanceId: string): boolean {
  const isKnown = state.instanceId === instanceId;
  switch (state.phase) {
    case "provisioning":
    case "unknown":
      // A main process may end before its supervisor's session was seen.
      return isKnown || state.instanceId === "";
    case "starting":
      // The stored id is that of the run before.
      return !isKnown;
    case "ready":
      return isKnown;
    case "error":
      return isKnown && state.exitCode === null;
    default:
      return false;
  }
}

function leaveUnknown(state: SandboxState): SandboxState {
  return state.phase === "unknown" ? { ...state, phase: "provisioning" } : state;
}

function waiting(state: SandboxState, reason: string, message: string, at: Date): SandboxState {
  return notReady({ ...state, phase: "provisioning" }, reason, message, at);
}

function failed(state: SandboxState, reason: string, message: string, at: Date): SandboxState {
  return notReady({ ...state, phase: "error" }, reason, message, at);
}

function notReady(state: SandboxState, reason: string, message: string, at: Date): SandboxState {
  return withReady(state, { status: "False", reason, message }, at);
}

function withReady(
  state: SandboxState,
  ready: Pick<Condition, "status" | "reason" | "message">,
  at: Date,
): SandboxState {
  const before = state.conditions.find(({ type }) => type === "Ready");
  const lastTransitionTime = before?.status === ready.status
    ? before.lastTransitionTime
    : at.toISOString();
  const others = state.conditions.filter(({ type }) => type !== "Ready");
  return { ...state, conditions: [{ type: "Ready", ...ready, lastTransitionTime }, ...others] };
}
