import assert from "node:assert/strict";
import type { CheckedEndpoint } from "./endpoint.ts";
import { Budget, overlappingPlaces } from "./overlap.ts";

Deno.test("overlappingPlaces() compares no distinct hosts", () => {
  const budget = new Budget(0);
  const endpoints = Array.from({ length: 10_000 }, (_, i) => endpoint(`h${i}.example.com`));
  assert.deepEqual([...overlappingPlaces(endpoints, budget)], []);
  assert.equal(budget.isSpent, false);
});

Deno.test("overlappingPlaces() yields what shares a port and a host", () => {
  const hosts = ["a.x.io", "b.x.io", "*.x.io", "", "a.x.io", "**.y.io"];
  const pairs = [...overlappingPlaces(hosts.map(endpoint), new Budget(1_000_000))];
  assert.deepEqual(pairs.map(([a, b]) => `${a.host} ${b.host}`).sort(), [
    " **.y.io",
    " *.x.io",
    " a.x.io",
    " b.x.io",
    "*.x.io a.x.io",
    "*.x.io b.x.io",
    "a.x.io a.x.io",
  ]);
});

Deno.test("overlappingPlaces() stops when the budget is spent", () => {
  const hosts = Array.from({ length: 100 }, (_, i) => `*-${i}.example.com`);
  const budget = new Budget(1000);
  assert.ok([...overlappingPlaces(hosts.map(endpoint), budget)].length < 4950);
  assert.ok(budget.isSpent);
});

Deno.test("overlappingPlaces() charges long patterns by their length, and says where it stopped", () => {
  const hosts = Array.from({ length: 300 }, (_, i) => {
    return `${"*a".repeat(14)}${1000 + i}${"*b".repeat(14)}.example.com`;
  });
  const budget = new Budget(1_000_000);
  assert.ok([...overlappingPlaces(hosts.map(endpoint), budget)].length < 5000);
  assert.ok(budget.isSpent);
  assert.ok(hosts.includes(budget.spentAt!.endpoint.host));
});

Deno.test("overlappingPlaces() charges little for patterns that cannot meet", () => {
  const hosts = Array.from({ length: 300 }, (_, i) => `${1000 + i}-*.example.com`);
  const budget = new Budget(500_000);
  assert.deepEqual([...overlappingPlaces(hosts.map(endpoint), budget)], []);
  assert.equal(budget.isSpent, false);
});

function endpoint(host: string): CheckedEndpoint {
  return { endpoint: { host, ports: [443] } } as unknown as CheckedEndpoint;
}
