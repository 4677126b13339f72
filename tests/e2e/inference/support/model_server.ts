/**
 * A model server of all kinds, which writes down what reaches it: run as a program of its own.
 *
 * `deno run -A model_server.ts PORT RECORD_FILE KEY [CERTIFICATE_FILE KEY_FILE]`. Without the key it
 * answers 401, but for a call of Bedrock, which has a signature. With a certificate it also serves
 * HTTPS on port 443.
 *
 * @module
 */

const [portText = "", recordFile = "", key = "", certificateFile, keyFile] = Deno.args;

const WORDS = ["Least", " privilege", " is", " most", " freedom."];
const TEXT = WORDS.join("");
const UTF8 = new TextEncoder();

function stream(events: readonly string[]): Response {
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const event of events) {
        controller.enqueue(UTF8.encode(event));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function named(value: { readonly type: string }): string {
  return `event: ${value.type}\n${data(value)}`;
}

interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

function chat({ model, stream: isStream, stream_options: options }: Asked): Response {
  const base = { id: "chatcmpl-1", created: 1, model };
  const usage = { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 };
  if (isStream !== true) {
    const message = { role: "assistant", content: TEXT };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    return Response.json({ ...base, object: "chat.completion", choices, usage });
  }
  const chunk = (delta: unknown, finish: string | null) =>
    data({
      ...base,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
  const last = data({ ...base, object: "chat.completion.chunk", choices: [], usage });
  return stream([
    ...WORDS.map((content) => chunk({ content }, null)),
    chunk({}, "stop"),
    ...options?.include_usage === true ? [last] : [],
    "data: [DONE]\n\n",
  ]);
}

function responses({ model, stream: isStream }: Asked): Response {
  const content = [{ type: "output_text", text: TEXT, annotations: [] }];
  const item = { type: "message", id: "msg_1", role: "assistant", status: "completed", content };
  const usage = { input_tokens: 12, output_tokens: 5, total_tokens: 17 };
  const whole = {
    id: "resp_1",
    object: "response",
    status: "completed",
    model,
    output: [item],
    usage,
  };
  if (isStream !== true) return Response.json(whole);
  const delta = (text: string) => ({
    ...{ type: "response.output_text.delta", item_id: "msg_1", delta: text },
    ...{ output_index: 0, content_index: 0 },
  });
  return stream([
    named({
      type: "response.created",
      ...{ response: { ...whole, status: "in_progress", output: [] } },
    }),
    ...WORDS.map((word) => named(delta(word))),
    named({ type: "response.completed", ...{ response: whole } }),
  ]);
}

function messages({ model, stream: isStream }: Asked): Response {
  const message = { id: "msg_1", type: "message", role: "assistant", model, stop_sequence: null };
  const usage = { input_tokens: 12, output_tokens: 5 };
  if (isStream !== true) {
    const content = [{ type: "text", text: TEXT }];
    return Response.json({ ...message, content, stop_reason: "end_turn", usage });
  }
  const start = {
    ...message,
    content: [],
    stop_reason: null,
    usage: { ...usage, output_tokens: 1 },
  };
  const block = { type: "text", text: "" };
  const delta = (text: string) => ({ index: 0, delta: { type: "text_delta", text } });
  return stream([
    named({ type: "message_start", ...{ message: start } }),
    named({ type: "content_block_start", ...{ index: 0, content_block: block } }),
    ...WORDS.map((word) => named({ type: "content_block_delta", ...delta(word) })),
    named({ type: "content_block_stop", ...{ index: 0 } }),
    named({
      type: "message_delta",
      ...{ delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5 } },
    }),
    named({ type: "message_stop" }),
  ]);
}

function respond(path: string, body: string): Response {
  const asked: Asked = body === "" ? { model: "" } : JSON.parse(body);
  const [, inPath] = /^\/.*\/([^\/]+)(?::(?:streamR|r)awPredict|\/invoke)$/.exec(path) ?? [];
  if (inPath !== undefined) return messages({ ...asked, model: decodeURIComponent(inPath) });
  switch (path) {
    case "/v1/chat/completions":
      return chat(asked);
    case "/v1/responses":
      return responses(asked);
    case "/v1/messages":
      return messages(asked);
    case "/v1/embeddings": {
      const usage = { prompt_tokens: 3, total_tokens: 3 };
      const embedding = { object: "embedding", index: 0, embedding: [0.5, 0.25] };
      return Response.json({ object: "list", model: asked.model, data: [embedding], usage });
    }
    case "/v1/models": {
      const model = { id: "operator-model", object: "model", created: 1, owned_by: "operator" };
      return Response.json({ object: "list", data: [model] });
    }
    default:
      return Response.json({ error: { message: "no such path" } }, { status: 404 });
  }
}

async function serve(request: Request): Promise<Response> {
  const body = await request.text();
  const { pathname } = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  const line = JSON.stringify({ method: request.method, path: pathname, headers, body });
  await Deno.writeTextFile(recordFile, `${line}\n`, { append: true });
  const given = headers["x-api-key"] ?? headers["authorization"]?.replace(/^Bearer /, "");
  const isKnown = pathname.startsWith("/model/") || given === key;
  if (!isKnown) return Response.json({ error: { message: "bad key" } }, { status: 401 });
  return respond(pathname, body);
}

const LOOPBACK = { hostname: "127.0.0.1", onListen: () => {} };
if (certificateFile !== undefined && keyFile !== undefined) {
  const cert = await Deno.readTextFile(certificateFile);
  Deno.serve({ ...LOOPBACK, port: 443, cert, key: await Deno.readTextFile(keyFile) }, serve);
}
Deno.serve({ ...LOOPBACK, port: Number(portText) }, serve);
await Deno.writeTextFile(recordFile, "");
