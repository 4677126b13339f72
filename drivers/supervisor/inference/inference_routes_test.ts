import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import {
  type AwsSigning,
  AwsSigningSchema,
  GetInferenceBundleResponseSchema,
} from "../../../proto/gen/openshell/inference/v1/inference_pb.ts";
import { InferenceRoutes, readBaseUrl, targetAt } from "./inference_routes.ts";
import { OPERATOR_KEY, type RouteFields, routeOf } from "./router_fixture.ts";

function routesOf(...fields: readonly RouteFields[]): InferenceRoutes {
  const routes = fields.map(routeOf);
  return new InferenceRoutes(create(GetInferenceBundleResponseSchema, { routes }));
}

const VERTEX = {
  baseUrl:
    "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic/models",
  providerType: "google-vertex-ai",
  protocols: ["anthropic_messages"],
  modelInPath: true,
  modelId: "claude-x@20250101",
};

const BEDROCK = {
  baseUrl: "https://bedrock-runtime.us-east-1.amazonaws.com",
  providerType: "aws-bedrock",
  protocols: ["aws_bedrock_invoke"],
  modelInPath: true,
  modelId: "anthropic.claude-x-v1:0",
  apiKey: "",
};

function vertex(protocols: string[]): RouteFields {
  return { ...VERTEX, protocols };
}

function signed(fields: Partial<AwsSigning> = {}): RouteFields {
  const awsSigning = create(AwsSigningSchema, {
    ...{ region: "us-east-1", accessKeyId: "AKIDCANARY", secretAccessKey: "secret-canary" },
    ...{ sessionToken: "token-canary", ...fields },
  });
  return { ...BEDROCK, awsSigning };
}

Deno.test.each([
  { model: "a", want: ["named", "other", "any"] },
  { model: "z", want: ["other", "any"] },
  { model: null, want: ["named", "other", "any"] },
])("InferenceRoutes.find() for model $model is $want", ({ model, want }) => {
  const routes = routesOf(
    { name: "any", priority: 2 },
    { name: "other", priority: 1 },
    { name: "named", priority: 1, models: ["a", "b"] },
    { name: "claude", protocols: ["anthropic_messages"] },
    { name: "sandbox-system" },
  );
  const found = routes.find("openai_chat_completions", model).map(({ name }) => name);
  assert.deepEqual(found, want);
});

Deno.test.each([
  { name: "another scheme", fields: { baseUrl: "ftp://a.example" }, want: /base URL/ },
  { name: "a user", fields: { baseUrl: "https://u:p@a.example" }, want: /base URL/ },
  { name: "a query", fields: { baseUrl: "https://a.example/?k=1" }, want: /base URL/ },
  { name: "dots", fields: { baseUrl: "https://a.example/v1/../x" }, want: /base URL/ },
  { name: "no port", fields: { baseUrl: "https://a.example:0" }, want: /base URL/ },
  { name: "a short address", fields: { baseUrl: "http://127.1/v1" }, want: /base URL/ },
  { name: "a line end in its key", fields: { apiKey: "a\r\nX: y" }, want: /key/ },
  { name: "space around its key", fields: { apiKey: "a " }, want: /key/ },
  { name: "no model", fields: { modelId: "" }, want: /model/ },
  { name: "a model in its path", fields: { modelInPath: true }, want: /path/ },
  { name: "another protocol of Vertex", fields: vertex(["x"]), want: /path/ },
  {
    name: "more protocols than Vertex has",
    fields: vertex([...VERTEX.protocols, "model_discovery"]),
    want: /path/,
  },
  { name: "two paths", fields: { ...VERTEX, requestPathOverride: "/x" }, want: /path/ },
  { name: "the caller's path", fields: { ...BEDROCK, modelInPath: false }, want: /path/ },
  { name: "dots for a model", fields: { ...BEDROCK, modelId: ".." }, want: /path/ },
  { name: "half of its keys", fields: signed({ secretAccessKey: "" }), want: /key/ },
  { name: "no key's name", fields: signed({ accessKeyId: "" }), want: /key/ },
  { name: "a key's name with a comma", fields: signed({ accessKeyId: "A,B" }), want: /key/ },
  { name: "no region", fields: signed({ region: "" }), want: /key/ },
  { name: "a path for a region", fields: signed({ region: "us-east-1/x" }), want: /key/ },
  { name: "a line end in its token", fields: signed({ sessionToken: "a\nb" }), want: /key/ },
  { name: "a key and a signature", fields: { ...signed(), apiKey: "k" }, want: /key/ },
  { name: "a path with a query", fields: { requestPathOverride: "/x?y" }, want: /path/ },
])("InferenceRoutes leaves out a route with $name", ({ fields, want }) => {
  const { problems, isEmpty } = routesOf(fields);
  assert.equal(isEmpty, true);
  assert.match(problems[0] ?? "", want);
});

