import assert from "node:assert/strict";
import type { RefreshRecord } from "./refresh_record.ts";
import { RefreshWorker } from "./refresh_worker.ts";

/** Records in memory, a clock that is set, and pauses that a test ends. */
class Bench {
  now = 1_000_000;
  records: RefreshRecord[] = [];
  /** What a refresh does to its record; throwing is a failure. */
  refresh: (record: RefreshRecord) => RefreshRecord | null = () => null;
  readonly log: string[] = [];
  readonly problems: unknown[] = [];
  #paused = Promise.withResolvers<number>();
  #resume: () => void = () => {};
  #listener: () => void = () => {};

  start(): RefreshWorker {
    return new RefreshWorker({
      refreshes: {
        all: () => Promise.resolve(this.records),
        refreshDue: (record) => {
          this.log.push(record.key);
          const next = this.refresh(record);
          if (next === null) return Promise.resolve(null);
          this.records = this.records.map((each) => each.key === next.key ? next : each);
          return Promise.resolve(next);
        },
        subscribe: (listener) => {
          this.#listener = listener;
          return () => void (this.#listener = () => {});
        },
      },
      onRefreshed: ({ key }) => Promise.resolve(void this.log.push(`made ${key}`)),
      onFailed: ({ key }) => Promise.resolve(void this.log.push(`failed ${key}`)),
      onProblem: (error) => void this.problems.push(error),
      now: () => this.now,
      pause: (ms, signal) => {
        if (signal.aborted) return Promise.resolve();
        this.#paused.resolve(ms);
        const resumed = Promise.withResolvers<void>();
        this.#resume = resumed.resolve;
        signal.addEventListener("abort", () => resumed.resolve(), { once: true });
        return resumed.promise;
      },
    });
  }

  /** How long it waits, as soon as it does. */
  async paused(): Promise<number> {
    return await this.#paused.promise;
  }

  /** Lets so much time go by, and what is due then happen. Returns the next pause. */
  async pass(ms: number): Promise<number> {
    this.now += ms;
    return await this.#go(() => this.#resume());
  }

  async wake(): Promise<number> {
    return await this.#go(() => this.#listener());
  }

  async #go(move: () => void): Promise<number> {
    this.#paused = Promise.withResolvers();
    move();
    return await this.paused();
  }
}

function recordOf(key: string, nextRefreshAtMs: number): RefreshRecord {
  return {
    providerId: "provider",
    providerName: "mine",
    workspace: "default",
    key,
    strategy: "oauth2_refresh_token",
    material: {},
    secrets: {},
    tokenUrl: "",
    scopes: [],
    leadSeconds: 0,
    lifetimeSecondsMax: 0,
    outputs: {},
    epoch: "",
    state: "configured",
    expiresAtMs: 0,
    nextRefreshAtMs,
    lastRefreshAtMs: 0,
    lastError: "",
    createdAtMs: 0,
    resourceVersion: 1,
  };
}

function workerTest(
  name: string,
  prepare: (bench: Bench) => void,
  body: (bench: Bench) => Promise<void>,
): void {
  Deno.test(`RefreshWorker ${name}`, async () => {
    const bench = new Bench();
    prepare(bench);
    const worker = bench.start();
    try {
      await body(bench);
    } finally {
      await worker.close();
    }
  });
}

const later = (bench: Bench, ms: number) => (record: RefreshRecord) => ({
  ...record,
  nextRefreshAtMs: bench.now + ms,
});

workerTest("makes what is due when it starts, and then when it is due", (bench) => {
  bench.records = [recordOf("A", 0), recordOf("B", bench.now + 30_000)];
  bench.refresh = later(bench, 40_000);
}, async (bench) => {
  assert.equal(await bench.paused(), 30_000);
  assert.deepEqual(bench.log, ["A", "made A"]);
  assert.equal(await bench.pass(30_000), 10_000);
  assert.deepEqual(bench.log.slice(2), ["B", "made B"]);
  assert.equal(await bench.pass(10_000), 30_000);
  assert.deepEqual(bench.log.slice(4), ["A", "made A"]);
});

workerTest("looks each minute, whatever is due", (bench) => {
  bench.records = [recordOf("A", bench.now + 3_600_000)];
}, async (bench) => {
  assert.equal(await bench.paused(), 60_000);
  assert.equal(await bench.pass(60_000), 60_000);
  assert.deepEqual(bench.log, []);
  bench.records = [];
  assert.equal(await bench.pass(60_000), 60_000);
});

workerTest("looks again when it is told", () => {}, async (bench) => {
  assert.equal(await bench.paused(), 60_000);
  bench.records = [recordOf("A", bench.now)];
  bench.refresh = later(bench, 20_000);
  assert.equal(await bench.wake(), 20_000);
  assert.deepEqual(bench.log, ["A", "made A"]);
});

workerTest("does not try over and over what is not written down", (bench) => {
  bench.records = [recordOf("A", 0)];
  bench.refresh = () => {
    throw new Error("no");
  };
}, async (bench) => {
  assert.equal(await bench.paused(), 5_000);
  assert.equal(await bench.wake(), 5_000);
  assert.deepEqual(bench.log, ["A", "failed A"]);
  assert.equal(await bench.pass(5_000), 5_000);
  assert.deepEqual(bench.log.slice(2), ["A", "failed A"]);
});

workerTest("says nothing of what somebody else has made", (bench) => {
  bench.records = [recordOf("A", 0)];
}, async (bench) => {
  await bench.paused();
  assert.deepEqual(bench.log, ["A"]);
});

workerTest("makes eight at a time, and then the others", (bench) => {
  bench.records = Array.from({ length: 10 }, (_, index) => recordOf(`K${index}`, index));
  bench.refresh = later(bench, 60_000);
}, async (bench) => {
  await bench.paused();
  assert.equal(bench.log.filter((line) => line.startsWith("made")).length, 10);
  const first = bench.log.slice(0, 8);
  assert.deepEqual(first, ["K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7"]);
});

workerTest("goes on where the store could not be read", (bench) => {
  const all = bench.records;
  Object.defineProperty(bench, "records", {
    configurable: true,
    get: () => {
      Object.defineProperty(bench, "records", { value: all, writable: true });
      throw new Error("the disk is gone");
    },
  });
}, async (bench) => {
  assert.equal(await bench.paused(), 60_000);
  assert.equal(bench.problems.length, 1);
  assert.equal(await bench.pass(60_000), 60_000);
});

Deno.test("RefreshWorker close() waits for what is under way", async () => {
  const held = Promise.withResolvers<void>();
  let isMade = false;
  const worker = new RefreshWorker({
    refreshes: {
      all: () => Promise.resolve([recordOf("A", 0)]),
      async refreshDue(record) {
        await held.promise;
        isMade = true;
        return record;
      },
      subscribe: () => () => {},
    },
    onRefreshed: () => Promise.resolve(),
    onFailed: () => Promise.resolve(),
    onProblem: () => {},
    now: () => 1,
    pause: () => Promise.resolve(),
  });
  const closed = worker.close();
  held.resolve();
  await closed;
  assert.equal(isMade, true);
});
