/**
 * Who follows a sandbox, and what happened to it lately.
 *
 * @module
 */

import type { DriverReport } from "../../drivers/compute/contract.ts";
import { PLATFORM_EVENTS_MAX } from "../../proto/limits.ts";
import { withHint } from "./phase.ts";
import type { SandboxRecord } from "./sandbox_record.ts";

/** Something that happened while a sandbox was made, for people to read. */
export interface PlatformEvent {
  readonly timestampMs: number;
  /** Name of the driver. */
  readonly source: string;
  readonly type: "Normal" | "Warning";
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** Progress, under keys that all drivers share. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type SandboxChange =
  | { readonly kind: "changed"; readonly record: SandboxRecord }
  | { readonly kind: "event"; readonly event: PlatformEvent }
  | { readonly kind: "deleted" };

export type SandboxListener = (change: SandboxChange) => void;

/** Keeps listeners and the newest events of each sandbox, in memory. */
export class SandboxWatchers {
  readonly #listeners = new Map<string, Set<SandboxListener>>();
  readonly #events = new Map<string, PlatformEvent[]>();

  /** Calls `listener` on every change until the returned function is called. */
  watch(sandboxId: string, listener: SandboxListener): () => void {
    const listeners = this.#listeners.get(sandboxId) ?? new Set();
    this.#listeners.set(sandboxId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(sandboxId) === listeners) {
        this.#listeners.delete(sandboxId);
      }
    };
  }

  /** Oldest first. */
  events(sandboxId: string): readonly PlatformEvent[] {
    return this.#events.get(sandboxId) ?? [];
  }

  tell(sandboxId: string, change: SandboxChange): void {
    if (change.kind === "event") this.#keep(sandboxId, change.event);
    if (change.kind === "deleted") this.#events.delete(sandboxId);
    for (const listener of [...this.#listeners.get(sandboxId) ?? []]) listener(change);
  }

  #keep(sandboxId: string, event: PlatformEvent): void {
    const events = this.#events.get(sandboxId) ?? [];
    this.#events.set(sandboxId, events);
    events.push(event);
    if (events.length > PLATFORM_EVENTS_MAX) events.shift();
  }
}

/** Steps that every client knows; a driver's own ones are details of the last. */
const STEPS = ["requesting_sandbox", "pulling_image", "starting_sandbox"];

/** Returns what a driver's report is to people, `null` where it says nothing to them. */
export function toPlatformEvent(
  report: DriverReport,
  source: string,
  timestampMs: number,
): PlatformEvent | null {
  const event = { timestampMs, source };
  switch (report.state) {
    case "starting": {
      const isKnown = STEPS.includes(report.step);
      const metadata: Record<string, string> = {
        "openshell.progress.active_step": isKnown ? report.step : "starting_sandbox",
        ...(isKnown ? {} : { "openshell.progress.active_detail": report.step }),
      };
      return { ...event, type: "Normal", reason: "Starting", message: report.step, metadata };
    }
    case "running": {
      const metadata = {
        "openshell.progress.complete_step": "starting_sandbox",
        "openshell.progress.complete_label": "Sandbox started",
      };
      return { ...event, type: "Normal", reason: "Started", message: "Sandbox started", metadata };
    }
    case "stopped":
      return {
        ...event,
        type: "Normal",
        reason: "Stopped",
        message: "Sandbox stopped",
        metadata: {},
      };
    case "failed": {
      const message = withHint(report.message, report.hint);
      return { ...event, type: "Warning", reason: report.reason, message, metadata: {} };
    }
  }
}
