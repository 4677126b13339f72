/**
 * Reads the audit events of one sandbox: those of its supervisor, which is another process and
 * writes meanwhile, and those of the gateway about it.
 *
 * Holds one block of a file and the answer in memory, whatever the files hold.
 *
 * @module
 */

import type { ChainHead } from "../../drivers/system/event_log/chain.ts";
import { type OpenEventFile, openEventFiles } from "../../drivers/system/event_log/event_files.ts";
import { type ChainReport, verifyChain } from "../../drivers/system/event_log/verify_chain.ts";
import {
  EVENT_DISORDER_MS_MAX,
  EVENT_POLL_MS,
  EVENT_READ_BYTES_MAX,
  EVENT_READ_LINES_MAX,
} from "../../proto/limits.ts";
import { ChainCursor } from "./chain_cursor.ts";
import { EVENT_ORIGINS, type EventOrigin } from "./event_origin.ts";
import { type EventFilter, type EventQuery, filterOf, passes } from "./event_query.ts";
import { mergeBackward, readBackward } from "./read_backward.ts";
import type { StoredEvent } from "./stored_event.ts";

/** Names of the files that are written to. */
export const EVENT_FILE_NAMES: Readonly<Record<EventOrigin, string>> = {
  sandbox: "events.jsonl",
  gateway: "gateway.jsonl",
};

export interface EventStoreOptions {
  /** Folder of the sandbox. */
  readonly folder: string;
  readonly sandboxId: string;
  /** Waits until it is worth looking for new events; resolves at once when aborted. */
  readonly pause?: (signal: AbortSignal) => Promise<void>;
}

/** What came of a question. */
export interface EventAnswer {
  /** Oldest first. */
  readonly events: readonly StoredEvent[];
  /** Events that were looked at. */
  readonly considered: number;
}

/** The report of one chain. */
export interface OriginReport extends ChainReport {
  readonly source: EventOrigin;
}

/** The events of one sandbox. Holds nothing open between calls. */
export class EventStore {
  readonly #folder: string;
  readonly #sandboxId: string;
  readonly #pause: (signal: AbortSignal) => Promise<void>;

  constructor({ folder, sandboxId, pause = pauseFor }: EventStoreOptions) {
    this.#folder = folder;
    this.#sandboxId = sandboxId;
    this.#pause = pause;
  }

  /**
   * Returns the newest events that fit. It filters first and cuts then, so that a strict filter
   * does not hide what is there.
   *
   * @throws {EventQueryError}
   */
  async read(query: EventQuery): Promise<EventAnswer> {
    const filter = filterOf(query);
    const chains = this.#openAll(filter);
    try {
      return await collect(chains, filter, query.lines);
    } finally {
      for (const { files } of chains) closeAll(files);
    }
  }

  /**
   * Yields what `read` returns, then every new event, until the signal is aborted. None is missed
   * or repeated in between. With 0 `lines` it yields new events alone; `sinceMs` is about the rest.
   *
   * @throws {EventQueryError}
   */
  async *follow(query: EventQuery, signal: AbortSignal): AsyncGenerator<StoredEvent, void, void> {
    const filter = filterOf(query);
    const live = { ...filter, sinceMs: 0 };
    const cursors: ChainCursor[] = [];
    try {
      yield* (await this.#startAll(query, filter, cursors)).events;
      while (!signal.aborted) {
        const batches = await Promise.all(cursors.map((cursor) => cursor.poll()));
        const news = batches.flat().sort((a, b) => a.timeMs - b.timeMs);
        for (const event of news) if (passes(event, live)) yield event;
        if (news.length === 0) await this.#pause(signal);
      }
    } finally {
      for (const cursor of cursors) cursor.close();
    }
  }

  /** Starts the cursors where the history ends. */
  async #startAll(
    { lines }: EventQuery,
    filter: EventFilter,
    cursors: ChainCursor[],
  ): Promise<EventAnswer> {
    const chains = this.#openAll(filter);
    try {
      for (const { source, files } of chains) {
        const cursor = new ChainCursor(this.#pathOf(source), source);
        cursors.push(cursor);
        const newest = files.at(-1);
        if (newest !== undefined) await cursor.start(newest);
      }
      return await collect(chains, filter, lines);
    } finally {
      for (const { files } of chains) closeAll(files.slice(0, -1));
    }
  }

  /** Checks both chains. `heads` are those that were noted earlier. */
  async verify(
    heads: Partial<Readonly<Record<EventOrigin, ChainHead>>> = {},
  ): Promise<readonly OriginReport[]> {
    return await Promise.all(EVENT_ORIGINS.map(async (source) => {
      const head = heads[source];
      const options = { id: this.#sandboxId, ...(head !== undefined && { head }) };
      return { source, ...await verifyChain(this.#pathOf(source), options) };
    }));
  }

  #pathOf(source: EventOrigin): string {
    return `${this.#folder}/${EVENT_FILE_NAMES[source]}`;
  }

  #openAll({ origins }: EventFilter): readonly OpenChain[] {
    return origins.map((source) => ({ source, files: openEventFiles(this.#pathOf(source)) }));
  }
}

interface OpenChain {
  readonly source: EventOrigin;
  readonly files: readonly OpenEventFile[];
}

async function collect(
  chains: readonly OpenChain[],
  filter: EventFilter,
  lines: number,
): Promise<EventAnswer> {
  const linesMax = Math.min(lines, EVENT_READ_LINES_MAX);
  const events: StoredEvent[] = [];
  let considered = 0;
  let bytes = 0;
  if (linesMax === 0) return { events, considered };
  for await (
    const event of mergeBackward(chains.map(({ source, files }) => readBackward(files, source)))
  ) {
    // Clocks may have been set back, so a little further is looked at.
    if (event.timeMs < filter.sinceMs - EVENT_DISORDER_MS_MAX) break;
    considered++;
    if (!passes(event, filter)) continue;
    bytes += event.text.length;
    if (bytes > EVENT_READ_BYTES_MAX && events.length > 0) break;
    events.push(event);
    if (events.length >= linesMax) break;
  }
  return { events: events.reverse(), considered };
}

function closeAll(files: readonly OpenEventFile[]): void {
  for (const { file } of files) file.close();
}

async function pauseFor(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, EVENT_POLL_MS);
    signal.addEventListener("abort", finish);
  });
}
