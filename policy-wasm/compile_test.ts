import { strict as assert } from "node:assert";
import { compilePolicy } from "./compile.ts";
import { Evaluator } from "./evaluator.ts";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "./fixtures.ts";
import { PatternError } from "./image/pattern_error.ts";
import type { Policy, Rule } from "./policy.ts";
import { decide } from "./reference.ts";

const CURL = "/usr/bin/curl";

function same(policy: Policy, host: string, path: string, method = "GET"): string {
  const evaluator = new Evaluator(compilePolicy(policy).bytes);
  const caller = { binary: CURL, ancestors: [] };
  const target = { host, port: 443 };
  const request = { method, path };
  const connection = evaluator.connect(evaluator.resolve(caller), target);
  const { generation: _, ...decision } = evaluator.request(connection, request);
  assert.deepEqual(decision, decide(policy, { caller, target, request }));
  return `${decision.rule} ${decision.reason}`;
}

function manyRules(count: number, make: (index: number) => Partial<Rule>): Policy {
  return policyOf(
    ...Array.from(
      { length: count },
      (_, index) => ruleOf({ key: `r${String(index).padStart(5, "0")}`, ...make(index) }),
    ),
  );
}

Deno.test("compilePolicy() finds one rule among a thousand on one host, by path", () => {
  const policy = manyRules(1000, (i) => ({
    endpoints: [endpointOf({ allow: [httpRuleOf({ path: `/svc${i}/**` })] })],
  }));
  assert.equal(same(policy, "api.example.com", "/svc777/x"), "r00777 allowed");
  assert.equal(same(policy, "api.example.com", "/svc1000/x"), "r00000 request_not_allowed");
});

Deno.test("compilePolicy() finds one rule among a thousand on one host, by program", () => {
  const policy = manyRules(1000, (i) => ({
    binaries: [{ path: i === 500 ? CURL : `/opt/tool${i}`, descendants: false }],
  }));
  assert.equal(same(policy, "api.example.com", "/"), "r00500 allowed");
});

Deno.test("compilePolicy() finds a host pattern among a thousand with one suffix", () => {
  const policy = manyRules(1000, (i) => ({
    endpoints: [endpointOf({ host: `*-svc${i}.example.com` })],
  }));
  assert.equal(same(policy, "eu-svc77.example.com", "/"), "r00077 allowed");
});

Deno.test("compilePolicy() splits ten thousand host patterns with one suffix", () => {
  const policy = manyRules(10_000, (i) => ({
    endpoints: [endpointOf({ host: `api${i}-*.example.com` })],
  }));
  assert.equal(same(policy, "api7777-eu.example.com", "/"), "r07777 allowed");
  assert.equal(same(policy, "api77777-eu.example.com", "/"), "null host_not_allowed");
});

Deno.test("compilePolicy() splits a cell whose paths are too much for one automaton", () => {
  const policy = manyRules(40, (i) => ({
    endpoints: [
      endpointOf({
        allow: [httpRuleOf({ path: `/**/${"abcdefgh"[i % 8]}${i}${"/*".repeat(6)}/z` })],
      }),
    ],
  }));
  assert.equal(same(policy, "api.example.com", "/q/c10/1/2/3/4/5/6/z"), "r00010 allowed");
  assert.equal(
    same(policy, "api.example.com", "/q/c10/1/2/3/4/5/6/y"),
    "r00000 request_not_allowed",
  );
});

Deno.test("compilePolicy() refuses a path that alone is too complex", () => {
  const path = `/*a${"?".repeat(24)}`;
  const policy = policyOf(ruleOf({ endpoints: [endpointOf({ allow: [httpRuleOf({ path })] })] }));
  assert.throws(
    () => compilePolicy(policy),
    (error) => error instanceof PatternError && error.diagnosticCode === "pattern_too_complex",
  );
});

Deno.test("compilePolicy() refuses a binary that leads to more cells than a connection has", () => {
  const policy = manyRules(
    4097,
    (i) => ({
      binaries: ["/**", `/opt/${i}`].map((path) => ({ path, descendants: false })),
    }),
  );
  assert.throws(
    () => compilePolicy(policy),
    (error) => error instanceof PatternError && error.diagnosticCode === "policy_too_complex",
  );
});

Deno.test("compilePolicy() names the endpoint of a pattern that is too complex", () => {
  const complex = endpointOf({
    allow: [httpRuleOf({ query: [{ key: "k", value: [`*a${"?".repeat(24)}`] }] })],
  });
  const policy = policyOf(
    ruleOf({ key: "a" }),
    ruleOf({ key: "b", endpoints: [endpointOf(), complex] }),
  );
  assert.throws(
    () => compilePolicy(policy),
    (error) => error instanceof PatternError && error.endpoint === 2,
  );
});

Deno.test("compilePolicy() refuses a malformed pattern that validation would have found", () => {
  const policy = policyOf(ruleOf({ endpoints: [endpointOf({ path: "/[" })] }));
  assert.throws(() => compilePolicy(policy), PatternError);
});

Deno.test("compilePolicy() keeps states small: a thousand rules take less than a megabyte of image", () => {
  const policy = manyRules(1000, (i) => ({
    endpoints: [
      endpointOf({ host: `h${i}.example.com`, allow: [httpRuleOf({ path: `/v1/items${i}/**` })] }),
    ],
  }));
  const size = compilePolicy(policy).bytes.length - JSON.stringify(policy).length;
  assert.ok(size < 1024 * 1024, `${size} bytes`);
});
