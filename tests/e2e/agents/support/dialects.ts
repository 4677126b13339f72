/**
 * The three ways that agents speak to a model: Anthropic messages, OpenAI responses and chat
 * completions. Each reads a request, and writes a turn as the events of a stream.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { Question, Tool, Turn } from "./conversation.ts";

/** JSON of a request, which only this file looks into. */
type Json = Readonly<Record<string, unknown>>;

/** One event of a stream: its name, where the dialect has names, and its data. */
export interface StreamEvent {
  readonly name?: string;
  readonly data: Json | string;
}

export interface Dialect {
  readonly read: (body: Json) => Question;
  readonly write: (turn: Turn, question: Question) => readonly StreamEvent[];
}

export type DialectName = "messages" | "responses" | "completions";

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  messages: { read: readMessages, write: writeMessages },
  responses: { read: readResponses, write: writeResponses },
  completions: { read: readCompletions, write: writeCompletions },
};

/** Returns the bytes of a stream of events. */
export function encodeEvents(events: readonly StreamEvent[]): string {
  return events.map(({ name, data }) => {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    return `${name === undefined ? "" : `event: ${name}\n`}data: ${text}\n\n`;
  }).join("");
}

function readMessages(body: Json): Question {
  const tools = list(body.tools).map((tool) => toolOf(tool.name, tool.input_schema));
  const blocks = list(body.messages).flatMap(({ content }) =>
    Array.isArray(content) ? list(content) : []
  );
  const results = blocks.filter(({ type }) => type === "tool_result")
    .map(({ content }) => textOf(content));
  return { model: String(body.model), tools, results };
}

function writeMessages(turn: Turn, { model, results }: Question): readonly StreamEvent[] {
  const usage = { input_tokens: 10, output_tokens: 10 };
  const start = turn.kind === "text" ? { type: "text", text: "" } : {
    type: "tool_use",
    id: `toolu_${results.length}`,
    name: turn.tool,
    input: {},
  };
  const delta = turn.kind === "text"
    ? { type: "text_delta", text: turn.text }
    : { type: "input_json_delta", partial_json: JSON.stringify(turn.input) };
  const message = {
    ...{ id: `msg_${results.length}`, type: "message", role: "assistant", model, content: [] },
    ...{ stop_reason: null, stop_sequence: null, usage },
  };
  const stop_reason = turn.kind === "text" ? "end_turn" : "tool_use";
  return [
    { type: "message_start", message },
    { type: "content_block_start", index: 0, content_block: start },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage },
    { type: "message_stop" },
  ].map((data) => ({ name: data.type, data }));
}

function readResponses(body: Json): Question {
  // Codex sends its tools as an item of the conversation, in groups.
  const offered = [body, ...list(body.input)].flatMap((each) => list(each.tools))
    .flatMap((tool) => tool.type === "namespace" ? list(tool.tools) : [tool]);
  const tools = offered.filter(({ type }) => type === "function" || type === "custom")
    .map((tool) => toolOf(tool.name, tool.parameters));
  const results = list(body.input)
    .filter(({ type }) => String(type).endsWith("_call_output"))
    .map(({ output }) => textOf(output));
  return { model: String(body.model), tools, results };
}

function writeResponses(turn: Turn, { model, results }: Question): readonly StreamEvent[] {
  const id = String(results.length);
  const item = responseItem(turn, id);
  const response = { id: `resp_${id}`, object: "response", model, status: "completed" };
  const usage = {
    ...{ input_tokens: 10, output_tokens: 10, total_tokens: 20 },
    ...{ input_tokens_details: null, output_tokens_details: null },
  };
  return [
    { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { ...response, output: [item], usage } },
  ].map((data) => ({ name: data.type, data }));
}

function responseItem(turn: Turn, id: string): Json {
  if (turn.kind === "text") {
    const content = [{ type: "output_text", text: turn.text, annotations: [] }];
    return { type: "message", id: `msg_${id}`, role: "assistant", status: "completed", content };
  }
  const place = { call_id: `call_${id}`, name: turn.tool, status: "completed" };
  return typeof turn.input === "string"
    ? { type: "custom_tool_call", id: `ctc_${id}`, ...place, input: turn.input }
    : { type: "function_call", id: `fc_${id}`, ...place, arguments: JSON.stringify(turn.input) };
}

function readCompletions(body: Json): Question {
  const tools = list(body.tools).map((tool) => {
    const { name, parameters } = tool.function as Json;
    return toolOf(name, parameters);
  });
  const results = list(body.messages).filter(({ role }) => role === "tool")
    .map(({ content }) => textOf(content));
  return { model: String(body.model), tools, results };
}

function writeCompletions(turn: Turn, { model, results }: Question): readonly StreamEvent[] {
  const call = (index: number) => ({
    index,
    id: `call_${results.length}`,
    type: "function",
    function: turn.kind === "text"
      ? {}
      : { name: turn.tool, arguments: JSON.stringify(turn.input) },
  });
  const delta = turn.kind === "text"
    ? { role: "assistant", content: turn.text }
    : { role: "assistant", content: null, tool_calls: [call(0)] };
  const base = {
    id: `chatcmpl-${results.length}`,
    object: "chat.completion.chunk",
    created: 1,
    model,
  };
  const reason = turn.kind === "text" ? "stop" : "tool_calls";
  const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
  return [
    { data: { ...base, choices: [{ index: 0, delta, finish_reason: null }] } },
    { data: { ...base, choices: [{ index: 0, delta: {}, finish_reason: reason }], usage } },
    { data: "[DONE]" },
  ];
}

function toolOf(name: unknown, schema: unknown): Tool {
  const properties = (schema as Json | undefined)?.properties as Json | undefined ?? {};
  const parameters = Object.entries(properties)
    .map(([key, value]) => [key, String((value as Json).type)]);
  return { name: String(name), parameters: Object.fromEntries(parameters) };
}

/** Text, or a list of parts with text. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content ?? "");
  return list(content).map(({ text }) => typeof text === "string" ? text : "").join("");
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
