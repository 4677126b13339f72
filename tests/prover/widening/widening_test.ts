/**
 * A thousand policies, each wider than another by one edge: every one is found, by containment and
 * by the comparison, with a request that the evaluator and the reference decide as foretold.
 *
 * `OPENSHELL_TEST_SEED` repeats a run; a failure is shrunk to the fewest and plainest rules.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { policyOf } from "../../../policy-wasm/fixtures.ts";
import type { Policy } from "../../../policy-wasm/policy.ts";
import { unwritten } from "../../../prover/fixtures.ts";
import { prove } from "../../../prover/prove.ts";
import { rawQuestionOf } from "../../../prover/exact/replay.ts";
import { judgeAddress } from "../../../prover/questions/addresses.ts";
import type { Answer, ProofReport } from "../../../prover/report.ts";
import { startZ3 } from "../../../prover/solver/z3.ts";
import { closeSolver } from "../close_solver.ts";
import { askReference } from "../reference.ts";
import { KINDS, policyOfSites, type RuleSpec, type Site, siteOf } from "./base_policy.ts";
import { type Widened, type Widening, WIDENINGS } from "./widenings.ts";
import { TEST_SEED } from "../../test_seed.ts";

const MUTATIONS = 1000;
const NAMES = Object.keys(WIDENINGS);
const RUNS = Math.ceil(MUTATIONS / NAMES.length);

const SPEC = {
  kind: fc.constantFrom(...KINDS),
  isPattern: fc.boolean(),
  hasTwoPorts: fc.boolean(),
  hasDescendants: fc.boolean(),
  isScoped: fc.boolean(),
  hasNetworks: fc.boolean(),
  isAudited: fc.boolean(),
};

/** The rule that is widened comes first. */
function specsFor({ kinds, needs }: Widening): fc.Arbitrary<readonly RuleSpec[]> {
  const fixed = Object.fromEntries(
    Object.entries(needs).map(([key, value]) => [key, fc.constant(value)]),
  );
  const own = fc.record({ ...SPEC, kind: fc.constantFrom(...kinds), ...fixed });
  const others = fc.array(fc.record(SPEC), { maxLength: 3 });
  return fc.tuple(own, others).map(([first, rest]) => [first as RuleSpec, ...rest]);
}

interface Pair {
  readonly base: Policy;
  readonly wider: Policy;
  readonly site: Site;
  readonly widened: Widened;
}

function widen(specs: readonly RuleSpec[], widening: Widening): Pair {
  const sites = specs.map(siteOf);
  const [site] = sites as [Site];
  const widened = widening.widen(site);
  const { rule, more } = widened;
  const rest = sites.slice(1).map((other) => other.rule);
  const wider = policyOf(rule, ...rest, ...(more === undefined ? [] : [more]));
  return { base: policyOfSites(sites), wider, site, widened };
}

for (const name of NAMES) {
  Deno.test(`prove() finds ${RUNS} policies that are wider by: ${name}`, async () => {
    const widening = WIDENINGS[name]!;
    await fc.assert(
      fc.asyncProperty(specsFor(widening), async (specs) => {
        const pair = widen(specs, widening);
        checkWidened(pair);
        const { base, wider } = pair;
        const [policy, other] = [unwritten(wider), unwritten(base)];
        const report = await prove({ policy, ceiling: other, floor: policy, baseline: other });
        checkFound(report, pair);
        assert.ok(report.changes.some(({ kind }) => kind === "opened"), "no row of the table");
        // Other rules may meet what was widened, and then something can be taken away as well.
        if (specs.length > 1 || widening.takes === true) return;
        const back = await prove({ policy: other, ceiling: policy });
        assert.equal(answerTo("within_ceiling", back).status, "proved", "the other way");
      }),
      { seed: TEST_SEED | 0, numRuns: RUNS },
    );
  });
}

Deno.test("z3 confirms one policy that is wider by each edge", async () => {
  const solver = await startZ3();
  for (const name of NAMES) {
    const widening = WIDENINGS[name]!;
    const [specs] = fc.sample(specsFor(widening), { seed: TEST_SEED | 0, numRuns: 1 });
    const pair = widen(specs!, widening);
    const [policy, ceiling] = [unwritten(pair.wider), unwritten(pair.base)];
    const report = await prove({ policy, ceiling }, { engine: "both", solver });
    const answer = answerTo("within_ceiling", report);
    assert.deepEqual(
      [answer.status, answer.isConfirmed],
      ["refuted", true],
      `${name}, ${TEST_SEED}`,
    );
  }
  closeSolver(solver);
});

function answerTo(question: string, { answers }: ProofReport): Answer {
  return answers.find((answer) => answer.question === question)!;
}

/** The reference says that it is wider, before the prover is asked. */
function checkWidened({ base, wider, site, widened }: Pair): void {
  const { question, address } = widened;
  assert.equal(askReference(wider, question).verdict, "allow", "the wider lets it pass");
  if (address === undefined) {
    assert.equal(askReference(base, question).verdict, "deny", "the base does not");
    return;
  }
  const target = { host: question.host, port: question.port };
  const dials = [site.endpoint, widened.rule.endpoints[0]!].map((endpoint) =>
    judgeAddress(endpoint, target, { address, trustedGatewayIp: null }).ok
  );
  assert.deepEqual(dials, [false, true], "the address is dialled by the wider alone");
}

/** Containment and comparison both show it, with witnesses that the reference decides as foretold;
 * the evaluator was asked by the prover itself. */
function checkFound(report: ProofReport, { base, wider, widened }: Pair): void {
  const policies = { policy: wider, ceiling: base, baseline: base, floor: wider };
  for (const question of ["within_ceiling", "same_as_baseline"]) {
    const { status, findings } = answerTo(question, report);
    assert.equal(status, "refuted", question);
    for (const { witness, foretold, message } of findings) {
      assert.ok(witness !== null, `${question} has a witness`);
      for (const { role, verdict, audited } of foretold) {
        const decision = askReference(policies[role], rawQuestionOf(witness));
        const got = [decision.verdict, decision.audited];
        assert.deepEqual(got, [verdict, audited], `${role}: ${message}`);
      }
    }
    const isByAddress = findings.some(({ message }) => / at \S+ passes the /.test(message));
    if (widened.address !== undefined) assert.ok(isByAddress, "an address is named");
  }
  assert.equal(answerTo("above_floor", report).status, "proved", "the same policy as its floor");
}
