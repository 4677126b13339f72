/**
 * The tutorials of Ollama and LM Studio: a model server on the person's machine, which a sandbox
 * asks at `https://inference.local` without a network of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { makeCanary } from "../attacks/support/canary.ts";
import { policy } from "../support/policies.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { readRecords, startServer, waitForFile } from "./support/journey_world.ts";

const SERVER = new URL("../inference/support/model_server.ts", import.meta.url).pathname;
const KEY = `sk-${makeCanary()}`;
const HOST = "http://host.openshell.internal";
const CHAT = "https://inference.local/v1/chat/completions";
const MESSAGES = "https://inference.local/v1/messages";
const QUESTION = JSON.stringify({ model: "any", messages: [{ role: "user", content: "hi" }] });
const ANSWERED = /Least privilege is most freedom\.[^]*status 200/;

/** What a model server was sent. */
interface Call {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

sandboxSuite("journey of local models", async (suite) => {
  const { world } = suite;
  const ollama = `${world.folder}/ollama.jsonl`;
  const studio = `${world.folder}/lm-studio.jsonl`;
  const start = (port: number, recordFile: string) =>
    startServer((line) => world.pair.onMachine(line), [SERVER, String(port), recordFile, KEY]);
  await using _ollama = start(11_434, ollama);
  await using _studio = start(1234, studio);
  await waitForFile(ollama);
  await waitForFile(studio);
  await stepsOfOllama(suite, ollama);
  await stepsOfRefusals(suite);
  await stepsOfStudio(suite, studio);
}, { alsoRootless: false });

/** Makes a provider as the tutorials do. */
async function makeProvider(
  { world: { machine } }: Suite,
  { name, type, baseUrl }: {
    readonly name: string;
    readonly type: string;
    readonly baseUrl: string;
  },
): Promise<void> {
  const prefix = type.toUpperCase();
  const args = ["provider", "create", "--name", name, "--type", type];
  const config = ["--config", `${prefix}_BASE_URL=${baseUrl}`];
  const env = { [`${prefix}_API_KEY`]: KEY };
  await machine.must([...args, ...config, "--credential", `${prefix}_API_KEY`], { env });
}

async function ask(suite: Suite, url: string, ...flags: readonly string[]): Promise<string> {
  const [seen] = await runScripts(suite.world.machine, "box", [curl(url, ...flags)]);
  return seen!.output;
}

async function stepsOfOllama(suite: Suite, recordFile: string): Promise<void> {
  const { world: { machine }, step } = suite;
  await machine.create("box", { policy: policy({}) });
  await step("Ollama on the host is set, and its endpoint validated", async () => {
    await makeProvider(suite, { name: "ollama", type: "openai", baseUrl: `${HOST}:11434/v1` });
    const set = ["inference", "set", "--provider", "ollama", "--model", "qwen3"];
    const { code, stderr } = await machine.run(set);
    assert.equal(code, 0, stderr);
    assert.ok(stderr.includes(`${HOST}:11434/v1/chat/completions answers`), stderr);
    assert.match(await machine.must(["inference", "get"]), /Provider: +ollama\nModel: +qwen3/);
  });

  await step("a sandbox without a network gets its answer", async () => {
    assert.match(await ask(suite, CHAT, "-d", QUESTION), ANSWERED);
    const call = (await readRecords<Call>(recordFile)).at(-1);
    assert.equal(call?.headers["authorization"], `Bearer ${KEY}`);
    assert.equal(JSON.parse(call?.body ?? "").model, "qwen3");
  });

  await step("nothing else is served there, and the server is not reached past it", async () => {
    assert.match(await ask(suite, "https://inference.local/api/tags"), /status 403/);
    assert.match(await ask(suite, MESSAGES, "-d", QUESTION), /no_compatible_route[^]*status 400/);
    assert.match(await ask(suite, `${HOST}:11434/v1/models`), /status 403/);
  });
}

async function stepsOfRefusals(suite: Suite): Promise<void> {
  const { world: { machine }, step } = suite;
  await step("a server that is not there is told, with what to do", async () => {
    await makeProvider(suite, { name: "off", type: "openai", baseUrl: `${HOST}:11435/v1` });
    const set = ["inference", "set", "--provider", "off", "--model", "qwen3"];
    const refused = await machine.run(set);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /cannot be reached[^]*--no-verify/);
    assert.match(await machine.must(["inference", "get"]), /Provider: +ollama/);
    await machine.must([...set, "--no-verify"]);
    assert.match(await machine.must(["inference", "get"]), /Provider: +off/);
  });
}

async function stepsOfStudio(suite: Suite, recordFile: string): Promise<void> {
  const { world: { machine }, step } = suite;
  const set = async (provider: string) => {
    const args = ["inference", "set", "--provider", provider, "--model", "gpt-oss"];
    const { code, stderr } = await machine.run(args);
    assert.equal(code, 0, stderr);
    return stderr;
  };
  await step("LM Studio in the shape of OpenAI", async () => {
    await makeProvider(suite, { name: "studio", type: "openai", baseUrl: `${HOST}:1234/v1` });
    assert.ok((await set("studio")).includes(`${HOST}:1234/v1/chat/completions answers`));
    assert.match(await ask(suite, CHAT, "-d", QUESTION), ANSWERED);
  });

  await step("and in that of Anthropic, which takes its place", async () => {
    await makeProvider(suite, { name: "studio-a", type: "anthropic", baseUrl: `${HOST}:1234` });
    assert.ok((await set("studio-a")).includes(`${HOST}:1234/v1/messages answers`));
    assert.match(await ask(suite, MESSAGES, "-d", QUESTION), ANSWERED);
    assert.match(await ask(suite, CHAT, "-d", QUESTION), /no_compatible_route[^]*status 400/);
    const call = (await readRecords<Call>(recordFile)).at(-1);
    assert.deepEqual([call?.path, call?.headers["x-api-key"]], ["/v1/messages", KEY]);
  });
}
