/**
 * For tests: a chain of events to break.
 *
 * @module
 */

import {
  BASE_EVENT,
  type EnumValue,
  ocsfHead,
  type OcsfRecord,
  type OcsfSource,
  SEVERITY,
} from "../../../proto/ocsf.ts";
import { EventLog, type EventLogOptions } from "./event_log.ts";

export const SAMPLE_SOURCE: OcsfSource = {
  sandboxId: "0192-sandbox",
  product: "OpenShell Sandbox Supervisor",
  version: "0.1.0",
};

/** Returns an event whose time and message are the number. */
export function sampleEvent(
  number: number,
  severity: EnumValue = SEVERITY.informational,
): OcsfRecord {
  const activity = BASE_EVENT.activities.other;
  return {
    ...ocsfHead(BASE_EVENT, { activity, severity, time: number, source: SAMPLE_SOURCE }),
    message: `Event ${number}`,
  };
}

/** Opens a log that fails an assertion of its own when it fails. */
export function openSampleLog(path: string, options: Partial<EventLogOptions> = {}): EventLog {
  return EventLog.open(path, {
    source: SAMPLE_SOURCE,
    onFailure: (error) => {
      throw error;
    },
    now: () => 0,
    ...options,
  });
}

/** Writes events with these numbers. */
export async function writeSampleLog(
  path: string,
  numbers: readonly number[],
  options: Partial<EventLogOptions> = {},
): Promise<void> {
  const log = openSampleLog(path, options);
  for (const number of numbers) log.record(sampleEvent(number));
  await log.close();
}

/** Returns the numbers from `first` to `last`. */
export function numbersTo(last: number, first = 1): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
