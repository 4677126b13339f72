import assert from "node:assert/strict";
import { type FakeGateway, fakeGateway } from "../gateway/client/fake_gateway.ts";
import { PROGRAM } from "./commands.ts";
import { fakeContext } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

async function run(line: string, gateway: FakeGateway = fakeGateway()) {
  const context = fakeContext({ gateway });
  const code = await runProgram(PROGRAM, line.split(" "), context);
  return { code, out: context.out(), err: context.err(), gateway };
}

const SET = "inference set --provider work --model gpt-5";

Deno.test("inference set says what answered, and shows the route", async () => {
  const { code, out, err, gateway } = await run(`${SET} --models a,b --priority 3 --timeout 90`);
  assert.equal(code, 0);
  assert.deepEqual(gateway.log, ["route inference.local verified", "close"]);
  assert.match(err, /✓ Set inference route inference\.local, version 1\n/);
  assert.match(err, /✓ https:\/\/model\.example\/v1\/chat\/completions answers \(openai_chat/);
  assert.match(out, /Asked for as: a, b\nPriority: {5}3\nTimeout: {6}90 s\n/);
});

Deno.test("inference set without a check asks for none", async () => {
  const { out, err, gateway } = await run(`${SET} --no-verify --system -o json`);
  assert.deepEqual(gateway.log, ["route sandbox-system unverified", "close"]);
  assert.doesNotMatch(err, /answers/);
  const value = JSON.parse(out);
  assert.equal(value.validation_performed, false);
  assert.equal(value.timeout_secs, 60);
});

Deno.test("inference update changes what is given", async () => {
  const gateway = fakeGateway();
  await run(`${SET} --models a --priority 3`, gateway);
  const { out } = await run("inference update --model gpt-6 -o json", gateway);
  const { model, models, priority, version } = JSON.parse(out);
  assert.deepEqual({ model, models, priority, version }, {
    ...{ model: "gpt-6", models: ["a"], priority: 3, version: 2 },
  });
});

Deno.test.each([
  { line: "inference update", code: 2, says: /nothing is to be changed/ },
  { line: "inference update --model x", code: 1, says: /Cannot find inference route/ },
  { line: "inference get --route x --system", code: 2, says: /together/ },
  { line: "inference get --route x", code: 1, says: /Cannot find inference route "x"/ },
  { line: "inference get", code: 0, says: /There is no inference route/ },
  { line: "inference set --model x", code: 2, says: /provider/ },
  { line: "inference delete", code: 1, says: /There is no inference route inference\.local/ },
])("$line ends with $code", async ({ line, code, says }) => {
  const ran = await run(line);
  assert.equal(ran.code, code);
  assert.match(ran.err, says);
});

Deno.test("inference get, list and delete agree", async () => {
  const gateway = fakeGateway();
  await run(SET, gateway);
  await run(`${SET} --route spare --priority 10`, gateway);
  assert.match(
    (await run("inference get", gateway)).out,
    /Route: +inference\.local\n[^]*Route: +spare/,
  );
  assert.match(
    (await run("inference list", gateway)).out,
    /^ROUTE +PROVIDER +MODEL[^]*spare +work +gpt-5 +any +10/,
  );
  const listed = JSON.parse((await run("inference list -o json", gateway)).out);
  assert.deepEqual(listed.map(({ route }: { route: string }) => route), [
    "inference.local",
    "spare",
  ]);
  assert.match((await run("inference list -o yaml", gateway)).out, /- route: inference\.local/);
  assert.equal((await run("inference delete --route spare", gateway)).code, 0);
  assert.equal(JSON.parse((await run("inference list -o json", gateway)).out).length, 1);
});
