import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import {
  GetInferenceBundleResponseSchema,
} from "../../../proto/gen/openshell/inference/v1/inference_pb.ts";
import { InferenceRoutes, readBaseUrl, targetAt } from "./inference_routes.ts";
import { OPERATOR_KEY, type RouteFields, routeOf } from "./router_fixture.ts";

function routesOf(...fields: readonly RouteFields[]): InferenceRoutes {
  const routes = fields.map(routeOf);
  return new InferenceRoutes(create(GetInferenceBundleResponseSchema, { routes }));
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
  assert.equal(targetAt(route!, { path: "/v1/chat/completions", query: "" }), want);
});

Deno.test("targetAt() takes a path of the route's own", () => {
  const [route] = routesOf({ requestPathOverride: "/own/path" }).routes;
  assert.equal(targetAt(route!, { path: "/v1/messages", query: "?beta=true" }), "/own/path");
});

Deno.test("InferenceRoutes shows no key by being printed", () => {
  const routes = routesOf({});
  for (
    const text of [Deno.inspect(routes, { depth: 9, showHidden: true }), JSON.stringify(routes)]
  ) {
    assert.equal(text.includes(OPERATOR_KEY), false);
  }
  assert.equal(routes.redact(routes.routes[0]!, `a ${OPERATOR_KEY} b`), "a [REDACTED] b");
});

Deno.test("readBaseUrl() reads an address of IPv6", () => {
  assert.deepEqual(readBaseUrl("http://[::1]:8000/v1"), {
    scheme: "http",
    host: "::1",
    port: 8000,
    basePath: "/v1",
  });
});
