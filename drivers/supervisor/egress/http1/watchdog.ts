/**
 * Ends what takes too long, without a timer for each read.
 *
 * One deadline is in force at a time. Moving it is an assignment; the timer that is already set
 * looks at it when it fires and waits again for what is left.
 *
 * @module
 */

/** What a watchdog needs of the clock. */
export interface TimerPort {
  /** Milliseconds from any start, never going back. */
  now(): number;
  /** Calls back once after so many milliseconds, unless what it returns is called before. */
  set(callback: () => void, ms: number): () => void;
}

export const SYSTEM_TIMERS: TimerPort = {
  now: () => performance.now(),
  set: (callback, ms) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Watches one connection. `Stage` names what is waited for. */
export class Watchdog<Stage extends string> {
  readonly #onExpire: (stage: Stage) => void;
  readonly #timers: TimerPort;
  #stage: Stage | null = null;
  #ms = 0;
  #deadline = Infinity;
  #cancel: (() => void) | null = null;
  #firesAt = Infinity;

  constructor(onExpire: (stage: Stage) => void, timers: TimerPort = SYSTEM_TIMERS) {
    this.#onExpire = onExpire;
    this.#timers = timers;
  }

  /** From now on, this stage has to make progress or end in the time given. */
  arm(stage: Stage, ms: number): void {
    this.#stage = stage;
    this.#ms = ms;
    this.touch();
    if (this.#deadline < this.#firesAt) this.#wait();
  }

  /** Progress: the stage has its whole time again. */
  touch(): void {
    if (this.#stage !== null) this.#deadline = this.#timers.now() + this.#ms;
  }

  /** Nothing is waited for. */
  disarm(): void {
    this.#stage = null;
    this.#deadline = Infinity;
  }

  /** Ends the watch for good. Until then a timer may be set. */
  dispose(): void {
    this.disarm();
    this.#stop();
  }

  #wait(): void {
    this.#stop();
    this.#firesAt = this.#deadline;
    this.#cancel = this.#timers.set(() => this.#fire(), this.#deadline - this.#timers.now());
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#firesAt = Infinity;
  }

  #fire(): void {
    this.#stop();
    const stage = this.#stage;
    if (stage === null) return;
    if (this.#timers.now() < this.#deadline) return this.#wait();
    this.disarm();
    this.#onExpire(stage);
  }
}
