/**
 * What clients ask of the audit events themselves, byte for byte as stored.
 *
 * @module
 */

import type { ServiceImpl } from "@connectrpc/connect";
import { EVENT_LINES_DEFAULT, EVENT_READ_LINES_MAX } from "../../proto/limits.ts";
import type { Extensions } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { EventStore, type OriginReport } from "./event_store.ts";

export interface EventPorts {
  /** Folder of a sandbox's events. */
  readonly folderOf: (sandboxId: string) => string;
  /** Fails where there is no such sandbox. */
  readonly checkExists: (sandboxId: string) => Promise<unknown>;
}

type EventMethods = Pick<ServiceImpl<typeof Extensions>, "readEvents" | "verifyEvents">;

/** Methods of `openshell.ext.v1.Extensions` about events. */
export function eventMethods({ folderOf, checkExists }: EventPorts): EventMethods {
  const open = async (sandboxId: string) => {
    await checkExists(sandboxId);
    return new EventStore({ folder: folderOf(sandboxId), sandboxId });
  };
  return {
    async *readEvents({ sandboxId, lines, sinceMs, sources, minLevel, follow }, context) {
      const events = await open(sandboxId);
      const query = {
        lines: Math.min(lines || EVENT_LINES_DEFAULT, EVENT_READ_LINES_MAX),
        sinceMs: Number(sinceMs),
        sources,
        minLevel,
      };
      const found = follow
        ? events.follow(query, context.signal)
        : (await events.read(query)).events;
      for await (const { source, text } of found) yield { source, record: text };
      if (!follow) yield { complete: true };
    },
    async verifyEvents({ sandboxId }) {
      const reports = await (await open(sandboxId)).verify();
      return { chains: reports.map(toReport) };
    },
  };
}

function toReport({ source, events, intact, problem }: OriginReport) {
  return {
    source,
    events: BigInt(events),
    intact,
    brokenLine: BigInt(problem?.line ?? 0),
    problem: problem === null ? "" : `${problem.file}: ${problem.text}`,
  };
}
