/**
 * Model calls from real sandboxes: curl and the clients of OpenAI and Anthropic reach the operator's
 * server with the operator's key and model, and hold neither.
 *
 * @module
 */

import assert from "node:assert/strict";
import { run, waitFor } from "../support/commands.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { policy } from "../support/policies.ts";
import { installClients, PROGRAMS } from "./support/clients.ts";

const KEY = `sk-canary-${crypto.randomUUID()}`;
const PORT = 18_080;
const SERVER = new URL("./support/model_server.ts", import.meta.url).pathname;
const TEXT = "Least privilege is most freedom.";
/** Where a sandbox sees the clients. */
const CLIENTS = "/clients";
const CHAT = "https://inference.local/v1/chat/completions";
const VERTEX_HOST = "us-central1-aiplatform.googleapis.com";

interface Seen {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

sandboxSuite("inference", async (suite) => {
  const { world, isRootless } = suite;
  const recordFile = `${world.folder}/models.jsonl`;
  const clients = isRootless ? null : await installClients();
  const { certificateFile, keyFile } = await world.authority.issue("vertex", [VERTEX_HOST]);
  const server = startServer(suite, [recordFile, KEY, certificateFile, keyFile]);
  try {
    await waitFor(
      "the model server",
      () => Deno.stat(recordFile).then(() => true, () => false),
      60_000,
    );
    await stepsOfSetting(suite);
    const bind = clients === null
      ? []
      : ["--bind", `${await copyClients(suite, clients)}:${CLIENTS}:ro`];
    await world.machine.create("box", { policy: policy({}), flags: bind });
    await stepsOfCalls(suite, recordFile);
    if (clients !== null) await stepsOfClients(suite, recordFile);
    // Who runs it makes no difference to what a call becomes.
    if (!isRootless) await stepsOfClouds(suite, recordFile);
    await stepsOfChanges(suite);
    await stepsOfSecrecy(suite);
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
});

function startServer({ world }: Suite, more: readonly string[]): Deno.ChildProcess {
  const command = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-lock",
    SERVER,
    String(PORT),
    ...more,
  ];
  const [program = "", ...args] = world.pair.onMachine(command);
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" })
    .spawn();
}

async function copyClients({ world: { folder } }: Suite, clients: string): Promise<string> {
  const target = `${folder}/clients`;
  const { code, stderr } = await run(["cp", "-al", clients, target]);
  assert.equal(code, 0, stderr);
  for (const [name, text] of Object.entries(PROGRAMS)) {
    await Deno.writeTextFile(`${target}/${name}`, text);
  }
  return target;
}

async function stepsOfSetting({ world: { machine }, step }: Suite): Promise<void> {
  const base = `http://127.0.0.1:${PORT}`;
  const make = async (name: string, type: string, prefix: string) => {
    const config = `${prefix}_BASE_URL=${base}/v1`;
    const args = ["provider", "create", "--name", name, "--type", type, "--config", config];
    await machine.must([...args, "--credential", `${prefix}_API_KEY`], {
      env: { [`${prefix}_API_KEY`]: KEY },
    });
  };
  await step("a route is set after its server has answered", async () => {
    await make("work", "openai", "OPENAI");
    await make("claude", "anthropic", "ANTHROPIC");
    const set = ["inference", "set", "--provider", "work", "--model", "operator-model"];
    const { code, stderr } = await machine.run(set);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /127\.0\.0\.1:18080\/v1\/chat\/completions answers/);
    const route = ["--route", "claude", "--provider", "claude", "--model", "operator-claude"];
    await machine.must(["inference", "set", ...route]);
    assert.match(await machine.must(["inference", "list"]), /operator-claude[^]*operator-model/);
  });

  await step("a route whose server is not there is not set", async () => {
    const args = ["provider", "create", "--name", "gone", "--type", "openai"];
    const config = ["--config", "OPENAI_BASE_URL=http://127.0.0.1:1/v1"];
    const env = { OPENAI_API_KEY: "x" };
    await machine.must([...args, ...config, "--credential", "OPENAI_API_KEY"], { env });
    const set = ["inference", "set", "--route", "gone", "--provider", "gone", "--model", "m"];
    const refused = await machine.run(set);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /cannot be reached/);
    await machine.must([...set, "--no-verify", "--priority", "9"]);
  });
}

