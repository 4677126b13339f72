/**
 * An audit event as it was read from disk, and as the wire has it.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { readChained } from "../../drivers/system/event_log/chain.ts";
import type { Line } from "../../drivers/system/event_log/lines.ts";
import {
  type SandboxLogLine,
  SandboxLogLineSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import type { OcsfRecord } from "../../proto/ocsf.ts";
import { ocsfShorthand } from "../../proto/ocsf_shorthand.ts";
import type { EventOrigin } from "./event_origin.ts";

export interface StoredEvent {
  readonly source: EventOrigin;
  /** Milliseconds since 1970; of a neighbour where the line cannot be read. */
  readonly timeMs: number;
  /** Number in the chain of its source; 0 where the line cannot be read. */
  readonly seq: number;
  /** The JSON line as stored; empty where it cannot be read. */
  readonly text: string;
  readonly record: OcsfRecord | null;
}

/** Reads a line. `neighbourMs` is the time for one that cannot be read. */
export function readStored(line: Line, source: EventOrigin, neighbourMs: number): StoredEvent {
  const read = line === null ? null : readChained(line);
  if (line === null || read === null) {
    return { source, timeMs: neighbourMs, seq: 0, text: "", record: null };
  }
  const { record, seq } = read;
  return { source, timeMs: record.time, seq, text: new TextDecoder().decode(line), record };
}

/** Returns the line that `GetSandboxLogs` and `WatchSandbox` show. */
export function toLogLine(
  { source, timeMs, record }: StoredEvent,
  sandboxId: string,
): SandboxLogLine {
  const shown = record === null
    ? { level: "ERROR", target: "event_log", message: "An audit event cannot be read" }
    : { level: "OCSF", target: "ocsf", message: ocsfShorthand(record) };
  return create(SandboxLogLineSchema, {
    sandboxId,
    timestampMs: BigInt(Math.trunc(Number.isFinite(timeMs) ? timeMs : 0)),
    source,
    ...shown,
  });
}
