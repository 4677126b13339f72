import assert from "node:assert/strict";
import { jsonOf, percentiles, tablesOf } from "./measurement.ts";

const HUNDRED = Array.from({ length: 100 }, (_, index) => 100 - index);

Deno.test.each([
  { name: "of a hundred", samples: HUNDRED, want: { p50: 50, p95: 95, p99: 99 } },
  { name: "of one", samples: [7], want: { p50: 7, p95: 7, p99: 7 } },
  { name: "of three", samples: [3, 1, 2], want: { p50: 2, p95: 3, p99: 3 } },
])("percentiles() $name", ({ samples, want }) => {
  assert.deepEqual(percentiles(samples), want);
});

Deno.test("tablesOf() sets each against the first, and ours against each", () => {
  const measured = [
    { what: "Start", contender: "host", unit: "ns" as const, samples: [1e6] },
    { what: "Start", contender: "peer", unit: "ns" as const, samples: [4e6] },
    { what: "Start", contender: "openshell", unit: "ns" as const, samples: [2e6] },
  ];
  const skipped = [{ what: "Start", contender: "other", reason: "it is missing" }];
  const [table = "", note] = tablesOf({ measured, skipped });
  assert.match(table, /^peer +4\.00 ms .* 4\.00x +0\.50x$/m);
  assert.match(table, /^openshell +2\.00 ms .* 2\.00x$/m);
  assert.equal(note, "Start, other: not measured: it is missing\n");
  const json = jsonOf({ measured, skipped });
  assert.deepEqual(json.measured[1], {
    what: "Start",
    contender: "peer",
    unit: "ns",
    samples: 1,
    p50: 4e6,
    p95: 4e6,
    p99: 4e6,
  });
});