async function stepsOfCalls({ world, step }: Suite, recordFile: string): Promise<void> {
  const { machine } = world;
  const body = JSON.stringify({
    model: "any",
    messages: [{ role: "user", content: "prompt-canary" }],
  });
  const headers = ["-H", "Authorization: Bearer key-of-the-agent", "-H", "Cookie: a=b"];
  const stream = body.replace("{", '{"stream":true,');
  const seen = await runScripts(machine, "box", [
    curl(CHAT, "-d", body, ...headers),
    curl(CHAT, "-N", "-d", stream),
    curl("https://inference.local/v1/models"),
    curl("https://inference.local/v1/files"),
    curl("https://inference.local/v1/messages", "-d", body),
    curl("http://127.0.0.1:18080/v1/models"),
  ]);
  await step("a program without any network gets an answer", async () => {
    assert.match(seen[0]!.output, new RegExp(`${TEXT}[^]*status 200`));
    const [first] = (await readSeen(recordFile)).filter(({ body }) => body.includes("canary"));
    assert.equal(first?.headers["authorization"], `Bearer ${KEY}`);
    assert.equal(first?.headers["cookie"], undefined);
    assert.equal(JSON.parse(first?.body ?? "").model, "operator-model");
  });

  await step("streams, models and messages work; nothing else does", () => {
    assert.match(seen[1]!.output, /data: \[DONE\][^]*status 200/);
    assert.ok(!seen[1]!.output.includes('"choices":[]'));
    assert.match(seen[2]!.output, /operator-model[^]*status 200/);
    assert.match(seen[3]!.output, /path_not_recognised[^]*status 403/);
    assert.match(seen[4]!.output, /operator-claude[^]*status 200/);
    assert.match(seen[5]!.output, /status (?:000|403)/);
  });

  await step("each call has an event with its tokens", async () => {
    const events = await machine.events("box");
    const calls = events.filter(({ class_uid: uid }) => uid === 6003);
    const tokens = calls.map(({ unmapped }) =>
      (unmapped as Record<string, unknown>)["input_tokens"]
    );
    assert.deepEqual(tokens, [12, 12, undefined, undefined, 12]);
    const text = JSON.stringify(events);
    for (const secret of [KEY, "prompt-canary", "key-of-the-agent"]) {
      assert.ok(!text.includes(secret));
    }
  });
}

async function stepsOfClients({ world, step }: Suite, recordFile: string): Promise<void> {
  const node = `${CLIENTS}/node_modules/.bin/node`;
  const ask = async (program: string) => {
    const [seen] = await runScripts(world.machine, "box", [`cd ${CLIENTS} && ${node} ${program}`]);
    assert.equal(seen!.code, 0, seen!.output);
    return JSON.parse(seen!.output);
  };
  await step("npm openai works, streaming and not", async () => {
    assert.deepEqual(await ask("openai.mjs"), {
      ...{ whole: TEXT, model: "operator-model", streamed: TEXT, response: TEXT, events: 5 },
      ...{ embedding: [0.5, 0.25], models: 1 },
    });
  });

  await step("npm @anthropic-ai/sdk works, streaming and not", async () => {
    const want = { whole: TEXT, model: "operator-claude", streamed: TEXT, deltas: 5 };
    assert.deepEqual(await ask("anthropic.mjs"), want);
  });

  await step("the server saw the operator's key alone", async () => {
    const keys = (await readSeen(recordFile)).map(({ headers }) =>
      headers["x-api-key"] ?? headers["authorization"]?.replace("Bearer ", "")
    );
    assert.deepEqual([...new Set(keys)], [KEY]);
  });
}

