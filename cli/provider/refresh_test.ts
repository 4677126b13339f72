import assert from "node:assert/strict";
import { fakeGateway } from "../../gateway/client/fake_gateway.ts";
import { fakeRefreshes, sampleRefresh } from "../../gateway/client/fake_refresh.ts";
import type { RefreshView } from "../../gateway/client/refresh_types.ts";
import { PROGRAM } from "../commands.ts";
import { fakeContext, type FakeOptions } from "../fake_context.ts";
import { runProgram } from "../run_program.ts";

const SECRET = "the-value-itself";

async function run(
  line: string,
  { refreshes = [], ...options }: FakeOptions & { readonly refreshes?: readonly RefreshView[] } =
    {},
) {
  const calls: string[] = [];
  const gateway = fakeGateway(fakeRefreshes(calls, refreshes));
  const context = fakeContext({ gateway, ...options });
  const code = await runProgram(PROGRAM, `provider refresh ${line}`.split(" "), context);
  const [out, err] = [context.out(), context.err()];
  assert.ok(!`${out}${err}${calls.join()}`.includes(SECRET), "no value is told");
  return { code, calls, out, err };
}

const CONFIGURE = "configure graph --credential-key GRAPH_TOKEN --strategy oauth2-refresh-token";

Deno.test("provider refresh configure reads secrets from variables, and shows none", async () => {
  const { code, calls, out, err } = await run(
    `${CONFIGURE} --material client_id=ID --material pin=1 --secret-material-key pin ` +
      "--secret-material-env refresh_token=MS_TOKEN --secret-material-env client_secret",
    { env: { MS_TOKEN: SECRET, client_secret: SECRET } },
  );
  assert.equal(code, 0, err);
  assert.deepEqual(calls, [
    "configure graph GRAPH_TOKEN oauth2-refresh-token client_id,pin!,refresh_token!,client_secret!",
  ]);
  assert.match(err, /The gateway makes values of GRAPH_TOKEN of graph\n/);
  assert.match(out, /^PROVIDER +CREDENTIAL_KEY +STRATEGY +STATUS/);
  assert.match(out, /configured +- +/);
});

Deno.test.each([
  { name: "what is always secret", flags: `--material refresh_token=${SECRET}` },
  {
    name: "what is marked as secret",
    flags: `--material pin=${SECRET} --secret-material-key pin`,
  },
])("provider refresh configure warns of a secret that was typed: $name", async ({ flags }) => {
  const { code, err } = await run(`${CONFIGURE} ${flags}`);
  assert.equal(code, 0);
  assert.match(err, /is in the history of your shell now[^]*--secret-material-env \w+=VARIABLE\n/);
});

Deno.test("provider refresh configure does not warn of what is no secret", async () => {
  const { err } = await run(`${CONFIGURE} --material client_id=${SECRET}`);
  assert.ok(!err.includes("history"));
});

Deno.test.each([
  { time: "2026-11-24T10:30:05Z", shown: "2026-11-24 10:30:05" },
  { time: String(Date.UTC(2026, 10, 24, 10, 30, 5)), shown: "2026-11-24 10:30:05" },
])("provider refresh configure takes $time", async ({ time, shown }) => {
  const { out } = await run(`${CONFIGURE} --credential-expires-at ${time}`);
  assert.ok(out.includes(shown), out);
});

Deno.test.each([
  { without: "--credential-key GRAPH_TOKEN", says: /--credential-key/ },
  { without: "--strategy oauth2-refresh-token", says: /--strategy/ },
  { without: "oauth2-refresh-token", says: /--strategy/ },
])("provider refresh configure without $without is refused", async ({ without, says }) => {
  const line = CONFIGURE.replace(without, "").trim().replaceAll(/ +/g, " ");
  const { code, calls, err } = await run(line);
  assert.equal(code, 2);
  assert.match(err, says);
  assert.deepEqual(calls, []);
});

