/**
 * Installs the clients of OpenAI and Anthropic as a person does, into a folder that later runs find
 * again, with a Node.js that goes by the proxy of its environment.
 *
 * @module
 */

import { run } from "../../support/commands.ts";

/** To try another version, change it here and nowhere else. */
const VERSIONS = { "@anthropic-ai/sdk": "1.13.0", "node": "24.21.0", "openai": "7.57.0" } as const;

const INSTALL_MS_MAX = 10 * 60_000;
const NPM_FLAGS = ["--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000"];

/** What npm says when it cannot reach the registry; anything else is a failure of the tests. */
const UNREACHABLE =
  /\b(EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|E50[234])\b/;

/**
 * Returns the folder, or `null` where npm or its registry is not there.
 *
 * @throws {Error} when npm reaches the registry and fails all the same
 */
export async function installClients(): Promise<string | null> {
  if (Deno.env.get("OPENSHELL_E2E_AGENTS") === "0") return null;
  const folder = cacheFolder();
  await Deno.mkdir(folder, { recursive: true });
  using lock = await Deno.open(`${folder}/lock-clients`, { create: true, write: true });
  await lock.lock(true);
  const name = Object.entries(VERSIONS).map(([key, value]) => `${key.replace("/", "-")}-${value}`);
  const target = `${folder}/${name.join("_")}`;
  if (await isThere(target)) return target;
  const partial = `${target}.partial`;
  if (await isThere(partial)) await Deno.remove(partial, { recursive: true });
  const packages = Object.entries(VERSIONS).map(([key, version]) => `${key}@${version}`);
  await Deno.mkdir(partial);
  const args = ["install", "--prefix", partial, ...NPM_FLAGS, ...packages];
  const outcome = await run(["npm", ...args], { timeoutMs: INSTALL_MS_MAX, cwd: partial })
    .catch(noNpm);
  if (outcome === null) return null;
  if (outcome.code !== 0) {
    if (UNREACHABLE.test(outcome.stderr)) return null;
    throw new Error(`Cannot install the clients: ${outcome.stderr}`);
  }
  await Deno.rename(partial, target);
  return target;
}

/** Whose programs use the clients: each prints one line of JSON. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  "openai.mjs": `
    import OpenAI from "openai";
    const client = new OpenAI({ baseURL: "https://inference.local/v1", apiKey: "unused-by-agent" });
    const ask = { model: "gpt-of-the-agent", messages: [{ role: "user", content: "prompt-canary" }] };
    const whole = await client.chat.completions.create(ask);
    let streamed = "";
    for await (const { choices } of await client.chat.completions.create({ ...ask, stream: true })) {
      streamed += choices[0].delta.content ?? "";
    }
    const answer = await client.responses.create({ model: "x", input: "hi" });
    let events = 0;
    for await (const event of await client.responses.create({ model: "x", input: "hi", stream: true })) {
      events += event.type === "response.output_text.delta" ? 1 : 0;
    }
    const { data } = await client.embeddings.create({ model: "x", input: "hi", encoding_format: "float" });
    const models = await client.models.list();
    console.log(JSON.stringify({
      whole: whole.choices[0].message.content, model: whole.model, streamed,
      response: answer.output_text, events, embedding: data[0].embedding, models: models.data.length,
    }));
  `,
  "anthropic.mjs": `
    import Anthropic from "@anthropic-ai/sdk";
    const client = new Anthropic({ baseURL: "https://inference.local", apiKey: "unused-by-agent" });
    const ask = { model: "claude-of-the-agent", max_tokens: 9, messages: [{ role: "user", content: "hi" }] };
    const whole = await client.messages.create(ask);
    const stream = client.messages.stream(ask);
    let deltas = 0;
    stream.on("text", () => deltas += 1);
    const last = await stream.finalMessage();
    console.log(JSON.stringify({
      whole: whole.content[0].text, model: whole.model, streamed: last.content[0].text, deltas,
    }));
  `,
};

function cacheFolder(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return `${cache}/openshell-e2e-agents`;
}

async function isThere(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => null)) !== null;
}

function noNpm(error: unknown): null {
  if (error instanceof Deno.errors.NotFound) return null;
  throw error;
}