async function stepsOfClouds({ world, step }: Suite, recordFile: string): Promise<void> {
  const { machine } = world;
  await step("a route of Bedrock is set unverified alone", async () => {
    await Deno.writeTextFile(`${world.folder}/hosts`, `127.0.0.1 ${VERTEX_HOST}\n`, {
      append: true,
    });
    await machine.must([
      ...["provider", "create", "--name", "vertex", "--type", "google-vertex-ai"],
      ...["--config", "VERTEX_AI_PROJECT_ID=my-project", "--credential", "VERTEX_AI_TOKEN"],
    ], { env: { VERTEX_AI_TOKEN: KEY } });
    const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    await machine.must([
      ...["provider", "create", "--name", "bedrock", "--type", "aws-bedrock"],
      ...["--config", `BEDROCK_BASE_URL=http://127.0.0.1:${PORT}`],
      ...["--config", "AWS_REGION=eu-west-1"],
      ...names.flatMap((name) => ["--credential", name]),
    ], { env: { ...Object.fromEntries(names.map((name) => [name, KEY])), [names[0]!]: "AKIDX" } });
    const setVertex = ["--route", "vertex", "--provider", "vertex", "--model", "claude-v@1"];
    // The gateway itself does not know the authority of these tests.
    await machine.must(["inference", "set", ...setVertex, "--models", "cloud", "--no-verify"]);
    const setBedrock = ["--route", "bedrock", "--provider", "bedrock", "--model", "anthropic.b:0"];
    const refused = await machine.run(["inference", "set", ...setBedrock]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /Bedrock cannot be asked[^]*--no-verify/);
    await machine.must(["inference", "set", ...setBedrock, "--no-verify"]);
  });

  await step("Claude of Vertex AI and of Bedrock answers, streamed or not", async () => {
    const url = "https://inference.local/v1/messages";
    const ask = '{"model":"cloud","context_management":{},"max_tokens":9}';
    const invoke = "https://inference.local/model/any/invoke";
    const beta = ["-H", "anthropic-beta: x"];
    await waitFor("the routes", async () => {
      const [seen] = await runScripts(machine, "box", [curl(invoke, "-d", ask)]);
      return seen!.output.includes("status 200");
    }, 60_000);
    const seen = await runScripts(machine, "box", [
      curl(url, "-d", ask, ...beta),
      curl(url, "-N", "-d", ask.replace("{", '{"stream":true,'), ...beta),
    ]);
    assert.match(seen[0]!.output, new RegExp(`claude-v@1[^]*${TEXT}[^]*status 200`));
    assert.match(seen[1]!.output, /message_stop[^]*status 200/);
    const all = await readSeen(recordFile);
    const [whole, streamed] = all.filter(({ path }) => path.endsWith("awPredict")).slice(-2);
    const place = "/v1/projects/my-project/locations/us-central1/publishers/anthropic/models";
    assert.equal(whole?.path, `${place}/claude-v@1:rawPredict`);
    assert.equal(streamed?.path, `${place}/claude-v@1:streamRawPredict`);
    assert.deepEqual(JSON.parse(whole?.body ?? ""), {
      ...{ anthropic_version: "vertex-2023-10-16", max_tokens: 9 },
    });
    assert.equal(whole?.headers["anthropic-beta"], undefined);
    const invoked = all.findLast(({ path }) => path.startsWith("/model/"));
    assert.equal(invoked?.path, "/model/anthropic.b%3A0/invoke");
    const signature =
      /^AWS4-HMAC-SHA256 Credential=AKIDX\/\d{8}\/eu-west-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/;
    assert.match(invoked?.headers["authorization"] ?? "", signature);
    const calls = (await machine.events("box")).filter(({ class_uid: uid }) => uid === 6003);
    const tokens = calls.slice(-3).map(({ unmapped }) => {
      const { input_tokens: input, output_tokens: output } = unmapped as Record<string, unknown>;
      return [input, output];
    });
    assert.deepEqual(tokens, [[12, 5], [12, 5], [12, 5]]);
    for (const route of ["vertex", "bedrock"]) {
      await machine.must(["inference", "delete", "--route", route]);
    }
  });
}

async function stepsOfChanges({ world: { machine }, step }: Suite): Promise<void> {
  const ask = async () => {
    const [seen] = await runScripts(machine, "box", [curl(CHAT, "-d", '{"model":"a"}')]);
    return seen!.output;
  };
  await step("another model is in force at once", async () => {
    await machine.must(["inference", "update", "--model", "second-model"]);
    await waitFor("the model", async () => (await ask()).includes("second-model"), 60_000);
  });

  await step("a budget ends calls, and is taken away again", async () => {
    await machine.must([
      "settings",
      "set",
      "box",
      "--key",
      "inference_token_budget",
      "--value",
      "1",
    ]);
    await waitFor("the budget", async () => /token_budget_exceeded/.test(await ask()), 60_000);
    await machine.must(["settings", "delete", "box", "--key", "inference_token_budget"]);
    await waitFor("no budget", async () => /status 200/.test(await ask()), 60_000);
  });

  await step("without its provider's key nothing is served; without a route neither", async () => {
    await machine.must(["inference", "delete"]);
    await machine.must(["inference", "delete", "--route", "gone"]);
    await waitFor("no route", async () => /no_compatible_route/.test(await ask()), 60_000);
    await machine.must(["inference", "delete", "--route", "claude"]);
    await waitFor("no route at all", async () => /not_configured/.test(await ask()), 60_000);
  });
}

async function stepsOfSecrecy({ world: { machine }, step }: Suite): Promise<void> {
  await step("the key is nowhere that a program or a reader sees", async () => {
    const looks = "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; " +
      "grep -rs sk-canary /sandbox /tmp /run /etc 2>/dev/null";
    const [seen] = await runScripts(machine, "box", [looks]);
    assert.ok(!seen!.output.includes(KEY));
    const folder = await machine.sandboxFolder("box");
    const { code } = await run(["grep", "-rqs", KEY, folder, `${machine.folder}/gateway.log`]);
    assert.equal(code, 1, "no file of the sandbox or log of the gateway has it");
  });
}

async function readSeen(file: string): Promise<readonly Seen[]> {
  const text = await Deno.readTextFile(file);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