Deno.test.each([
  { base: "https://api.openai.com/v1", want: "/v1/chat/completions" },
  { base: "https://api.openai.com/v1/", want: "/v1/chat/completions" },
  { base: "https://api.deepinfra.com/v1/openai", want: "/v1/openai/chat/completions" },
  { base: "http://127.0.0.1:1234", want: "/v1/chat/completions" },
  { base: "http://127.0.0.1:1234/proxy", want: "/proxy/v1/chat/completions" },
  { base: "https://a.example/v1beta/x", want: "/v1beta/x/chat/completions" },
])("targetAt() of $base is $want", ({ base, want }) => {
  const [route] = routesOf({ baseUrl: base }).routes;
  assert.equal(
    targetAt(route!, { path: "/v1/chat/completions", query: "", isStream: false }),
    want,
  );
});

Deno.test("targetAt() takes a path of the route's own", () => {
  const [route] = routesOf({ requestPathOverride: "/own/path" }).routes;
  assert.equal(
    targetAt(route!, { path: "/v1/messages", query: "?beta=true", isStream: true }),
    "/own/path",
  );
});

Deno.test.each([
  { fields: VERTEX, isStream: false, want: "/claude-x@20250101:rawPredict" },
  { fields: VERTEX, isStream: true, want: "/claude-x@20250101:streamRawPredict" },
  { fields: { ...VERTEX, modelId: "../x?y" }, want: "/..%2Fx%3Fy:rawPredict" },
  { fields: BEDROCK, want: "/model/anthropic.claude-x-v1%3A0/invoke" },
  { fields: BEDROCK, isStream: true, want: "/model/anthropic.claude-x-v1%3A0/invoke" },
  { fields: { ...BEDROCK, modelId: "arn:aws:x/y" }, want: "/model/arn%3Aaws%3Ax%2Fy/invoke" },
])("targetAt() has the route's model in its path $want", ({ fields, isStream = false, want }) => {
  const [route] = routesOf(fields).routes;
  const { basePath } = readBaseUrl(fields.baseUrl)!;
  const call = { path: "/model/of-the-caller/invoke", query: "?beta=true", isStream };
  assert.equal(targetAt(route!, call), basePath + want);
});

Deno.test.each([
  { name: "a key", fields: {}, keys: [OPERATOR_KEY] },
  { name: "keys of AWS", fields: signed(), keys: ["secret-canary", "token-canary", "AKIDCANARY"] },
])("InferenceRoutes shows $name neither by being printed nor in a text", ({ fields, keys }) => {
  const routes = routesOf(fields);
  for (
    const text of [Deno.inspect(routes, { depth: 9, showHidden: true }), JSON.stringify(routes)]
  ) {
    for (const key of keys) assert.equal(text.includes(key), false);
  }
  for (const key of keys) {
    assert.equal(routes.redact(routes.routes[0]!, `a ${key} b`), "a [REDACTED] b");
  }
});

Deno.test("readBaseUrl() reads an address of IPv6", () => {
  assert.deepEqual(readBaseUrl("http://[::1]:8000/v1"), {
    scheme: "http",
    host: "::1",
    port: 8000,
    basePath: "/v1",
  });
});
