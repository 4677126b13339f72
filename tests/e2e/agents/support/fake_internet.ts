/**
 * The servers that agents and tools meet: one process, all names, told apart by `Host`.
 *
 * Started as a program in the network namespace that stands for the internet. It has one argument,
 * a {@link FakeInternetOptions} as JSON, and writes each request to a file, as a line of JSON.
 *
 * @module
 */

import { answer, EVIL_HOST } from "./conversation.ts";
import { type DialectName, DIALECTS, encodeEvents } from "./dialects.ts";
import { answerGit, answerMcp, answerNpm, answerPypi } from "./tool_servers.ts";

export interface FakeInternetOptions {
  readonly address: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Where requests are recorded. */
  readonly recordFile: string;
  /** Folder with bare repositories, `OWNER/NAME.git`. */
  readonly gitFolder: string;
  /** Folder with the packages of npm and of pip. */
  readonly packageFolder: string;
}

/** One request that reached a server. */
export interface SeenRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Only of a question to a model: what the agent's calls have returned so far. */
  readonly results?: readonly string[];
  /** Only of a question to a model: names of the tools. */
  readonly tools?: readonly string[];
}

const MODELS: Readonly<Record<string, DialectName>> = {
  "api.anthropic.com/v1/messages": "messages",
  "api.openai.com/v1/responses": "responses",
  "opencode.ai/zen/v1/chat/completions": "completions",
};

if (import.meta.main) main(JSON.parse(Deno.args[0] ?? "{}"));

function main(options: FakeInternetOptions): void {
  const { address, certificateFile, keyFile } = options;
  const handler = (request: Request) => handle(request, options);
  const tls = {
    cert: Deno.readTextFileSync(certificateFile),
    key: Deno.readTextFileSync(keyFile),
  };
  Deno.serve({ hostname: address, port: 80, onListen() {} }, handler);
  const onListen = () => Deno.writeTextFileSync(options.recordFile, "");
  Deno.serve({ hostname: address, port: 443, ...tls, onListen }, handler);
}

async function handle(request: Request, options: FakeInternetOptions): Promise<Response> {
  const url = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  const text = new TextDecoder().decode(body);
  const seen = {
    host: url.host,
    method: request.method,
    path: url.pathname + url.search,
    body: text,
  };
  const dialect = request.method === "POST" ? MODELS[url.host + url.pathname] : undefined;
  if (dialect !== undefined) return answerModel(dialect, seen, options);
  record(seen, options);
  switch (url.host) {
    case "github.com":
      return await answerGit(request, body, options.gitFolder);
    case "npm.corp.example":
      return await answerNpm(url, options.packageFolder);
    case "pypi.corp.example":
    case "files.pypi.corp.example":
      return await answerPypi(url, options.packageFolder);
    case "mcp.corp.example":
      return answerMcp(request.method, text);
    case "models.opencode.ai":
      return Response.json(CATALOGUE);
    case "api.example.com":
      return new Response("Least privilege is most freedom.\n");
    case EVIL_HOST:
      return new Response("Thank you.\n");
    default:
      return Response.json({ error: { message: "There is nothing here" } }, { status: 404 });
  }
}

function answerModel(
  name: DialectName,
  seen: SeenRequest,
  options: FakeInternetOptions,
): Response {
  const dialect = DIALECTS[name];
  const question = dialect.read(JSON.parse(seen.body));
  const { results, tools } = question;
  record({ ...seen, results, tools: tools.map((tool) => tool.name) }, options);
  const stream = encodeEvents(dialect.write(answer(question), question));
  return new Response(stream, { headers: { "Content-Type": "text/event-stream" } });
}

function record(seen: SeenRequest, { recordFile }: FakeInternetOptions): void {
  Deno.writeTextFileSync(recordFile, `${JSON.stringify(seen)}\n`, { append: true });
}

/** What models.dev says about the one model that OpenCode is told to use. */
const CATALOGUE = {
  opencode: {
    id: "opencode",
    name: "OpenCode Zen",
    env: ["OPENCODE_API_KEY"],
    npm: "@ai-sdk/openai-compatible",
    api: "https://opencode.ai/zen/v1",
    models: {
      "test-model": {
        ...{ id: "test-model", name: "Test model", attachment: false, reasoning: false },
        ...{ temperature: true, tool_call: true, release_date: "2026-01-01" },
        ...{ last_updated: "2026-01-01", open_weights: false },
        cost: { input: 1, output: 1 },
        limit: { context: 200_000, output: 32_000 },
        modalities: { input: ["text"], output: ["text"] },
      },
    },
  },
};
