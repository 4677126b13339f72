/**
 * Both answers of every question with a set-like meaning, against all requests over tiny alphabets
 * as the reference decides them: what is proved, no request refutes, and what some request refutes
 * is refuted, by a witness that does.
 *
 * `OPENSHELL_BRUTE_FORCE=5000` runs so many pairs of policies of each family, and
 * `OPENSHELL_TEST_SEED` repeats a run. A failure is shrunk.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { HttpRule, Policy, RequestRule } from "../../../policy-wasm/policy.ts";
import type { Claim } from "../../../prover/claims/claim.ts";
import { unwritten } from "../../../prover/fixtures.ts";
import { prove } from "../../../prover/prove.ts";
import { EVERYTHING } from "../../../prover/questions/credentials.ts";
import type { Answer, Witness } from "../../../prover/report.ts";
import { everyRequest, type Tried, tryOne } from "./every_request.ts";
import {
  type ClaimPattern,
  hasCredential,
  isClaimed,
  isInspectedHost,
  isTrusted,
  MEANINGS,
  type Setting,
} from "./meanings.ts";
import { FAMILIES, type Family, smallPolicy } from "./small_policies.ts";
import { TEST_SEED } from "../../test_seed.ts";

const PAIRS = Number(Deno.env.get("OPENSHELL_BRUTE_FORCE") ?? 50);

/** Policies that are near to one another have differences that are small. */
const NEAR: readonly ((policy: Policy) => Policy)[] = [
  (policy) => policy,
  (policy) => onEndpoints(policy, (endpoint) => ({ ...endpoint, deny: endpoint.deny.slice(1) })),
  (policy) => onEndpoints(policy, (endpoint) => ({ ...endpoint, allow: endpoint.allow.slice(1) })),
  (policy) => onEndpoints(policy, (endpoint) => ({ ...endpoint, enforcement: "enforce" })),
  (policy) =>
    onEndpoints(policy, (endpoint) => ({ ...endpoint, allow: endpoint.allow.flatMap(apart) })),
  (policy) =>
    onEndpoints(policy, (endpoint) => ({ ...endpoint, deny: endpoint.deny.flatMap(apart) })),
  (policy) => ({ ...policy, rules: policy.rules.slice(1) }),
  (policy) => ({
    ...policy,
    rules: policy.rules.map((rule) => ({
      ...rule,
      binaries: rule.binaries.map(({ path }) => ({ path, descendants: false })),
    })),
  }),
];

/** One rule for each of the values that a rule takes: it takes lists of them no more. */
function apart(rule: RequestRule): readonly RequestRule[] {
  if (rule.kind === "http" && rule.query.length > 0) {
    const [{ key, value }, ...others] = rule.query as [Query, ...Query[]];
    return value.map((one) => ({ ...rule, query: [{ key, value: [one] }, ...others] }));
  }
  if (rule.kind === "graphql" && rule.fields !== null) {
    return rule.fields.map((one) => ({ ...rule, fields: [one] }));
  }
  if (rule.kind !== "rpc" || rule.tool === null) return [rule];
  return rule.tool.map((one) => ({ ...rule, tool: [one] }));
}

type Query = HttpRule["query"][number];

function onEndpoints(
  policy: Policy,
  change: (endpoint: Policy["rules"][number]["endpoints"][number]) => typeof endpoint,
): Policy {
  const rules = policy.rules.map((rule) => ({ ...rule, endpoints: rule.endpoints.map(change) }));
  return { ...policy, rules };
}

const CLAIM = {
  binary: fc.constantFrom("/b/x", "/b/*", "/c"),
  host: fc.constantFrom("a.x.com", "*.x.com", "metadata.google.internal", "y.com"),
  port: fc.constantFrom(1, 2),
  method: fc.constantFrom(["GET"], ["POST", "PUT"], ["HEAD"]),
  path: fc.constantFrom("/a/**", "/a/b", "/b?", "/*"),
};

const SETTING = {
  credential: fc.constantFrom("a.x.com", "*.x.com", "**.x.com"),
  trusted: fc.constantFrom("b.x.com", "**.x.com", "*.google.internal"),
  never: fc.record(CLAIM, { requiredKeys: [] }) as fc.Arbitrary<ClaimPattern>,
  always: fc.record(CLAIM),
};

