import assert from "node:assert/strict";
import { judgeDestination } from "../../policy-wasm/destination.ts";
import {
  DESTINATION_MODES,
  DESTINATION_REASONS,
  loadDestinationCases,
} from "./load_destination_cases.ts";

const CASES = loadDestinationCases();

for (const { name, facts, want } of CASES) {
  Deno.test(`cases: destination.yaml: ${name}`, () => {
    const got = judgeDestination(facts);
    if (got.ok) return assert.deepEqual(got, want);
    assert.notEqual(got.detail, "");
    const { detail: _, ...denial } = got;
    assert.deepEqual({ ...denial, ...want }, denial);
  });
}

Deno.test("cases: destination.yaml has at least 40 rows", () => {
  assert.ok(CASES.length >= 40, `${CASES.length} rows`);
});

Deno.test("cases: destination.yaml has every mode and every reason", () => {
  const modes = new Set(CASES.flatMap(({ want }) => want.ok ? [want.mode] : []));
  const reasons = new Set(CASES.flatMap(({ want }) => want.ok ? [] : [want.reason]));
  assert.deepEqual(DESTINATION_MODES.filter((mode) => !modes.has(mode)), []);
  assert.deepEqual(DESTINATION_REASONS.filter((reason) => !reasons.has(reason)), []);
});
