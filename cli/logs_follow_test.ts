import assert from "node:assert/strict";
import {
  type FakeGateway,
  fakeGateway,
  type FakeGatewayOptions,
  sampleSandbox,
} from "../gateway/client/fake_gateway.ts";
import { GatewayError } from "../gateway/client/gateway_error.ts";
import type { LogQuery } from "../gateway/client/types.ts";
import { PROGRAM } from "./commands.ts";
import { type FakeContext, fakeContext } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

const GONE = new GatewayError("unavailable", "Cannot follow: gone");

/** Runs against gateways that come one after the other. */
async function run(
  line: string,
  lives: readonly FakeGatewayOptions[],
): Promise<{ readonly code: number; readonly context: FakeContext; readonly all: FakeGateway[] }> {
  const all = lives.map((life) => fakeGateway({ sandboxes: [sampleSandbox()], ...life }));
  let found = 0;
  const context = fakeContext({
    gateway: all[0]!,
    gateways: {
      open: () => Promise.resolve(all[0]!),
      find: () => {
        const gateway = all[++found] ?? null;
        const { name, endpoint, auth } = all[0]!;
        const target = { kind: "registered" as const, name, endpoint, auth, tls: null };
        return Promise.resolve({ target, gateway });
      },
    },
  });
  return { code: await runProgram(PROGRAM, line.split(" "), context), context, all };
}

/** Yields records and then fails, or ends. */
function records(
  numbers: readonly number[],
  { isKilled = false, queries = [] as LogQuery[] } = {},
): FakeGatewayOptions {
  return {
    async *readEvents(query) {
      queries.push(query);
      await Promise.resolve();
      for (const number of numbers) {
        yield { source: "sandbox", record: JSON.stringify({ time: 1_000 + number, number }) };
      }
      if (isKilled) throw GONE;
    },
  };
}

function numbersOf(context: FakeContext): readonly number[] {
  return context.out().trimEnd().split("\n").map((line) => JSON.parse(line).number);
}

Deno.test("logs --tail goes on where it was when the gateway is back", async () => {
  const queries: LogQuery[] = [];
  const { code, context, all } = await run("logs demo --tail -n 2 -o jsonl", [
    records([1, 2], { isKilled: true }),
    { health: () => Promise.reject(GONE) },
    records([1, 2, 3], { isKilled: true, queries }),
    records([1, 2, 3, 4]),
  ]);
  assert.equal(code, 0);
  assert.deepEqual(numbersOf(context), [1, 2, 3, 4]);
  assert.deepEqual([queries[0]?.lines, queries[0]?.sinceMs], [10_000, 1_001]);
  assert.equal(context.err().match(/gateway has gone/g)?.length, 2);
  for (const gateway of all) assert.ok(gateway.log.includes("close"));
});

Deno.test("logs --tail does not come back to what was before its first line", async () => {
  const at = (time: number, numbers: readonly number[], isKilled: boolean): FakeGatewayOptions => ({
    async *readEvents() {
      await Promise.resolve();
      for (const number of numbers) {
        yield { source: "sandbox", record: JSON.stringify({ time, number }) };
      }
      if (isKilled) throw GONE;
    },
  });
  const { code, context } = await run("logs demo --tail -n 1 -o jsonl", [
    at(1_000, [3], true),
    at(1_000, [1, 2, 3, 4], true),
    at(1_000, [1, 2, 3, 4, 5], false),
  ]);
  assert.equal(code, 0);
  assert.deepEqual(numbersOf(context), [3, 4, 5]);
});

Deno.test("logs --tail shows lines that are the same as often as they came", async () => {
  const line = { timestampMs: 5, level: "INFO", target: "t", message: "m", source: "", fields: {} };
  const lines = (count: number, isKilled: boolean): FakeGatewayOptions => ({
    async *followLogs() {
      await Promise.resolve();
      for (let index = 0; index < count; index++) yield line;
      if (isKilled) throw GONE;
    },
  });
  const { context } = await run("logs demo --tail", [lines(2, true), lines(3, false)]);
  assert.equal(context.out().trimEnd().split("\n").length, 3);
});

Deno.test("logs --tail does not wait for what waiting does not mend", async () => {
  const denied: FakeGatewayOptions = {
    readEvents: () => {
      throw new GatewayError("permission_denied", "Cannot read: no");
    },
  };
  assert.equal((await run("logs demo --tail -o jsonl", [denied])).code, 1);
  const failing = Array.from({ length: 9 }, () => records([], { isKilled: true }));
  const { code, context } = await run("logs demo --tail -o jsonl", failing);
  assert.equal(code, 1);
  assert.match(context.err(), /Cannot follow: gone/);
});
