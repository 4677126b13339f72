/**
 * A model server of a person's machine, for agents: the fixed conversation of the agents' tests in
 * all three dialects, with its last answer held back for as long as a file is there.
 *
 * `deno run -A held_model.ts PORT RECORD_FILE HOLD_FILE KEY`. Without the key it answers 401.
 *
 * @module
 */

import { answer } from "../../agents/support/conversation.ts";
import { type DialectName, DIALECTS, encodeEvents } from "../../agents/support/dialects.ts";

/** One question that came with the key. */
export interface HeldQuestion {
  readonly path: string;
  /** What the agent's calls have returned so far. */
  readonly results: readonly string[];
  /** Whether the conversation is to end with the answer, which is held back. */
  readonly isLast: boolean;
}

/** Calls that the conversation asks for. */
const CALLS = 4;
const LOOK_MS = 20;

const PATHS: Readonly<Record<string, DialectName>> = {
  "/v1/messages": "messages",
  "/v1/responses": "responses",
  "/v1/chat/completions": "completions",
};

if (import.meta.main) main();

function main(): void {
  const [port = "", recordFile = "", holdFile = "", key = ""] = Deno.args;
  const onListen = () => Deno.writeTextFileSync(recordFile, "");
  Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen }, async (request) => {
    const { pathname: path } = new URL(request.url);
    const given = request.headers.get("x-api-key") ??
      request.headers.get("authorization")?.replace(/^Bearer /, "");
    const body = await request.text();
    const name = PATHS[path];
    if (given !== key) return Response.json({ error: { message: "bad key" } }, { status: 401 });
    if (name === undefined) return Response.json({ data: [] });
    const dialect = DIALECTS[name];
    const question = dialect.read(JSON.parse(body));
    const { results, tools } = question;
    const isLast = tools.length > 0 && results.length === CALLS;
    const seen: HeldQuestion = { path, results, isLast };
    Deno.writeTextFileSync(recordFile, `${JSON.stringify(seen)}\n`, { append: true });
    while (isLast && isThere(holdFile)) await new Promise((done) => setTimeout(done, LOOK_MS));
    const stream = encodeEvents(dialect.write(answer(question), question));
    return new Response(stream, { headers: { "Content-Type": "text/event-stream" } });
  });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
