/**
 * Makes new values when they are due, as long as the gateway runs.
 *
 * When each is due is in its record, so that a gateway that was restarted goes on. One timer waits
 * for the next one, and looks now and then whatever is due, since clocks may be set.
 *
 * @module
 */

import {
  REFRESH_GAP_MS_MIN,
  REFRESH_SWEEP_MS_MAX,
  REFRESHES_AT_ONCE_MAX,
} from "../../../proto/refresh_limits.ts";
import { refreshId, type RefreshRecord } from "./refresh_record.ts";

export interface WorkerPorts {
  readonly refreshes: {
    all(): Promise<readonly RefreshRecord[]>;
    /** `null` where it is not due any more. */
    refreshDue(record: RefreshRecord): Promise<RefreshRecord | null>;
    /** Tells when something else may be due. */
    subscribe(listener: () => void): () => void;
  };
  /** Told of each value that was made. */
  readonly onRefreshed: (record: RefreshRecord) => Promise<void>;
  /** Told of each that could not be made, with its record as it was before. */
  readonly onFailed: (record: RefreshRecord, error: unknown) => Promise<void>;
  readonly onProblem: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Waits so long, or until the signal. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

export class RefreshWorker {
  readonly #ports: WorkerPorts;
  readonly #running: Promise<void>;
  readonly #unsubscribe: () => void;
  /**
   * When each was attempted last. What cannot be written down must not be attempted again and again.
   */
  #attempts: ReadonlyMap<string, number> = new Map();
  #pause = new AbortController();
  #isClosed = false;

  /** Starts at once. */
  constructor(ports: WorkerPorts) {
    this.#ports = ports;
    this.#unsubscribe = ports.refreshes.subscribe(() => this.#wake());
    this.#running = this.#run();
  }

  /** Waits for what is under way: a refresh token that was used may be good for nothing else. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#wake();
    await this.#running;
  }

  #wake(): void {
    this.#pause.abort();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      // What comes while this looks must not be missed: it ends the pause that follows.
      this.#pause = new AbortController();
      const waitMs = await this.#sweep();
      if (waitMs > 0 && !this.#isClosed) await this.#ports.pause(waitMs, this.#pause.signal);
    }
  }

  /** Makes what is due; returns how long there is nothing to do. */
  async #sweep(): Promise<number> {
    const { refreshes, now, onProblem } = this.#ports;
    try {
      const all = await refreshes.all();
      const queue = all.map((record) => ({ record, dueMs: this.#dueMs(record) }))
        .toSorted((a, b) => a.dueMs - b.dueMs);
      const nowMs = now();
      const due = queue.filter(({ dueMs }) => dueMs <= nowMs).slice(0, REFRESHES_AT_ONCE_MAX);
      const attempts = all.map((record) => {
        const isDue = due.some((each) => each.record === record);
        return [
          refreshId(record),
          isDue ? nowMs : this.#attempts.get(refreshId(record)) ?? 0,
        ] as const;
      });
      this.#attempts = new Map(attempts);
      await Promise.all(due.map(({ record }) => this.#refresh(record)));
      if (due.length > 0) return 0;
      return Math.min((queue[0]?.dueMs ?? Infinity) - nowMs, REFRESH_SWEEP_MS_MAX);
    } catch (error) {
      onProblem(error);
      return REFRESH_SWEEP_MS_MAX;
    }
  }

  #dueMs(record: RefreshRecord): number {
    const attempt = this.#attempts.get(refreshId(record)) ?? 0;
    return Math.max(record.nextRefreshAtMs, attempt === 0 ? 0 : attempt + REFRESH_GAP_MS_MIN);
  }

  async #refresh(record: RefreshRecord): Promise<void> {
    const { refreshes, onRefreshed, onFailed, onProblem } = this.#ports;
    try {
      const made = await refreshes.refreshDue(record);
      if (made !== null) await onRefreshed(made);
    } catch (error) {
      await onFailed(record, error).catch(onProblem);
    }
  }
}
