/**
 * Every built-in question with both answers, and what the refutation shows.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { prove } from "../prove.ts";
import { CATALOG } from "./catalog.ts";
import { CASES } from "./catalog_cases.ts";

for (const { question, name, input, want, shows } of CASES) {
  Deno.test(`${question} of ${name} is ${want}`, async () => {
    const report = await prove(input);
    const answer = report.answers.find((one) => one.question === question)!;
    assert.equal(answer.status, want, answer.reason ?? answer.findings[0]?.message);
    assert.equal(answer.findings.length > 0, want === "refuted");
    const finding = answer.findings[0];
    const { path, method, target, request } = shows ?? {};
    if (path !== undefined) assert.equal(finding?.path, path);
    if (method !== undefined) assert.equal(finding?.witness?.method, method);
    if (request !== undefined) assert.equal(finding?.witness?.path, request);
    if (target !== undefined) {
      assert.equal(`${finding?.witness?.target.host}:${finding?.witness?.target.port}`, target);
    }
  });
}

Deno.test("every built-in question has a proved and a refuted case", () => {
  const missing = Object.keys(CATALOG).flatMap((question) =>
    (["proved", "refuted"] as const).filter((want) =>
      !CASES.some((one) => one.question === question && one.want === want)
    ).map((want) => `${question} ${want}`)
  );
  assert.deepEqual(missing, []);
});
