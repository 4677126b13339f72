import assert from "node:assert/strict";
import type { Backend } from "./backend.ts";
import { backendOf } from "./backend_types.ts";
import { InvalidRouteError } from "./inference_errors.ts";

const TOKEN = "token-canary";

interface Given {
  readonly config?: Readonly<Record<string, string>>;
  readonly model?: string;
  readonly credentials?: Readonly<Record<string, string>>;
}

function backend(
  { config = {}, model = "claude-x", credentials = { VERTEX_AI_TOKEN: TOKEN } }: Given,
): Backend {
  return backendOf("cloud", {
    type: "google-vertex-ai",
    config: { VERTEX_AI_PROJECT_ID: "my-project", ...config },
    credentials: new Map(Object.entries(credentials)),
  }, model);
}

Deno.test.each([
  { region: "", host: "us-central1-aiplatform.googleapis.com", location: "us-central1" },
  {
    region: "europe-west1",
    host: "europe-west1-aiplatform.googleapis.com",
    location: "europe-west1",
  },
  { region: "global", host: "aiplatform.googleapis.com", location: "global" },
  { region: "us", host: "aiplatform.us.rep.googleapis.com", location: "us" },
  { region: "eu", host: "aiplatform.eu.rep.googleapis.com", location: "eu" },
])("vertexBackend() of region $region is at $host", ({ region, host, location }) => {
  const config = { VERTEX_AI_REGION: region };
  const claude = backend({ config });
  const place = `projects/my-project/locations/${location}`;
  assert.equal(claude.baseUrl, `https://${host}/v1/${place}/publishers/anthropic/models`);
  const other = backend({ config, model: "google/gemini-x" });
  assert.equal(other.baseUrl, `https://${host}/v1beta1/${place}/endpoints/openapi`);
});

Deno.test.each([
  { name: "a model of Claude's", given: {}, isClaude: true },
  { name: "another model", given: { model: "google/gemini-x" }, isClaude: false },
  {
    name: "a model that its publisher says is Anthropic's",
    given: { model: "special", config: { VERTEX_AI_PUBLISHER: "anthropic" } },
    isClaude: true,
  },
  {
    name: "a model of another publisher",
    given: { model: "special", config: { VERTEX_AI_PUBLISHER: "google" } },
    isClaude: false,
  },
])("vertexBackend() has one protocol for $name", ({ given, isClaude }) => {
  const { protocols, modelInPath, apiKey, awsSigning } = backend(given);
  assert.deepEqual(protocols, [isClaude ? "anthropic_messages" : "openai_chat_completions"]);
  assert.deepEqual([modelInPath, apiKey, awsSigning], [isClaude, TOKEN, null]);
});

const CHAT = { model: "google/gemini-x" };
const HOST = "https://europe-west4-aiplatform.googleapis.com";

Deno.test.each([
  {
    given: HOST,
    want: `${HOST}/v1beta1/projects/my-project/locations/us-central1/endpoints/openapi`,
  },
  { given: `${HOST}/v1/whole/path/`, want: `${HOST}/v1/whole/path` },
])("vertexBackend() takes the base URL $given", ({ given, want }) => {
  const { baseUrl } = backend({ ...CHAT, config: { VERTEX_AI_BASE_URL: given } });
  assert.equal(baseUrl, want);
});

Deno.test.each([
  { name: "no project", given: { config: { VERTEX_AI_PROJECT_ID: "" } }, want: /no project/ },
  { name: "a path for a project", given: { config: { project_id: "a/b" } }, want: /no name of/ },
  { name: "dots for a project", given: { config: { project_id: ".." } }, want: /no name of/ },
  { name: "a host for a region", given: { config: { region: "evil.example/" } }, want: /region/ },
  { name: "no token", given: { credentials: { OTHER: "x" } }, want: /no token/ },
  {
    name: "a base URL for Claude",
    given: { config: { VERTEX_AI_BASE_URL: HOST } },
    want: /no other base URL/,
  },
  ...[
    "https://evil.example",
    "https://aiplatform.googleapis.com.evil.example/v1",
    "https://evilaiplatform.googleapis.com.example",
    "https://storage.googleapis.com/v1",
    "https://evil.example/aiplatform.googleapis.com/",
    "https://aiplatform.googleapis.com:8443/v1",
    "https://user@aiplatform.googleapis.com/v1",
    "http://aiplatform.googleapis.com/v1",
    "http://127.0.0.1:8080/v1",
  ].map((url) => ({
    name: `the base URL ${url}`,
    given: { ...CHAT, config: { GOOGLE_VERTEX_AI_BASE_URL: url } },
    want: /base URL is not/,
  })),
])("vertexBackend() refuses $name", ({ given, want }) => {
  assert.throws(() => backend(given), (error: unknown) => {
    assert.ok(error instanceof InvalidRouteError);
    assert.match(error.message, want);
    return !error.message.includes(TOKEN);
  });
});
