import assert from "node:assert/strict";
import { type TimerPort, Watchdog } from "./watchdog.ts";

/** A clock that a test turns, with the timers that are set. */
class FakeTimers implements TimerPort {
  #now = 0;
  readonly #timers = new Map<() => void, number>();
  sets = 0;

  now(): number {
    return this.#now;
  }

  set(callback: () => void, ms: number): () => void {
    this.sets += 1;
    this.#timers.set(callback, this.#now + ms);
    return () => this.#timers.delete(callback);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Goes on in steps, so that timers that are set meanwhile fire as well. */
  advance(ms: number): void {
    for (const end = this.#now + ms; this.#now < end;) {
      this.#now += 1;
      for (const [callback, at] of [...this.#timers]) {
        if (at > this.#now) continue;
        this.#timers.delete(callback);
        callback();
      }
    }
  }
}

function start(): { timers: FakeTimers; watchdog: Watchdog<string>; expired: string[] } {
  const timers = new FakeTimers();
  const expired: string[] = [];
  const watchdog = new Watchdog<string>((stage) => expired.push(stage), timers);
  return { timers, watchdog, expired };
}

Deno.test("Watchdog expires a stage once, at its time", () => {
  const { timers, watchdog, expired } = start();
  watchdog.arm("a", 10);
  timers.advance(9);
  assert.deepEqual(expired, []);
  timers.advance(100);
  assert.deepEqual(expired, ["a"]);
  assert.equal(timers.pending, 0);
});

Deno.test("Watchdog gives a stage with progress its whole time again, on one timer", () => {
  const { timers, watchdog, expired } = start();
  watchdog.arm("a", 10);
  for (let i = 0; i < 9; i += 1) {
    timers.advance(1);
    watchdog.touch();
  }
  assert.equal(timers.sets, 1);
  timers.advance(9);
  assert.deepEqual(expired, []);
  timers.advance(1);
  assert.deepEqual(expired, ["a"]);
});

Deno.test("Watchdog goes by the newest stage, shorter or longer", () => {
  const { timers, watchdog, expired } = start();
  watchdog.arm("long", 100);
  watchdog.arm("short", 10);
  timers.advance(10);
  assert.deepEqual(expired, ["short"]);
  watchdog.arm("short", 10);
  watchdog.arm("long", 100);
  timers.advance(99);
  assert.deepEqual(expired, ["short"]);
  timers.advance(1);
  assert.deepEqual(expired, ["short", "long"]);
});

Deno.test("Watchdog waits for nothing when disarmed, and leaves no timer when disposed", () => {
  const { timers, watchdog, expired } = start();
  watchdog.arm("a", 10);
  watchdog.disarm();
  watchdog.touch();
  timers.advance(100);
  watchdog.arm("b", 10);
  watchdog.dispose();
  assert.equal(timers.pending, 0);
  timers.advance(100);
  assert.deepEqual(expired, []);
});