function settingFor(family: Family): fc.Arbitrary<Setting> {
  const policies = fc.tuple(
    smallPolicy(family),
    fc.oneof(
      { weight: 1, arbitrary: smallPolicy(family).map((policy) => () => policy) },
      { weight: 2, arbitrary: fc.constantFrom(...NEAR) },
    ),
  ).map(([first, other]) => [first, other(first)]);
  return fc.record({ policies, ...SETTING });
}

for (const family of FAMILIES) {
  Deno.test(`prove() answers as all requests of family ${family} do`, async () => {
    const counts = { proved: 0, refuted: 0, beyondLists: 0 };
    await fc.assert(
      fc.asyncProperty(settingFor(family), async (setting) => {
        const answers = await answersTo(setting);
        const refuted = refutedBy(setting, family);
        for (const [question, meaning] of Object.entries(MEANINGS)) {
          const answer = answers.get(question)!;
          assert.ok(answer.status === "proved" || answer.status === "refuted", answer.reason ?? "");
          const example = JSON.stringify(refuted.get(question));
          if (answer.status === "proved") assert.equal(example, undefined, question);
          else if (example === undefined) counts.beyondLists++;
          counts[answer.status]++;
          for (const { witness } of answer.findings) {
            const tried = tryOne(setting.policies, askedOf(witness!));
            assert.ok(meaning(tried, setting), `${question}: ${JSON.stringify(tried)}`);
          }
        }
      }),
      { seed: TEST_SEED | 0, numRuns: PAIRS },
    );
    console.log(`seed ${TEST_SEED}, ${family}:`, counts);
    const { proved, refuted } = counts;
    assert.ok(proved > PAIRS && refuted > PAIRS, JSON.stringify(counts));
  });
}

async function answersTo(setting: Setting): Promise<ReadonlyMap<string, Answer>> {
  const [policy, other] = setting.policies.map(unwritten);
  const { answers } = await prove({
    policy: policy!,
    ceiling: other!,
    floor: other!,
    baseline: other!,
    providers: [{ name: "p", endpoints: [{ host: setting.credential, ports: [1] }] }],
    trustedHosts: [setting.trusted],
    claims: [claimOf("always", setting.always), claimOf("never", setting.never)],
  });
  return new Map(answers.map((answer) => [answer.question, answer]));
}

function claimOf(kind: Claim["kind"], pattern: ClaimPattern): Claim {
  const { binary = null, host = null, port, method = null, path = null } = pattern;
  const region = {
    ...EVERYTHING,
    binary,
    host,
    ports: port === undefined ? null : [port],
    methods: method,
    path,
    isComplete: kind === "always",
  };
  return { key: kind, kind, region, credential: null, level: "error", reason: null };
}

/** By question: the first request that refutes it. */
function refutedBy(setting: Setting, family: Family): ReadonlyMap<string, Tried> {
  const found = new Map<string, Tried>();
  const left = new Map(Object.entries(MEANINGS));
  const kindOf = (caller: Tried["caller"], target: Tried["target"]) => {
    const claims = [setting.never, setting.always].map(({ binary, host, port }) => {
      const place = { ...binary && { binary }, ...host && { host }, ...port && { port } };
      return isClaimed({ caller, target, request: NO_REQUEST, said: [] }, place);
    });
    const isInspected = isInspectedHost(setting.policies[0]!, target.host);
    return [hasCredential(target, setting), isTrusted(target, setting), ...claims, isInspected]
      .join();
  };
  for (const tried of everyRequest(setting.policies, family, kindOf)) {
    for (const [question, meaning] of left) {
      if (!meaning(tried, setting)) continue;
      found.set(question, tried);
      left.delete(question);
    }
    if (left.size === 0) break;
  }
  return found;
}

const NO_REQUEST = { method: "GET", path: "/", encodedSlash: false };

function askedOf({ caller, target, method, path, query, graphql, rpc }: Witness) {
  const request = {
    method,
    path,
    encodedSlash: path.includes("%2F"),
    query,
    ...(graphql !== null && { graphql }),
    ...(rpc !== null && { rpc }),
  };
  return { caller, target, request };
}