Deno.test.each([
  { flags: "--material client_id", says: /KEY=VALUE/ },
  { flags: `--material ${SECRET}=x`, says: /KEY=VALUE/ },
  { flags: "--material a=1 --material a=2", says: /a is given twice/ },
  { flags: "--material a=1 --secret-material-env a", says: /the variable a is not set/ },
  { flags: "--material a=1 --secret-material-env a=HAS", says: /a is given twice/ },
  { flags: "--secret-material-env token=UNSET", says: /the variable UNSET is not set/ },
  { flags: `--secret-material-env token=${SECRET}`, says: /that is named is not set/ },
  { flags: "--secret-material-env token", says: /the variable token is not set/ },
  { flags: `--secret-material-env ${SECRET}`, says: /KEY or KEY=VARIABLE/ },
  { flags: "--secret-material-key pin", says: /there is no material of that name/ },
  { flags: `--secret-material-key ${SECRET}`, says: /there is no material/ },
  { flags: "--credential-expires-at soon", says: /it should be a time/ },
  { flags: "--credential-expires-at GRAPH_TOKEN=0", says: /it should be a time/ },
])("provider refresh configure $flags is refused", async ({ flags, says }) => {
  const { code, calls, err } = await run(`${CONFIGURE} ${flags}`, { env: { HAS: SECRET } });
  assert.equal(code, 2);
  assert.match(err, says);
  assert.deepEqual(calls, []);
});

Deno.test("provider refresh rotate makes a value, or says that there is no such refresh", async () => {
  const line = "rotate graph --credential-key GRAPH_TOKEN";
  const made = await run(line, { refreshes: [sampleRefresh()] });
  assert.deepEqual([made.code, made.calls], [0, ["rotate graph GRAPH_TOKEN"]]);
  assert.match(made.err, /Made a new value of GRAPH_TOKEN of graph\n/);
  const json = await run(`${line} -o json`, { refreshes: [sampleRefresh()] });
  assert.equal(JSON.parse(json.out).credential_key, "GRAPH_TOKEN");
  const missing = await run(line);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /Cannot find a refresh of "GRAPH_TOKEN"/);
});

Deno.test("provider refresh status prints a table, or JSON of a stable shape", async () => {
  const lastError = "the token server refused: invalid_grant";
  const failed = sampleRefresh({ credentialKey: "OTHER", status: "error", lastError });
  const refreshes = [sampleRefresh(), failed];
  const { out } = await run("status graph", { refreshes });
  const [, first, second] = out.split("\n");
  assert.match(
    first!,
    /^graph +GRAPH_TOKEN +oauth2-refresh-token +refreshed +2026-11-24 10:30:05 /,
  );
  assert.match(first!, / 2026-11-24 10:25:05 +2026-11-24 09:30:05 +-$/);
  assert.match(second!, /error .* the token server refused: invalid_grant$/);
  const line = "status graph --credential-key GRAPH_TOKEN -o json";
  assert.deepEqual(JSON.parse((await run(line, { refreshes })).out), [{
    provider: "graph",
    provider_id: failed.providerId,
    credential_key: "GRAPH_TOKEN",
    strategy: "oauth2-refresh-token",
    status: "refreshed",
    expires_at_ms: failed.expiresAtMs,
    next_refresh_at_ms: failed.nextRefreshAtMs,
    last_refresh_at_ms: failed.lastRefreshAtMs,
    last_error: "",
  }]);
});

Deno.test.each([
  { line: "status graph", err: '! Provider "graph" has no refresh\n', out: "" },
  { line: "status graph --credential-key K", err: /has no refresh of "K"\n/, out: "" },
  { line: "status graph -o json", err: "", out: "[]\n" },
])("provider refresh $line of a provider without one is no failure", async ({ line, ...want }) => {
  const { code, out, err } = await run(line);
  assert.equal(code, 0);
  assert.equal(out, want.out);
  if (typeof want.err === "string") assert.equal(err, want.err);
  else assert.match(err, want.err);
});

Deno.test("provider refresh delete says what came of it", async () => {
  const line = "delete graph --credential-key GRAPH_TOKEN";
  const deleted = await run(line, { refreshes: [sampleRefresh()] });
  assert.deepEqual([deleted.code, deleted.calls], [0, ["delete graph GRAPH_TOKEN"]]);
  assert.match(deleted.err, /makes no more values of GRAPH_TOKEN of graph\n/);
  const missing = await run(line);
  assert.equal(missing.code, 0);
  assert.match(missing.err, /has no refresh of "GRAPH_TOKEN"/);
});
