/**
 * Where the gateway reads the logs of sandboxes from.
 *
 * @module
 */

import type { SandboxLogLine } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import type { EventQuery } from "../events/event_query.ts";
import { EventStore } from "../events/event_store.ts";
import { toLogLine } from "../events/stored_event.ts";

export interface LogSource {
  /** Newest lines that fit, oldest first, and how many were looked at. */
  read(
    sandboxId: string,
    query: EventQuery,
  ): Promise<{ readonly lines: readonly SandboxLogLine[]; readonly total: number }>;
  /** Yields what `read` returns, then every new line, until the signal is aborted. */
  follow(
    sandboxId: string,
    query: EventQuery,
    signal: AbortSignal,
  ): AsyncIterable<SandboxLogLine>;
}

/** Reads the audit events in the folder of each sandbox. */
export function eventLogs(folderOf: (sandboxId: string) => string): LogSource {
  const open = (sandboxId: string) => new EventStore({ folder: folderOf(sandboxId), sandboxId });
  return {
    async read(sandboxId, query) {
      const { events, considered } = await open(sandboxId).read(query);
      return { lines: events.map((event) => toLogLine(event, sandboxId)), total: considered };
    },
    async *follow(sandboxId, query, signal) {
      for await (const event of open(sandboxId).follow(query, signal)) {
        yield toLogLine(event, sandboxId);
      }
    },
  };
}
