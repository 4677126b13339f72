import assert from "node:assert/strict";
import fc from "fast-check";
import { INFERENCE_MEMBERS_MAX } from "../../../proto/inference_limits.ts";
import { type Dialect, dialectInPath, PLAIN } from "./dialects.ts";
import { type ModelBody, readModelBody } from "./model_body.ts";
import type { ProtocolId } from "./protocols.ts";

const CHAT = "openai_chat_completions";

function read(text: string, protocol: ProtocolId = CHAT): ModelBody {
  const form = readModelBody(new TextEncoder().encode(text), protocol);
  assert.equal(form.ok, true);
  return (form as { body: ModelBody }).body;
}

function rewrite(text: string, asksUsage = false, { body: rules }: Dialect = PLAIN): string {
  return new TextDecoder().decode(read(text).write("m", { asksUsage, rules }));
}

const VERSION = '"anthropic_version":"vertex-2023-10-16"';

Deno.test.each([
  { text: '{"model":"a","n":1}', want: `{${VERSION},"n":1}` },
  { text: '{"n":1,"model":"a"}', want: `{${VERSION},"n":1}` },
  { text: '{"a":1 , "model":"x", "b" : 2}', want: `{${VERSION},"a":1 , "b" : 2}` },
  { text: '{"context_management":{"a":[1,2]},"model":"a"}', want: `{${VERSION}}` },
  { text: "{}", want: `{${VERSION}}` },
  { text: '{"anthropic_version":"x","model":"a"}', want: `{${VERSION}}` },
  { text: '{"m\\u006fdel":"a","stream":true}', want: `{${VERSION},"stream":true}` },
  {
    text: '{"messages":[{"model":"kept","context_management":1}],"model":"a"}',
    want: `{${VERSION},"messages":[{"model":"kept","context_management":1}]}`,
  },
])("ModelBody.write() for Claude of Vertex turns $text to $want", ({ text, want }) => {
  assert.equal(rewrite(text, false, dialectInPath("google-vertex-ai")!), want);
});

Deno.test.each([
  { text: '{"max_tokens": 1}', want: '{"max_tokens": 1}' },
  { text: '{"model":"a","n":1}', want: '{"model":"m","n":1}' },
  { text: '{"anthropic_version":"bedrock-2023-05-31"}', want: null },
  { text: "{ }", want: "{}" },
])("ModelBody.write() for Bedrock turns $text to $want", ({ text, want }) => {
  assert.equal(rewrite(text, false, dialectInPath("aws-bedrock")!), want ?? text);
});

Deno.test.each([
  { text: '{"model":"a","n":1}', want: '{"model":"m","n":1}' },
  { text: "{}", want: '{"model":"m"}' },
  { text: ' {"n": 1e400 } ', want: '{"model":"m","n": 1e400 } ' },
  { text: '{"\\u006dodel" : "a"}', want: '{"\\u006dodel" : "m"}' },
  { text: '{"a":{"model":"x"},"model":null,"b":"}\\""}', want: null },
  {
    text: '{"a":{"model":"x"},"model":"y","b":"}\\""}',
    want: '{"a":{"model":"x"},"model":"m","b":"}\\""}',
  },
  { text: '{"a":["{",["\\\\"]],"model":"y"}', want: '{"a":["{",["\\\\"]],"model":"m"}' },
])("readModelBody() forces the model of $text", ({ text, want }) => {
  if (want === null) {
    const form = readModelBody(new TextEncoder().encode(text), CHAT);
    return assert.equal(form.ok, false);
  }
  assert.equal(rewrite(text), want);
});

Deno.test.each([
  { name: "no JSON", text: "model=a", want: /not valid JSON/ },
  { name: "nothing", text: "", want: /not valid JSON/ },
  { name: "a byte order mark", text: '\ufeff{"model":"a"}', want: /not valid JSON/ },
  { name: "two values", text: '{"model":"a"}{"model":"b"}', want: /not valid JSON/ },
  { name: "a list", text: "[]", want: /not a JSON object/ },
  { name: "the model twice", text: '{"model":"a","model":"b"}', want: /twice/ },
  { name: "the model twice by an escape", text: '{"model":"a","mod\\u0065l":"b"}', want: /twice/ },
  { name: "the model in two cases", text: '{"model":"a","Model":"b"}', want: /twice/ },
  { name: "another member in two cases", text: '{"max_tokens":1,"Max_Tokens":2}', want: /twice/ },
  { name: "the model in another case", text: '{"MODEL":"b"}', want: /another case/ },
  { name: "a version in another case", text: '{"Anthropic_Version":"b"}', want: /another case/ },
  { name: "a long s for an s", text: '{"\u017ftream":true}', want: /another case/ },
  { name: "a model that is no text", text: '{"model":["a"]}', want: /not text/ },
  {
    name: "too many members",
    text: `{${Array.from({ length: INFERENCE_MEMBERS_MAX + 1 }, (_, i) => `"k${i}":0`).join(",")}}`,
    want: /too many members/,
  },
])("readModelBody() refuses $name", ({ text, want }) => {
  const form = readModelBody(new TextEncoder().encode(text), CHAT);
  assert.match(form.ok ? "" : form.detail, want);
});

Deno.test("readModelBody() refuses what is not UTF-8", () => {
  const bytes = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
  assert.equal(readModelBody(bytes, CHAT).ok, false);
});

Deno.test.each([
  { text: '{"stream":true}', lacks: true, want: { include_usage: true } },
  {
    text: '{"stream":true,"stream_options":{"x":1,"include_usage":false}}',
    lacks: true,
    want: { x: 1, include_usage: true },
  },
  {
    text: '{"stream":true,"stream_options":{"include_usage":true}}',
    lacks: false,
    want: { include_usage: true },
  },
  { text: '{"stream":true,"stream_options":null}', lacks: true, want: { include_usage: true } },
  { text: '{"stream":false}', lacks: false, want: undefined },
])("readModelBody() has the stream of $text count its tokens", ({ text, lacks, want }) => {
  assert.equal(read(text).lacksUsage, lacks);
  assert.deepEqual(JSON.parse(rewrite(text, true)).stream_options, want);
  const own = JSON.parse(text).stream_options;
  assert.deepEqual(JSON.parse(rewrite(text, false)).stream_options, own);
});

Deno.test("readModelBody() asks no other protocol for its tokens", () => {
  const body = read('{"stream":true}', "anthropic_messages");
  assert.equal(body.lacksUsage, false);
  const text = new TextDecoder().decode(body.write("m", { asksUsage: true }));
  assert.equal("stream_options" in JSON.parse(text), false);
});

Deno.test("readModelBody() changes nothing but the model of any body", () => {
  const anything = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(fc.property(anything, fc.integer({ min: 0, max: 4 }), (value, indent) => {
    const form = readModelBody(new TextEncoder().encode(JSON.stringify(value, null, indent)), CHAT);
    if (!form.ok) return;
    const got = JSON.parse(new TextDecoder().decode(form.body.write("m", { asksUsage: false })));
    assert.deepEqual(got, { ...JSON.parse(JSON.stringify(value)), model: "m" });
  }));
});
