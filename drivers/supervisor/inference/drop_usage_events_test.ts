import assert from "node:assert/strict";
import { UsageEventFilter } from "./drop_usage_events.ts";

const DELTA = 'data: {"choices":[{"delta":{"content":"é"}}],"usage":null}\n\n';
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n';
const DONE = "data: [DONE]\n\n";

function filter(text: string, piece: number): string {
  const events = new UsageEventFilter();
  const decoder = new TextDecoder();
  const bytes = new TextEncoder().encode(text);
  let out = "";
  for (let at = 0; at < bytes.length; at += piece) {
    out += decoder.decode(events.push(bytes.subarray(at, at + piece)), { stream: true });
  }
  return out + decoder.decode(events.end());
}

Deno.test.each([
  { name: "drops the event that only counts", text: DELTA + USAGE + DONE, want: DELTA + DONE },
  { name: "drops it with CR LF", text: USAGE.replaceAll("\n", "\r\n") + DONE, want: DONE },
  {
    name: "keeps counts beside choices",
    text: 'data: {"choices":[{}],"usage":{"prompt_tokens":1}}\n\n',
    want: 'data: {"choices":[{}],"usage":{"prompt_tokens":1}}\n\n',
  },
  {
    name: "keeps what is not finished",
    text: DELTA + USAGE.slice(0, -1),
    want: DELTA + USAGE.slice(0, -1),
  },
  { name: "keeps what is no JSON", text: 'data: "usage":{"x\n\n', want: 'data: "usage":{"x\n\n' },
])("UsageEventFilter $name", ({ text, want }) => {
  for (const piece of [1, 5, 4096]) assert.equal(filter(text, piece), want);
});

Deno.test("UsageEventFilter holds back no whole event", () => {
  const events = new UsageEventFilter();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(decode(events.push(new TextEncoder().encode(DELTA + "data: {"))), DELTA);
});
