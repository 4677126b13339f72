import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { AwsSigningSchema } from "../../../proto/gen/openshell/inference/v1/inference_pb.ts";
import { sha256, signAws } from "../credentials/sign_aws.ts";
import { SandboxAuthority } from "../egress/tls/sandbox_authority.ts";
import {
  eventStream,
  FakeBackend,
  OPERATOR_KEY,
  type RouteFields,
  routeOf,
  RouterScene,
} from "./router_fixture.ts";

const HOST = "us-central1-aiplatform.googleapis.com";
const MODELS = "/v1/projects/p/locations/us-central1/publishers/anthropic/models";

const ASK = {
  model: "claude-of-the-agent",
  max_tokens: 9,
  context_management: { edits: [] },
  messages: [{ role: "user", content: "prompt-canary" }],
};

const REPLY = { type: "message", content: [], usage: { input_tokens: 12, output_tokens: 5 } };

function vertexRoute(port: number): RouteFields {
  return {
    baseUrl: `https://${HOST}:${port}${MODELS}`,
    providerType: "google-vertex-ai",
    protocols: ["anthropic_messages"],
    modelInPath: true,
    modelId: "claude-x@20250101",
  };
}

Deno.test.each([
  { isStream: false, verb: "rawPredict" },
  { isStream: true, verb: "streamRawPredict" },
])("InferenceRouter asks Claude of Vertex by $verb", async ({ isStream, verb }) => {
  const authority = await SandboxAuthority.create();
  const { certPem: cert, keyPem: key } = await authority.leafFor(HOST);
  const backend = new FakeBackend(
    () =>
      isStream
        ? eventStream(
          { type: "message_start", message: { usage: { input_tokens: 12, output_tokens: 1 } } },
          { type: "message_delta", usage: { output_tokens: 5 } },
        )
        : Response.json(REPLY),
    { cert, key },
  );
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf(vertexRoute(backend.port))],
    hosts: { [HOST]: "127.0.0.1" },
    backendCa: authority.caPem,
  });
  const body = { ...ASK, ...isStream ? { stream: true } : {} };
  const response = await scene.fetch("/v1/messages?beta=true", body, {
    headers: {
      "anthropic-beta": "context-management-2025-06-27",
      "anthropic-version": "2023-06-01",
      "x-api-key": "sk-of-the-agent",
    },
  });
  assert.equal(response.status, 200);
  await response.text();
  const [seen] = backend.seen;
  assert.equal(seen?.target, `${MODELS}/claude-x@20250101:${verb}`);
  assert.equal(seen?.headers["authorization"], `Bearer ${OPERATOR_KEY}`);
  for (const name of ["anthropic-beta", "anthropic-version", "x-api-key"]) {
    assert.equal(seen?.headers[name], undefined);
  }
  const { model: _model, context_management: _managed, ...rest } = body;
  assert.deepEqual(JSON.parse(seen?.body ?? ""), {
    anthropic_version: "vertex-2023-10-16",
    ...rest,
  });
  const [call] = await scene.calls(1);
  assert.deepEqual(call?.tokens, { input: 12, output: 5, isEstimated: false });
  assert.deepEqual([call?.provider, call?.model], ["google-vertex-ai", "claude-x@20250101"]);
  await backend.close();
});

Deno.test("InferenceRouter asks other models of Vertex as OpenAI's are asked", async () => {
  const backend = new FakeBackend(() => Response.json({ choices: [] }));
  const place = "/v1beta1/projects/p/locations/global/endpoints/openapi";
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({
      baseUrl: `http://127.0.0.1:${backend.port}${place}`,
      providerType: "google-vertex-ai",
      protocols: ["openai_chat_completions"],
      modelId: "google/gemini-x",
    })],
  });
  await (await scene.fetch("/v1/chat/completions", { model: "x", messages: [] })).text();
  assert.equal(backend.seen[0]?.target, `${place}/chat/completions`);
  assert.equal(JSON.parse(backend.seen[0]!.body).model, "google/gemini-x");
  assert.equal(backend.seen[0]?.headers["authorization"], `Bearer ${OPERATOR_KEY}`);
  await backend.close();
});

const KEYS = {
  region: "eu-west-1",
  accessKeyId: "AKIDCANARY",
  secretAccessKey: "secret/canary+4711",
  sessionToken: "token-canary-4711",
};

function bedrockRoute(port: number, isSigned: boolean): RouteFields {
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    providerType: "aws-bedrock",
    protocols: ["aws_bedrock_invoke"],
    modelInPath: true,
    modelId: "anthropic.claude-x-v1:0",
    apiKey: "",
    ...isSigned ? { awsSigning: create(AwsSigningSchema, KEYS) } : {},
  };
}

