/**
 * Tests of the renderers: what people read as snapshots, what programs read by its rules.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CLEAN, judgementOf, riskOf } from "./fixtures.ts";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import type { Judgement } from "./judge.ts";
import { render } from "./render.ts";
import { sarifOf } from "./render_sarif.ts";
import { jsonOf } from "./render_json.ts";
import { PLAIN } from "../style.ts";

const ACCEPTED = {
  risks: [
    riskOf(
      "{ question: within_ceiling, match: { rule: api }, reason: Known, expires: 2027-01-31 }",
    ),
    riskOf("{ question: write_bypass, match: { rule: api }, reason: Old, expires: 2027-01-31 }"),
  ],
  risksFile: "risks.yaml",
};

const clean = { input: { policy: parsePolicy(CLEAN), ceiling: parsePolicy(CLEAN) } };

function unknown(judgement: Judgement): Judgement {
  return {
    ...judgement,
    verdict: "unknown",
    exitCode: 3,
    answers: judgement.answers.map((answer) =>
      answer.question === "metadata_reach"
        ? { ...answer, status: "unknown", reason: "More than 60000 ms" }
        : answer
    ),
  };
}

const FORMATS = ["table", "json", "sarif", "junit", "github"];

for (const format of FORMATS) {
  Deno.test(`render() as ${format}: refuted, accepted, unknown`, async (t) => {
    await t.assertSnapshot(render(await judgementOf(), format, PLAIN));
    await t.assertSnapshot(render(unknown(await judgementOf(ACCEPTED)), format, PLAIN));
  });

  Deno.test(`render() as ${format} says which engine has answered`, async () => {
    const judgement = await judgementOf(clean);
    assert.match(render(judgement, format, PLAIN), /--fast|"fast": true/);
    const report = { ...judgement.report, engine: "both" as const, solver: "z3 5.1.0.0" };
    const both = render({ ...judgement, report }, format, PLAIN);
    assert.match(both, /z3 5\.1\.0\.0/);
    assert.doesNotMatch(both, /--fast|"fast": true/);
  });

  Deno.test(`render() as ${format} lets no text act on a terminal or the format`, async () => {
    const judgement = await judgementOf();
    const evil = "\x1b[2J\r\n::error::</failure>\u202e";
    const answers = judgement.answers.map((answer) => ({
      ...answer,
      findings: answer.findings.map((finding) => ({ ...finding, message: evil, file: evil })),
    }));
    const text = render({ ...judgement, answers }, format, PLAIN);
    // deno-lint-ignore no-control-regex -- control characters are what this is about
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\u202e]/);
    if (format === "github") assert.doesNotMatch(text, /^::error::/m);
    if (format === "junit") assert.doesNotMatch(text, /::<\/failure>/);
  });
}

Deno.test("sarifOf() keeps to the rules of SARIF 2.1.0 that services check", async () => {
  const { version, runs: [run] } = sarifOf(unknown(await judgementOf(ACCEPTED)));
  assert.equal(version, "2.1.0");
  const ids = run!.tool.driver.rules.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(run!.results.length > 0);
  for (const result of run!.results) {
    assert.equal(ids[result.ruleIndex], result.ruleId);
    assert.ok(["error", "warning", "note"].includes(result.level));
    assert.ok(result.message.text !== "");
    assert.match(result.partialFingerprints["openshellProof/v1"], /^[a-z0-9_:]+$/);
    assert.equal(result.locations.length, 1);
    const { artifactLocation, region } = result.locations[0]!.physicalLocation;
    assert.match(artifactLocation.uri, /^[A-Za-z0-9/._~%-]+$/);
    assert.ok(Number.isSafeInteger(region.startLine) && region.startLine >= 1);
  }
  const accepted = run!.results.filter((result) => "suppressions" in result);
  assert.equal(accepted.length, 1);
});

Deno.test.each([
  { file: "./a b/p.yaml", want: "a%20b/p.yaml" },
  { file: "/srv/p#1.yaml", want: "file:///srv/p%231.yaml" },
  { file: "-", want: "stdin" },
])("sarifOf() writes the file $file as a URI", async ({ file, want }) => {
  const { runs: [run] } = sarifOf(await judgementOf({ files: { policy: file } }));
  assert.equal(run!.results[0]!.locations[0]!.physicalLocation.artifactLocation.uri, want);
});

Deno.test("jsonOf() has these keys, which programs rely on", async () => {
  const value = jsonOf(await judgementOf());
  assert.deepEqual(Object.keys(value), [
    "schema",
    "policy",
    "verdict",
    "exitCode",
    "strict",
    "fast",
    "engine",
    "solver",
    "combinations",
    "answers",
    "changes",
    "risks",
  ]);
  const finding = value.answers.find(({ question }) => question === "within_ceiling")!.findings[0]!;
  assert.deepEqual(Object.keys(finding), [
    "message",
    "role",
    "file",
    "rule",
    "endpoint",
    "requestRule",
    "path",
    "line",
    "column",
    "endLine",
    "endColumn",
    "witness",
    "curl",
    "replay",
    "accepted",
    "fingerprint",
  ]);
});
