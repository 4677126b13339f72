/**
 * The model server of the benchmark: it thinks for no time. Prints its port.
 *
 * @module
 */

const UTF8 = new TextEncoder();

function eventAt(index: number): Uint8Array {
  const choices = [{ index: 0, delta: { content: ` word${index}` }, finish_reason: null }];
  const value = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, choices };
  return UTF8.encode(`data: ${JSON.stringify(value)}\n\n`);
}

interface Asked {
  readonly stream?: boolean;
  /** Events of the stream, and milliseconds between them. */
  readonly events?: number;
  readonly everyMs?: number;
}

function stream({ events = 0, everyMs = 0 }: Asked): Response {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (everyMs > 0 && sent > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
      controller.enqueue(eventAt(sent));
      sent += 1;
      if (sent === events) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

if (import.meta.main) {
  const onListen = ({ port }: Deno.NetAddr) => console.log(port);
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, async (request) => {
    const asked: Asked = await request.json();
    if (asked.stream === true) return stream(asked);
    return Response.json({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } });
  });
}
