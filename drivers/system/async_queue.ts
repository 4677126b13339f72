/**
 * A bounded queue between whoever produces and whoever iterates.
 *
 * @module
 */

/** What a queue needs to know. */
export interface QueueOptions<T> {
  /** Weight at which `push` starts to wait. */
  readonly weightMax: number;
  /** Weight of a value, 1 where left out. */
  readonly weigh?: (value: T) => number;
}

/** First in, first out, one consumer. Iteration ends after the last value before `end`. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  readonly #weightMax: number;
  readonly #weigh: (value: T) => number;
  #weight = 0;
  #ended = false;
  #wakeConsumer: (() => void) | null = null;
  #wakeProducers: (() => void)[] = [];

  constructor({ weightMax, weigh = () => 1 }: QueueOptions<T>) {
    this.#weightMax = weightMax;
    this.#weigh = weigh;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Adds a value where there is room. Returns false, and drops it, where there is none. */
  offer(value: T): boolean {
    if (this.#ended || this.#weight >= this.#weightMax) return false;
    this.#add(value);
    return true;
  }

  /** Adds a value and resolves when there is room again. Returns false once the queue has ended. */
  async push(value: T): Promise<boolean> {
    if (this.#ended) return false;
    this.#add(value);
    await this.room();
    return !this.#ended;
  }

  /** Resolves when there is room, or when the queue has ended. */
  async room(): Promise<void> {
    while (!this.#ended && this.#weight >= this.#weightMax) {
      await new Promise<void>((resolve) => this.#wakeProducers.push(resolve));
    }
  }

  /** Nothing more comes. What was added before can still be read. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Ends the queue and drops what was not read. */
  discard(): void {
    this.#values.length = 0;
    this.#weight = 0;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      while (true) {
        while (this.#values.length > 0) yield this.#take();
        if (this.#ended) return;
        await new Promise<void>((resolve) => this.#wakeConsumer = resolve);
      }
    } finally {
      this.discard();
    }
  }

  #add(value: T): void {
    this.#values.push(value);
    this.#weight += this.#weigh(value);
    this.#wakeConsumer?.();
    this.#wakeConsumer = null;
  }

  #take(): T {
    const value = this.#values.shift()!;
    this.#weight -= this.#weigh(value);
    if (this.#weight < this.#weightMax) this.#wakeAllProducers();
    return value;
  }

  #wake(): void {
    this.#wakeConsumer?.();
    this.#wakeConsumer = null;
    this.#wakeAllProducers();
  }

  #wakeAllProducers(): void {
    const waiting = this.#wakeProducers;
    this.#wakeProducers = [];
    for (const wake of waiting) wake();
  }
}
