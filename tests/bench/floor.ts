/**
 * What no evaluator could go below: calls into WebAssembly, and writing texts there.
 *
 * @module
 */

import { wasmBase64 } from "../../policy-wasm/build/release.ts";
import { Encoder } from "../../policy-wasm/encoder.ts";
import type { Timing } from "./measure.ts";
import { measure } from "./measure.ts";
import { OURS } from "./ours.ts";
import type { Budget, Report } from "./report.ts";
import { duration, grouped, table } from "./table.ts";
import type { Question } from "./workload.ts";
import { ordinaryPolicy, scenarioPool } from "./workload.ts";

/** Most that a miss may take beyond encoding its host. */
const MISS_NS = 50;

/** Times calls and encoding alone, and a miss beyond its encoding. */
export async function floor(): Promise<Report> {
  const { memory, accepts } = instantiate();
  const encoder = new Encoder(memory.buffer);
  const pool = scenarioPool("L7 hit", 1000);
  const encode = (write: (question: Question) => unknown) =>
    measure((count) => each(pool.take(count), write), { isAllowed: true });
  const costs: [string, Timing][] = [
    ["call without arguments", encode(() => accepts())],
    ["encode a host", encode(({ host }) => encoder.text(host))],
    ["encode a binary", encode(({ binary }) => encoder.caller({ binary, ancestors: [] }))],
    ["encode a request", encode((request) => encoder.request(request, 0, false))],
  ];
  const missRows: string[][] = [];
  const budgets: Budget[] = [];
  for (const count of [1000, 10_000]) {
    const missed = scenarioPool("L4 miss", count);
    const encoding = measure(
      (batch) => each(missed.take(batch), ({ host }) => encoder.text(host)),
      { isAllowed: true },
    );
    const engine = await OURS[1]!.load(ordinaryPolicy(count));
    const miss = measure(
      (batch) => engine.prepare(missed.take(batch), "connection"),
      { isAllowed: false },
    );
    const [median, fastest] = [
      miss.medianNs - encoding.medianNs,
      miss.fastestNs - encoding.fastestNs,
    ];
    missRows.push([
      grouped(count),
      duration(miss.medianNs),
      duration(encoding.medianNs),
      duration(median),
    ]);
    const name = `miss beyond encoding, ${grouped(count)} rules`;
    budgets.push({ name, unit: "ns", limit: MISS_NS, median, fastest });
  }
  return {
    tables: [
      table(
        "Floor: fresh strings",
        ["", "median", "fastest"],
        costs.map(([name, { medianNs, fastestNs }]) => [
          name,
          duration(medianNs),
          duration(fastestNs),
        ]),
      ),
      table("A miss, caller interned", ["rules", "whole", "encoding", "beyond"], missRows),
    ],
    budgets,
  };
}

function each(questions: readonly Question[], write: (question: Question) => unknown) {
  return () => {
    let done = 0;
    for (const question of questions) {
      if (write(question) !== -1) done++;
    }
    return done;
  };
}

interface Core {
  readonly memory: WebAssembly.Memory;
  readonly accepts: () => number;
}

function instantiate(): Core {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(wasmBase64));
  const abort = () => {};
  return new WebAssembly.Instance(module, { env: { abort } }).exports as unknown as Core;
}
