/**
 * Streams what happens to a sandbox: itself as it is, what was, then what comes.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { AsyncQueue } from "../../drivers/system/async_queue.ts";
import {
  type OpenShell,
  type SandboxStreamEvent,
  SandboxStreamEventSchema,
  type WatchSandboxRequest,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { LOG_LINES_DEFAULT, LOG_LINES_MAX, WATCH_CHANGES_MAX } from "../../proto/limits.ts";
import { type SandboxRecord, toMessage } from "../sandbox/sandbox_record.ts";
import type { PlatformEvent, SandboxChange } from "../sandbox/sandbox_watchers.ts";
import type { SandboxService } from "../sandbox/sandboxes.ts";
import type { LogSource } from "./log_source.ts";

type WatchMethods = Pick<ServiceImpl<typeof OpenShell>, "watchSandbox">;

export function watchMethods(sandboxes: SandboxService, logs: LogSource): WatchMethods {
  return {
    async *watchSandbox(request, { signal }) {
      const ending = new AbortController();
      const watch = new Watch(request, ending);
      const end = () => watch.end();
      signal.addEventListener("abort", end);
      // It listens before it looks, so that nothing is missed in between.
      const unwatch = sandboxes.watch(request.id, (change) => watch.take(change));
      try {
        watch.start(await sandboxes.getById(request.id), sandboxes.events(request.id));
        if (request.followLogs) void watch.follow(logs);
        if (signal.aborted) end();
        yield* watch.out;
        if (watch.fault !== null) throw watch.fault;
      } finally {
        unwatch();
        signal.removeEventListener("abort", end);
        end();
      }
    },
  };
}

class Watch {
  readonly out = new AsyncQueue<SandboxStreamEvent>({ weightMax: WATCH_CHANGES_MAX });
  /** Why the stream ended, where that was no good end. */
  fault: unknown = null;
  readonly #request: WatchSandboxRequest;
  readonly #ending: AbortController;
  /** What happened before the sandbox was looked at; `null` from then on. */
  #early: SandboxChange[] | null = [];

  constructor(request: WatchSandboxRequest, ending: AbortController) {
    this.#request = request;
    this.#ending = ending;
  }

  /** Says how things are, then what happened meanwhile. */
  start(record: SandboxRecord, events: readonly PlatformEvent[]): void {
    const early = this.#early ?? [];
    this.#early = null;
    this.#say(toSandbox(record));
    const tail = this.#request.eventTail;
    if (tail > 0) { for (const event of events.slice(-tail)) this.#say(toEvent(event)); }
    if (this.#isEnd(record)) return this.end();
    const isNews = (change: SandboxChange) =>
      change.kind === "changed" && change.record.resourceVersion > record.resourceVersion;
    for (const change of early) if (change.kind === "deleted" || isNews(change)) this.take(change);
  }

  take(change: SandboxChange): void {
    if (this.#early !== null) {
      // Only the newest matter: the sandbox is looked at afterwards.
      this.#early = [...this.#early, change].slice(-WATCH_CHANGES_MAX);
      return;
    }
    const { followStatus, followEvents, stopOnTerminal } = this.#request;
    switch (change.kind) {
      case "changed": {
        const isEnd = this.#isEnd(change.record);
        if (followStatus || (stopOnTerminal && isEnd)) this.#say(toSandbox(change.record));
        if (isEnd) this.end();
        return;
      }
      case "event":
        if (followEvents) this.#say(toEvent(change.event));
        return;
      case "deleted":
        this.end();
    }
  }

  /** Replays and follows the logs until the stream ends. */
  async follow(logs: LogSource): Promise<void> {
    const { id, logTailLines, logSinceMs, logSources, logMinLevel } = this.#request;
    const query = {
      lines: Math.min(logTailLines || LOG_LINES_DEFAULT, LOG_LINES_MAX),
      sinceMs: Number(logSinceMs),
      sources: logSources,
      minLevel: logMinLevel,
    };
    try {
      for await (const line of logs.follow(id, query, this.#ending.signal)) {
        const message = create(SandboxStreamEventSchema, { payload: { case: "log", value: line } });
        // Logs wait for whoever reads; they are kept, so that none is lost by it.
        if (!await this.out.push(message)) return;
      }
    } catch (error) {
      this.fault ??= error;
      this.end();
    }
  }

  end(): void {
    this.#ending.abort();
    this.out.end();
  }

  #isEnd({ state }: SandboxRecord): boolean {
    if (!this.#request.stopOnTerminal) return false;
    return state.phase === "ready" || state.phase === "error";
  }

  #say(event: SandboxStreamEvent): void {
    if (this.out.isEnded || this.out.offer(event)) return;
    this.fault = new ConnectError("the watcher fell behind: watch again", Code.ResourceExhausted);
    this.#ending.abort();
    this.out.discard();
  }
}

function toSandbox(record: SandboxRecord): SandboxStreamEvent {
  return create(SandboxStreamEventSchema, {
    payload: { case: "sandbox", value: toMessage(record) },
  });
}

function toEvent(event: PlatformEvent): SandboxStreamEvent {
  const { timestampMs, metadata, ...rest } = event;
  const value = { ...rest, timestampMs: BigInt(timestampMs), metadata: { ...metadata } };
  return create(SandboxStreamEventSchema, { payload: { case: "event", value } });
}
