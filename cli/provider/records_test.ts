import assert from "node:assert/strict";
import { fakeGateway, type FakeGatewayOptions } from "../../gateway/client/fake_gateway.ts";
import { fakeProviders, sampleProvider } from "../../gateway/client/fake_providers.ts";
import { GatewayError } from "../../gateway/client/gateway_error.ts";
import type { ProviderView } from "../../gateway/client/provider_types.ts";
import { PROGRAM } from "../commands.ts";
import { fakeContext, type FakeOptions } from "../fake_context.ts";
import { runProgram } from "../run_program.ts";

async function run(
  line: string,
  { providers = [], ...options }: FakeOptions & {
    readonly providers?: readonly ProviderView[];
    readonly overrides?: FakeGatewayOptions;
  } = {},
) {
  const calls: string[] = [];
  const gateway = fakeGateway({ ...fakeProviders(calls, providers), ...options.overrides });
  const context = fakeContext({ gateway, ...options });
  const code = await runProgram(PROGRAM, line.split(" "), context);
  return { code, calls, gateway, out: context.out(), err: context.err() };
}

const SECRET = "the-value-itself";
const GITHUB = sampleProvider();

Deno.test("provider create takes the variable's value, and shows none", async () => {
  const line = "provider create --name gh --type github --credential GITHUB_TOKEN --config A=b";
  const { code, calls, out, err } = await run(line, { env: { GITHUB_TOKEN: SECRET } });
  assert.equal(code, 0, err);
  assert.deepEqual(calls, ["provider create gh github GITHUB_TOKEN"]);
  assert.match(out, /Credentials: +GITHUB_TOKEN\n/);
  assert.ok(!`${out}${err}`.includes(SECRET));
  assert.ok(!err.includes("history"));
});

Deno.test("provider create warns of a value that was typed, without showing it", async () => {
  const { code, err } = await run(
    `provider create --name gh --type github --credential GITHUB_TOKEN=${SECRET}`,
  );
  assert.equal(code, 0);
  assert.match(err, /GITHUB_TOKEN is in the history[^]*--credential GITHUB_TOKEN\n/);
  assert.ok(!err.includes(SECRET));
});

Deno.test.each([
  { line: "--type github", says: /--name/ },
  { line: "--name a --type github", says: /give one of/ },
  { line: "--name a --type github --credential K --from-existing", says: /give one of/ },
  { line: "--name a --type github --credential UNSET", says: /the variable UNSET is not set/ },
  { line: `--name a --type github --credential 1K=${SECRET}`, says: /KEY or KEY=VALUE/ },
  { line: `--name a --type github --credential K=${SECRET} --credential K=x`, says: /given twice/ },
  { line: "--name a --type github --credential K=x --config Y", says: /KEY=VALUE/ },
  {
    line: "--name a --type github --credential K=x --credential-expires-at K=soon",
    says: /KEY=TIME/,
  },
  { line: "--name a --type github --from-existing", says: /Cannot find credentials of type/ },
  { line: "--name a --type generic --from-existing", says: /Cannot find credentials/ },
])("provider create $line is refused", async ({ line, says }) => {
  const { code, err, calls } = await run(`provider create ${line}`);
  assert.equal(code, 2);
  assert.match(err, says);
  assert.ok(!err.includes(SECRET), "no value is told");
  assert.deepEqual(calls, []);
});

Deno.test.each<{ type: string; env: Record<string, string>; want: string }>([
  { type: "claude", env: { CLAUDE_API_KEY: "x" }, want: "CLAUDE_API_KEY" },
  {
    type: "claude-code",
    env: { CLAUDE_API_KEY: "x", ANTHROPIC_API_KEY: "y" },
    want: "ANTHROPIC_API_KEY",
  },
  { type: "gh", env: { GH_TOKEN: "x" }, want: "GH_TOKEN" },
  { type: "gitlab", env: { CI_JOB_TOKEN: "x", GITLAB_TOKEN: "" }, want: "CI_JOB_TOKEN" },
  {
    type: "aws",
    env: { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y" },
    want: "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY",
  },
  { type: "nvidia", env: { NVIDIA_API_KEY: "x", OPENAI_API_KEY: "y" }, want: "NVIDIA_API_KEY" },
])("provider create --from-existing of $type finds $want", async ({ type, env, want }) => {
  const { code, calls, err } = await run(
    `provider create --name p --type ${type} --from-existing`,
    { env },
  );
  assert.equal(code, 0, err);
  assert.deepEqual(calls, [`provider create p ${type} ${want}`]);
});

Deno.test("provider create --from-existing reads OpenCode's own file", async () => {
  const file = JSON.stringify({ provider: { "my-ai": { options: { apiKey: SECRET } }, b: {} } });
  const { calls, out, err } = await run(
    "provider create --name p --type opencode --from-existing",
    { env: { HOME: "/home/me" }, files: { "/home/me/.config/opencode/opencode.json": file } },
  );
  assert.deepEqual(calls, ["provider create p opencode MY_AI_API_KEY"]);
  assert.ok(!`${out}${err}`.includes(SECRET));
});

Deno.test("provider list prints names, a table, or JSON of a stable shape", async () => {
  const providers = [GITHUB];
  assert.equal((await run("provider list --names", { providers })).out, "github\n");
  const { out } = await run("provider list", { providers });
  assert.match(out, /^NAME +TYPE +CREDENTIAL_KEYS +CONFIG_KEYS\ngithub +github +1 +0\n$/);
  const json = JSON.parse((await run("provider list -o json", { providers })).out);
  assert.deepEqual(json, [{
    id: GITHUB.id,
    name: "github",
    workspace: "default",
    type: "github",
    credential_keys: ["GITHUB_TOKEN"],
    config_keys: [],
    resource_version: 1,
    created_at: "2026-11-24 09:30:05",
  }]);
  assert.equal((await run("provider list --names -o json", { providers })).code, 2);
});

Deno.test("provider update changes what is named", async () => {
  const providers = [GITHUB];
  const update = async (line: string) => await run(`provider update github ${line}`, { providers });
  const gone = await update("--credential GITHUB_TOKEN=");
  assert.deepEqual([gone.code, gone.calls], [0, ["provider update github github GITHUB_TOKEN"]]);
  assert.ok(!gone.err.includes("history"), "nothing was typed");
  assert.match((await update("")).err, /nothing is to change|unexpected|Cannot/);
  const at = await update("--credential-expires-at GITHUB_TOKEN=2030-01-31T00:00:00Z");
  assert.match(at.out, /GITHUB_TOKEN|until|-/);
  assert.equal(at.code, 0);
});

Deno.test("provider delete goes on after one that fails", async () => {
  const overrides = {
    deleteProvider: ({ name }: { readonly name: string }) =>
      name === "used"
        ? Promise.reject(new GatewayError("failed_precondition", "Cannot delete: a sandbox has it"))
        : Promise.resolve(name === "github"),
  };
  const { code, err } = await run("provider delete used github nobody", { overrides });
  assert.equal(code, 1);
  assert.match(err, /a sandbox has it[^]*Deleted provider github[^]*"nobody" not found/);
});

Deno.test("sandbox provider attach and detach say what came of it", async () => {
  const overrides = { sandboxes: [] };
  const attached = await run("sandbox provider attach nowhere github", { overrides });
  assert.equal(attached.code, 1);
  assert.match(attached.err, /Cannot find sandbox "nowhere"/);
});
