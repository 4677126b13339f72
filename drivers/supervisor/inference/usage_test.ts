import assert from "node:assert/strict";
import { INFERENCE_METERED_BYTES_MAX } from "../../../proto/inference_limits.ts";
import { type ReplyForm, UsageMeter } from "./usage.ts";

const ENCODER = new TextEncoder();

function measure(
  text: string,
  { form = "events" as ReplyForm, piece = 7, isWhole = true, requestBytes = 400 } = {},
) {
  const meter = new UsageMeter(form);
  const bytes = ENCODER.encode(text);
  for (let at = 0; at < bytes.length; at += piece) meter.push(bytes.subarray(at, at + piece));
  if (isWhole) meter.end();
  return meter.usage(requestBytes);
}

const OPENAI = 'data: {"choices":[{"delta":{"content":"é"}}],"usage":null}\n\n' +
  'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5}}\n\ndata: [DONE]\n\n';

const ANTHROPIC = 'event: message_start\r\ndata: {"type":"message_start","message":{"usage":' +
  '{"input_tokens":10,"cache_read_input_tokens":90,"output_tokens":1}}}\r\n\r\n' +
  'event: message_delta\r\ndata: {"type":"message_delta","usage":{"output_tokens":42}}\r\n\r\n';

Deno.test.each([
  { name: "OpenAI", text: OPENAI, want: [11, 5] },
  { name: "Anthropic, with its cache", text: ANTHROPIC, want: [100, 42] },
  {
    name: "responses",
    text:
      'data: {"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":4}}}\n\n',
    want: [3, 4],
  },
])("UsageMeter reads an event stream of $name", ({ text, want: [input, output] }) => {
  for (const piece of [1, 7, 4096]) {
    assert.deepEqual(measure(text, { piece }), { input, output, isEstimated: false });
  }
});

Deno.test.each([
  { name: "a chat", value: { usage: { prompt_tokens: 7, completion_tokens: 3 } }, want: [7, 3] },
  { name: "a message", value: { usage: { input_tokens: 7, output_tokens: 3 } }, want: [7, 3] },
  { name: "embeddings", value: { usage: { prompt_tokens: 8, total_tokens: 8 } }, want: [8, 0] },
])("UsageMeter reads $name", ({ value, want: [input, output] }) => {
  const got = measure(JSON.stringify(value), { form: "json" });
  assert.deepEqual(got, { input, output, isEstimated: false });
});

Deno.test.each([
  { name: "says nothing", text: "data: {}\n\ndata: {}\n\n", want: [100, 2] },
  { name: "was left early", text: OPENAI.slice(0, 70), isWhole: false, want: [100, 1] },
  { name: "lies about it", text: 'data: {"usage":{"prompt_tokens":-1}}\n\n', want: [100, 1] },
  { name: "is compressed", text: "x".repeat(40), form: "opaque" as const, want: [100, 10] },
  { name: "is no JSON", text: "x".repeat(40), form: "json" as const, want: [100, 10] },
])("UsageMeter estimates where a reply $name", ({ text, want: [input, output], ...options }) => {
  assert.deepEqual(measure(text, options), { input, output, isEstimated: true });
});

Deno.test("UsageMeter goes on after a line that is too long", () => {
  const long = `data: ${"x".repeat(INFERENCE_METERED_BYTES_MAX)}\n\n`;
  assert.deepEqual(measure(long + OPENAI, { piece: 65_536 }), {
    input: 11,
    output: 5,
    isEstimated: false,
  });
});

Deno.test.each([
  { name: "what AWS says in the head", head: "11", body: "{}", want: [11, 5, false] },
  {
    name: "what is larger",
    head: "11",
    body: '{"usage":{"input_tokens":90}}',
    want: [90, 5, false],
  },
  { name: "nothing that is no count", head: "-1", body: "{}", want: [100, 5, true] },
])("UsageMeter takes $name", ({ head, body, want: [input, output, isEstimated] }) => {
  const meter = new UsageMeter("json");
  meter.takeHead([
    ["X-Amzn-Bedrock-Input-Token-Count", head],
    ["X-Amzn-Bedrock-Output-Token-Count", "5"],
  ]);
  meter.push(ENCODER.encode(body));
  meter.end();
  assert.deepEqual(meter.usage(400), { input, output, isEstimated });
});
