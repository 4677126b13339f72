import assert from "node:assert/strict";
import { recogniseCall } from "./protocols.ts";

Deno.test.each([
  { method: "POST", target: "/v1/chat/completions", want: "openai_chat_completions" },
  { method: "POST", target: "/v1/completions", want: "openai_completions" },
  { method: "POST", target: "/v1/responses?x=1", want: "openai_responses" },
  { method: "POST", target: "/v1/embeddings", want: "openai_embeddings" },
  { method: "POST", target: "/v1/messages?beta=true", want: "anthropic_messages" },
  { method: "POST", target: "https://inference.local/v1/messages", want: "anthropic_messages" },
  { method: "GET", target: "/v1/models", want: "model_discovery" },
  { method: "GET", target: "/v1/models/meta/llama-3.1:8b", want: "model_discovery" },
  { method: "GET", target: "/v1/models/meta%2Fllama", want: "model_discovery" },
  { method: "GET", target: "/v1/chat/completions", want: undefined },
  { method: "DELETE", target: "/v1/models/a", want: undefined },
  { method: "POST", target: "/v1/models", want: undefined },
  { method: "POST", target: "/v1/files", want: undefined },
  { method: "POST", target: "/V1/messages", want: undefined },
  { method: "POST", target: "/v1/messages/", want: undefined },
  { method: "POST", target: "//v1/messages", want: undefined },
  { method: "POST", target: "/v1/chat%2fcompletions", want: undefined },
  { method: "POST", target: "/v1/x/../messages", want: undefined },
  { method: "GET", target: "/v1/models/..", want: undefined },
  { method: "GET", target: "/v1/models/../files", want: undefined },
  { method: "GET", target: "/v1/models/%2e%2e", want: undefined },
  { method: "GET", target: "/v1/models/a/./b", want: undefined },
  { method: "GET", target: "/v1/models//a", want: undefined },
  { method: "POST", target: "/model/claude/invoke", want: "aws_bedrock_invoke" },
  { method: "POST", target: "/model/a.b-v1%3A0/invoke?x=1", want: "aws_bedrock_invoke" },
  { method: "POST", target: "/model/arn%3Aaws%3Ax%2Fy/invoke", want: "aws_bedrock_invoke" },
  { method: "GET", target: "/model/claude/invoke", want: undefined },
  { method: "POST", target: "/model/claude/invoke-with-response-stream", want: undefined },
  { method: "POST", target: "/model/claude/converse", want: undefined },
  { method: "POST", target: "/model/claude/invoke/", want: undefined },
  { method: "POST", target: "/model/a/b/invoke", want: undefined },
  { method: "POST", target: "/model//invoke", want: undefined },
  { method: "POST", target: "/model/../invoke", want: undefined },
  { method: "POST", target: "/model/%2e%2e/invoke", want: undefined },
  { method: "POST", target: "/model/a%0ab/invoke", want: undefined },
  { method: "OPTIONS", target: "*", want: undefined },
])("recogniseCall() takes $method $target for $want", ({ method, target, want }) => {
  assert.equal(recogniseCall(method, target)?.protocol, want);
});

Deno.test.each([
  { target: "/v1/messages?beta=true&key=secret", want: "?beta=true" },
  { target: "/v1/chat/completions?api-version=1", want: "" },
  { target: "/v1/messages?beta=true?x", want: "" },
])("recogniseCall() keeps of the query of $target only $want", ({ target, want }) => {
  assert.equal(recogniseCall("POST", target)?.query, want);
});

Deno.test.each([
  { target: "/model/arn%3Aaws%3Ax%2fy%40z/invoke", want: "arn:aws:x/y@z" },
  { target: "/v1/messages", want: null },
])("recogniseCall() reads from the path of $target the model $want", ({ target, want }) => {
  assert.equal(recogniseCall("POST", target)?.model, want);
});
