/**
 * Times batches: medians of samples, each with its preparation outside the clock.
 *
 * @module
 */

/** Nanoseconds for one of the things that a batch does. */
export interface Timing {
  readonly medianNs: number;
  /** Fastest sample: a hint at what noise added to the median, not a measure of its own. */
  readonly fastestNs: number;
  readonly samples: number;
}

/** Does a prepared batch and returns how many were allowed, so that no work can be dropped. */
export type Batch = () => number;

/** Makes a batch of `count` questions. Not timed. */
export type Prepare = (count: number) => Batch;

export interface MeasureOptions {
  /** What every question has to come to. */
  readonly isAllowed: boolean;
}

const SAMPLES = 31;
/** Used where one question takes longer than `SLOW_NS`. */
const SAMPLES_SLOW = 15;
const SLOW_NS = 200_000;
const COUNT_MIN = 2;
const COUNT_MAX = 1024;
/** Time that one batch aims at, in nanoseconds. */
const BATCH_NS = 400_000;
/** Until all code is compiled and every rule was met a few times, or so much time went by. */
const WARM_UP_BATCHES = 64;
const WARM_UP_NS = 100e6;

/**
 * Returns how long one question takes.
 *
 * @throws {Error} A batch does not come to the answers that it should.
 */
export function measure(prepare: Prepare, options: MeasureOptions): Timing {
  return measureTogether([prepare], options)[0]!;
}

/** Measures several things that are to be compared: in turn, so that noise meets all alike. */
export function measureTogether(prepares: readonly Prepare[], options: MeasureOptions): Timing[] {
  const series = prepares.map((prepare) => new Series(prepare, options));
  for (let i = 0; i < SAMPLES; i++) {
    for (const each of series) {
      if (i < each.samplesMax) each.sample();
    }
  }
  return series.map(({ samplesNs }) => timingOf(samplesNs));
}

/** The samples of one thing. */
class Series {
  readonly samplesNs: number[] = [];
  readonly samplesMax: number;
  readonly #prepare: Prepare;
  readonly #isAllowed: boolean;
  readonly #count: number;

  constructor(prepare: Prepare, { isAllowed }: MeasureOptions) {
    this.#prepare = prepare;
    this.#isAllowed = isAllowed;
    const first = Math.min(this.#time(1), this.#time(1));
    if (first > SLOW_NS) {
      this.samplesMax = SAMPLES_SLOW;
      this.#count = 1;
      return;
    }
    this.samplesMax = SAMPLES;
    let count = countFor(first);
    let spentNs = 0;
    for (let i = 0; i < WARM_UP_BATCHES && spentNs < WARM_UP_NS; i++) {
      const ns = this.#time(count);
      spentNs += ns * count;
      // The more is compiled, the more of them fit in a batch.
      count = Math.max(count, countFor(ns));
    }
    this.#count = count;
  }

  sample(): void {
    this.samplesNs.push(this.#time(this.#count));
  }

  #time(count: number): number {
    const batch = this.#prepare(count);
    const start = performance.now();
    const allowed = batch();
    const ns = (performance.now() - start) * 1e6;
    if (allowed !== (this.#isAllowed ? count : 0)) {
      throw new Error(`Cannot measure: ${allowed} of ${count} questions were allowed`);
    }
    return ns / count;
  }
}

function countFor(ns: number): number {
  return Math.min(COUNT_MAX, Math.max(COUNT_MIN, Math.floor(BATCH_NS / ns)));
}

/** Returns how long one call takes, for work of milliseconds. */
export function measureCall(call: () => unknown, samples: number = SAMPLES_SLOW): Timing {
  for (let i = 0; i < 3; i++) call();
  return timingOf(Array.from({ length: samples }, () => {
    const start = performance.now();
    call();
    return (performance.now() - start) * 1e6;
  }));
}

export function timingOf(samplesNs: readonly number[]): Timing {
  const sorted = samplesNs.toSorted((a, b) => a - b);
  return {
    medianNs: sorted[sorted.length >> 1]!,
    fastestNs: sorted[0]!,
    samples: sorted.length,
  };
}
