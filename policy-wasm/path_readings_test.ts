import assert from "node:assert/strict";
import { compilePolicy } from "./compile.ts";
import { Evaluator } from "./evaluator.ts";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "./fixtures.ts";
import { otherReadings } from "./path_readings.ts";
import type { Endpoint } from "./policy.ts";
import { answer, type AnswerOptions } from "./raw_question.ts";

const HOST = "api.example.com";
const CALLER = { binary: "/usr/bin/curl", ancestors: [] };

const OPEN = endpointOf({
  allowEncodedSlash: true,
  allow: [httpRuleOf({ method: "*" })],
  deny: [httpRuleOf({ method: "*", path: "/admin/**" })],
});

function ask(path: string, ...endpoints: readonly Endpoint[]) {
  return askWith({}, path, ...endpoints);
}

function askWith(options: AnswerOptions, path: string, ...endpoints: readonly Endpoint[]) {
  const policy = policyOf(ruleOf({ endpoints }));
  const evaluator = new Evaluator(compilePolicy(policy).bytes);
  const caller = evaluator.resolve(CALLER);
  const judge = {
    generation: evaluator.generation,
    connect: (_: unknown, target: { host: string; port: number }) =>
      evaluator.connect(caller, target),
    request: evaluator.request.bind(evaluator),
  };
  const question = { caller: CALLER, host: HOST, port: 443, method: "GET", path };
  return answer(judge, question, options).decision;
}

Deno.test.each([
  { path: "/admin/keys", want: "denied_by_rule" },
  { path: "/admin%2Fkeys", want: "denied_by_rule" },
  { path: "/admin%2fkeys", want: "denied_by_rule" },
  { path: "/%2Fadmin/keys", want: "denied_by_rule" },
  { path: "/admin%5Ckeys", want: "denied_by_rule" },
  { path: "/%5cadmin/keys", want: "denied_by_rule" },
  { path: "/\\admin\\keys", want: "denied_by_rule" },
  { path: "/admin%2F%5Ckeys", want: "denied_by_rule" },
  { path: "/admin%252Fkeys", want: "allowed" },
  { path: "/files%2Fadmin%2Fkeys", want: "allowed" },
])("judgeReadings() of $path gives $want", ({ path, want }) => {
  assert.equal(ask(path, OPEN).reason, want);
});

Deno.test.each([
  {
    name: "allows what only the literal reading allows",
    path: "/files/a%2Fb",
    endpoints: [endpointOf({ ...OPEN, allow: [httpRuleOf({ path: "/files/*" })] })],
    want: "allowed",
  },
  {
    name: "allows what no endpoint covers in another reading",
    path: "/files%2Fa",
    endpoints: [endpointOf({ ...OPEN, path: "/*" })],
    want: "allowed",
  },
  {
    name: "denies by the rule of an endpoint that only another reading selects",
    path: "/admin%2Fkeys",
    endpoints: [
      endpointOf({ ...OPEN, deny: [] }),
      endpointOf({ ...OPEN, path: "/admin/**", deny: [httpRuleOf({ method: "*" })] }),
    ],
    want: "denied_by_rule",
  },
  {
    name: "denies what a more specific protocol has to judge in another reading",
    path: "/rpc%2Fcall",
    endpoints: [
      endpointOf({ ...OPEN, deny: [] }),
      endpointOf({ ...OPEN, path: "/rpc/**", protocol: "mcp", allow: [], deny: [] }),
    ],
    want: "rpc_invalid",
  },
])("judgeReadings() $name", ({ path, endpoints, want }) => {
  assert.equal(ask(path, ...endpoints).reason, want);
});

Deno.test("answer() leaves other readings out where it is told to", () => {
  assert.equal(askWith({ isLiteral: true }, "/admin%2Fkeys", OPEN).reason, "allowed");
  assert.equal(askWith({ isLiteral: true }, "/admin/keys", OPEN).reason, "denied_by_rule");
});

Deno.test("judgeReadings() marks in audit mode what another reading violates", () => {
  const decision = ask("/admin%2Fkeys", endpointOf({ ...OPEN, enforcement: "audit" }));
  assert.deepEqual([decision.verdict, decision.audited, decision.reason], [
    "allow",
    true,
    "denied_by_rule",
  ]);
});

Deno.test.each([
  { path: "/a/b", want: [] },
  { path: "/a%2Fb", want: ["/a/b"] },
  { path: "/a%2F", want: ["/a/"] },
  { path: "/%2Fa/%2F%2Fb", want: ["/a/b"] },
  { path: "/a%5C%5Cb", want: ["/a/b"] },
  { path: "/a%2Fb%5Cc", want: ["/a/b%5Cc", "/a%2Fb/c", "/a/b/c"] },
])("otherReadings() of $path are $want", ({ path, want }) => {
  const readings = otherReadings({ method: "GET", path, encodedSlash: path.includes("%2F") });
  assert.deepEqual(readings.map((reading) => reading.path), want);
  for (const { path, encodedSlash } of readings) assert.equal(encodedSlash, path.includes("%2F"));
});