const INVOKE = "/model/model-of-the-agent/invoke";
const QUESTION = { anthropic_version: "bedrock-2023-05-31", max_tokens: 9, messages: [] };

Deno.test.each([
  { name: "with a signature of all that goes on", isSigned: true },
  { name: "without any key behind a bridge", isSigned: false },
])("InferenceRouter asks Bedrock $name", async ({ isSigned }) => {
  const backend = new FakeBackend(() => Response.json(REPLY));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf(bedrockRoute(backend.port, isSigned))],
  });
  const response = await scene.fetch(INVOKE, QUESTION, {
    headers: {
      authorization: "AWS4-HMAC-SHA256 Credential=of-the-agent",
      "x-amz-date": "20200101T000000Z",
      "x-amz-security-token": "of-the-agent",
      "x-amzn-bedrock-guardrailidentifier": "none",
    },
  });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), REPLY);
  const [seen] = backend.seen;
  const target = "/model/anthropic.claude-x-v1%3A0/invoke";
  assert.equal(seen?.target, target);
  assert.equal(seen?.body, JSON.stringify(QUESTION));
  assert.equal(JSON.stringify(seen?.headers).includes("of-the-agent"), false);
  assert.equal(seen?.headers["x-amzn-bedrock-guardrailidentifier"], undefined);
  assert.equal(seen?.headers["authorization"], isSigned ? signatureOf(seen) : undefined);
  assert.equal(seen?.headers["x-amz-security-token"], isSigned ? KEYS.sessionToken : undefined);
  const [call] = await scene.calls(1);
  assert.deepEqual(call?.tokens, { input: 12, output: 5, isEstimated: false });
  assert.equal(call?.path, INVOKE);
  const recorded = JSON.stringify(scene.events);
  for (const secret of Object.values(KEYS).slice(1)) {
    assert.equal(recorded.includes(secret), false);
  }
  await backend.close();
});

/** The signature that the server would make of what it got. */
function signatureOf({ target, headers, body }: FakeBackend["seen"][number]): string {
  const time = headers["x-amz-date"] ?? "";
  const iso = time.replace(
    /^(....)(..)(..)T(..)(..)(..)Z$/,
    (_all, year, month, day, hour, minute, second) =>
      `${year}-${month}-${day}T${hour}:${minute}:${second}Z`,
  );
  const fields = signAws(
    {
      method: "POST",
      host: headers["host"] ?? "",
      target,
      fields: [["content-type", headers["content-type"] ?? ""]],
      payload: sha256(body),
    },
    KEYS,
    { service: "bedrock", region: KEYS.region, nowMs: Date.parse(iso) },
  );
  return fields.find(([name]) => name === "Authorization")?.[1] ?? "";
}

Deno.test("InferenceRouter goes by the model in the path of Bedrock", async () => {
  const backend = new FakeBackend(() => Response.json(REPLY));
  const route = { ...bedrockRoute(backend.port, false), models: ["a:b"] };
  await using scene = await RouterScene.open({ fetch, routes: [routeOf(route)] });
  const other = await scene.fetch("/model/c/invoke", { ...QUESTION, model: "a:b" });
  assert.equal((await other.json()).error.code, "no_compatible_route");
  const same = await scene.fetch("/model/a%3Ab/invoke", { ...QUESTION, model: "c" });
  assert.equal(same.status, 200);
  await same.text();
  assert.equal(JSON.parse(backend.seen[0]!.body).model, "anthropic.claude-x-v1:0");
  await backend.close();
});

Deno.test("InferenceRouter takes keys of AWS out of what a server says about them", async () => {
  const backend = new FakeBackend(({ headers }) =>
    Response.json({
      message: `do not match: x-amz-security-token:${headers["x-amz-security-token"]}`,
    }, {
      status: 403,
    })
  );
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf(bedrockRoute(backend.port, true))],
  });
  const response = await scene.fetch(INVOKE, QUESTION);
  assert.equal(response.status, 403);
  const { message } = await response.json();
  assert.equal(message, "do not match: x-amz-security-token:[REDACTED]");
  await backend.close();
});

Deno.test.each([
  { name: "no JSON", body: "x", status: 400 },
  { name: "a list", body: "[]", status: 400 },
  { name: "a member twice", body: '{"a":1,"a":2}', status: 400 },
  { name: "a body that is too large", body: `{"a":"${"x".repeat(1_000)}"}`, status: 413 },
])("InferenceRouter refuses for Bedrock $name", async ({ body, status }) => {
  const backend = new FakeBackend(() => Response.json(REPLY));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf(bedrockRoute(backend.port, true))],
    limits: { bodyBytesMax: 1_000 },
  });
  const response = await scene.fetch(INVOKE, undefined, { method: "POST", body });
  assert.equal(response.status, status);
  await response.text();
  assert.equal(backend.seen.length, 0);
  await backend.close();
});
