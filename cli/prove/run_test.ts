/**
 * Tests of `policy prove` and `policy diff --semantic`, from their words to streams and exit code.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EngineDisagreementError, ReplayMismatchError } from "../../prover/errors.ts";
import { RegistryError } from "../../prover/registry/registry.ts";
import { SolverError } from "../../prover/solver/z3.ts";
import { PROGRAM } from "../commands.ts";
import { POLICY_TEXT_BYTES_MAX } from "../../proto/limits.ts";
import { fakeContext } from "../fake_context.ts";
import { runProgram } from "../run_program.ts";
import { UsageError } from "../usage_error.ts";
import { CEILING, CLEAN, NOW, POLICY } from "./fixtures.ts";
import { NativeSolverError } from "./native_solver.ts";
import { parseTimeout, proofCodeOf } from "./run.ts";

const RISK = `version: 1
risks:
  - question: within_ceiling
    match: { rule: api }
    reason: Planned
    expires: 2027-01-31
`;

const FILES = {
  "p.yaml": POLICY,
  "c.yaml": CEILING,
  "ok.yaml": CLEAN,
  "bad.yaml": "version: 2\n",
  "risks.yaml": RISK,
  "old.yaml": RISK.replace("2027-01-31", "2026-01-31"),
  "far.yaml": RISK.replace("2027-01-31", "2029-01-31"),
  "claims.yaml":
    "version: 1\nclaims:\n  no-write: { never: { host: api.example.com, method: DELETE } }\n",
  "providers.yaml":
    "version: 1\nproviders:\n  example:\n    endpoints: [{ host: api.example.com, port: 443 }]\n",
  "registry.yaml": "version: 1\nbinaries:\n  curl: { description: none, exfiltrates: false, " +
    "makes_http: false, own_protocol: false }\n",
  "large.yaml": `version: 1 #${"x".repeat(POLICY_TEXT_BYTES_MAX)}`,
};

async function run(line: string, stdin = "") {
  const context = fakeContext({ files: FILES, stdin, machine: { now: () => NOW } });
  const code = await runProgram(PROGRAM, line.split(" "), context);
  return { code, out: context.out(), err: context.err() };
}

Deno.test.each([
  { line: "ok.yaml", code: 0 },
  { line: "p.yaml", code: 0 },
  { line: "p.yaml --ceiling c.yaml", code: 1 },
  { line: "c.yaml --ceiling p.yaml", code: 0 },
  { line: "c.yaml --floor p.yaml", code: 1 },
  { line: "p.yaml --strict", code: 1 },
  { line: "ok.yaml --strict", code: 0 },
  { line: "p.yaml --level shadowed_rules=error", code: 1 },
  { line: "p.yaml --ceiling c.yaml --level within_ceiling=off", code: 0 },
  { line: "p.yaml --claims claims.yaml", code: 1 },
  { line: "ok.yaml --claims claims.yaml", code: 0 },
  { line: "p.yaml --claims claims.yaml --level claim:no-write=note", code: 0 },
  { line: "p.yaml --ceiling c.yaml --risks risks.yaml", code: 0 },
  { line: "p.yaml --ceiling c.yaml --risks old.yaml", code: 1 },
  { line: "p.yaml --providers providers.yaml --baseline ok.yaml", code: 0 },
  { line: "p.yaml --providers providers.yaml --level capability_expansion=error", code: 1 },
  { line: "bad.yaml", code: 2 },
  { line: "missing.yaml", code: 2 },
  { line: "ok.yaml --ceiling bad.yaml", code: 2 },
  { line: "ok.yaml --claims missing.yaml", code: 2 },
  { line: "ok.yaml --claims bad.yaml", code: 2 },
  { line: "ok.yaml --providers bad.yaml", code: 2 },
  { line: "ok.yaml --registry bad.yaml", code: 2 },
  { line: "ok.yaml --registry large.yaml", code: 2 },
  { line: "ok.yaml --risks far.yaml", code: 2 },
  { line: "ok.yaml --level shadowed=error", code: 2 },
  { line: "ok.yaml --level shadowed_rules=loud", code: 2 },
  { line: "ok.yaml --level shadowed_rules", code: 2 },
  { line: "ok.yaml --timeout soon", code: 2 },
  { line: "ok.yaml --solver z3", code: 2 },
  { line: "ok.yaml -o yaml", code: 2 },
  { line: "ok.yaml --watch -o json", code: 2 },
  { line: "- --watch", code: 2 },
  { line: "- --ceiling -", code: 2 },
])("policy prove $line exits with $code", async ({ line, code }) => {
  const { code: got, out, err } = await run(`policy prove ${line} --fast`);
  assert.equal(got, code, out + err);
  assert.equal(err.includes("error"), code === 2);
});

Deno.test("policy prove asks a registry that is given in place of the built-in one", async () => {
  const line = "policy prove p.yaml --fast --providers providers.yaml -o json";
  const statusOf = (out: string) =>
    JSON.parse(out).answers.find(({ question }: { question: string }) =>
      question === "credential_reach_expansion"
    ).status;
  assert.equal(statusOf((await run(line)).out), "refuted");
  assert.equal(statusOf((await run(`${line} --registry registry.yaml`)).out), "proved");
});

Deno.test("policy prove reads the policy from standard input", async () => {
  const { code, out } = await run("policy prove - --fast", CLEAN);
  assert.equal(code, 0);
  assert.match(out, /^-: proved/m);
});

Deno.test("policy prove asks both engines unless it is told not to", async () => {
  const { code, out } = await run("policy prove p.yaml --ceiling c.yaml -o json");
  assert.equal(code, 1);
  const value = JSON.parse(out);
  assert.equal(value.engine, "both");
  assert.match(value.solver, /^z3 /);
  assert.ok(
    value.answers.some(({ question, confirmed }: { question: string; confirmed: boolean }) =>
      question === "within_ceiling" && confirmed
    ),
  );
});

Deno.test("policy prove warns of an unused risk and of an expired one", async () => {
  const { out } = await run("policy prove ok.yaml --fast --risks risks.yaml");
  assert.match(out, /warning: risks\.yaml:3: The accepted risk .* matches no finding/);
  const expired = await run("policy prove p.yaml --ceiling c.yaml --fast --risks old.yaml");
  assert.match(expired.out, /warning: old\.yaml:3: .* ended with 2026-01-31/);
});

Deno.test("policy prove without an answer in time exits with 3", async () => {
  const { code, out } = await run("policy prove p.yaml --ceiling c.yaml --timeout 1ms -o json");
  assert.equal(code, 3, out);
  assert.equal(JSON.parse(out).verdict, "unknown");
});

Deno.test.each([
  { line: "p.yaml p.yaml", code: 0, says: /Exactly the same requests pass both/ },
  { line: "c.yaml p.yaml", code: 1, says: /opened +api\.example\.com:443 .*DELETE/ },
  { line: "p.yaml c.yaml", code: 1, says: /closed +api\.example\.com:443 .*DELETE/ },
  { line: "p.yaml bad.yaml", code: 2, says: /^$/ },
  { line: "p.yaml missing.yaml", code: 2, says: /^$/ },
])("policy diff --semantic $line exits with $code", async ({ line, code, says }) => {
  const { code: got, out } = await run(`policy diff --semantic --fast ${line}`);
  assert.equal(got, code, out);
  assert.match(out, says);
});

Deno.test("policy diff --semantic prints its witnesses as JSON", async () => {
  const { out } = await run("policy diff --semantic --fast c.yaml p.yaml -o json");
  const { verdict, fast, changes } = JSON.parse(out);
  assert.equal(verdict, "different");
  assert.equal(fast, true);
  assert.equal(changes[0].witness.method, "DELETE");
  assert.match(changes[0].curl, /^curl .*-X DELETE/);
});

Deno.test("policy diff without --semantic refuses the flags of a proof", async () => {
  assert.equal((await run("policy diff --fast p.yaml c.yaml")).code, 2);
});

Deno.test.each([
  { text: undefined, want: 60_000 },
  { text: "500ms", want: 500 },
  { text: "60s", want: 60_000 },
  { text: "5m", want: 300_000 },
])("parseTimeout($text)", ({ text, want }) => assert.equal(parseTimeout(text), want));

Deno.test.each(["", "0s", "5", "s", "1h", "-1s", "1.5s", "99999999m"])(
  "parseTimeout() refuses %j",
  (text) => {
    assert.throws(() => parseTimeout(text), { name: "UsageError" });
  },
);

Deno.test.each([
  { error: new EngineDisagreementError("q", "proved", "sat"), want: 4 },
  { error: new ReplayMismatchError("q", "allow", "deny"), want: 4 },
  { error: new RegistryError("x.yaml", []), want: 4 },
  { error: new SolverError("start"), want: 3 },
  { error: new NativeSolverError("it is not installed"), want: 3 },
  { error: new UsageError("Cannot"), want: 2 },
  { error: new TypeError("a defect"), want: null },
])("proofCodeOf($error.name) is $want", ({ error, want }) => {
  assert.equal(proofCodeOf(error), want);
});
