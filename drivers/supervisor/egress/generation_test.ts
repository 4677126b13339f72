import assert from "node:assert/strict";
import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Middleware } from "../../../policy-wasm/policy.ts";
import { type Generation, GenerationHolder, POLICY_CHANGED } from "./generation.ts";

const POLICY = policyOf(ruleOf());
const REVISION = { version: 7, hash: "sha256:abc" };

Deno.test("GenerationHolder denies everything until a policy is loaded", () => {
  assert.deepEqual(new GenerationHolder().current, { quarantine: "No policy is in force yet" });
});

Deno.test("GenerationHolder.load() puts a policy in force, as the sandbox sees it", () => {
  const holder = new GenerationHolder({ expand: () => policyOf(ruleOf({ key: "expanded" })) });
  const generation = holder.load(POLICY, REVISION);
  assert.equal(holder.current, generation);
  assert.deepEqual([generation.number, generation.version, generation.hash], [1, 7, "sha256:abc"]);
  assert.deepEqual([...generation.rules.keys()], ["expanded"]);
  assert.equal(holder.load(POLICY, REVISION).number, 2);
});

const MIDDLEWARE: Middleware = {
  key: "scrub",
  name: "scrub",
  middleware: "openshell/regex",
  order: 1,
  config: {},
  onError: "fail_closed",
  include: ["**"],
  exclude: [],
};

Deno.test.each([
  {
    name: "a pattern that does not compile",
    policy: policyOf(ruleOf({ binaries: [{ path: "/[*", descendants: false }] })),
    want: /^Cannot put the policy in force: /,
  },
  {
    name: "a middleware that must not be left out",
    policy: { ...POLICY, middlewares: [MIDDLEWARE] },
    want: /no middlewares yet, and "scrub"/,
  },
])("GenerationHolder.load() refuses $name, and changes nothing", ({ policy, want }) => {
  const holder = new GenerationHolder();
  const before = holder.load(POLICY, REVISION);
  let reviews = 0;
  using watch = holder.watch({ review: () => (reviews += 1) > 0 });
  assert.throws(() => holder.load(policy, REVISION), { name: "GenerationError", message: want });
  assert.equal(holder.current, before);
  assert.deepEqual([reviews, watch.signal.aborted], [0, false]);
});

Deno.test("GenerationHolder.load() refuses what cannot be expanded", () => {
  const holder = new GenerationHolder({
    expand: () => {
      throw new TypeError("A mistake");
    },
  });
  assert.throws(() => holder.load(POLICY, REVISION), { name: "GenerationError" });
});

Deno.test("GenerationHolder.load() takes a middleware that may be left out", () => {
  const middlewares = [{ ...MIDDLEWARE, onError: "fail_open" as const }];
  new GenerationHolder().load({ ...POLICY, middlewares }, REVISION);
});

Deno.test.each([
  { name: "lets go on what it allows", review: () => true, aborted: false },
  { name: "ends what it does not allow", review: () => false, aborted: true },
  {
    name: "ends what cannot be reviewed",
    review: () => {
      throw new TypeError("A mistake");
    },
    aborted: true,
  },
])("A new policy $name", ({ review, aborted }) => {
  const holder = new GenerationHolder();
  using watch = holder.watch({ review });
  holder.load(POLICY, REVISION);
  assert.equal(watch.signal.aborted, aborted);
  if (aborted) assert.equal(watch.signal.reason, POLICY_CHANGED);
});

Deno.test("GenerationHolder reviews by the new policy, and nothing that is over", () => {
  const holder = new GenerationHolder();
  const seen: Generation[] = [];
  const open = { review: (generation: Generation) => seen.push(generation) > 0 };
  {
    using watch = holder.watch(open);
    assert.equal(holder.openCount, 1);
    const generation = holder.load(policyOf(ruleOf({ endpoints: [endpointOf()] })), REVISION);
    assert.deepEqual(seen, [generation]);
    assert.equal(watch.signal.aborted, false);
  }
  holder.load(POLICY, REVISION);
  assert.deepEqual([seen.length, holder.openCount], [1, 0]);
});

Deno.test("GenerationHolder.quarantine() ends everything", () => {
  const holder = new GenerationHolder();
  holder.load(POLICY, REVISION);
  using watch = holder.watch({ review: () => true });
  holder.quarantine("The policy did not load");
  assert.ok(watch.signal.aborted);
  assert.deepEqual(holder.current, { quarantine: "The policy did not load" });
  holder.load(POLICY, REVISION);
  assert.ok("evaluator" in holder.current);
});
