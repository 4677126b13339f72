/**
 * Stand-ins for GitHub and for the model of Claude: one process, all names, told apart by `Host`.
 *
 * Started as a program in the network namespace that stands for the internet. It has one argument,
 * a {@link StandInOptions} as JSON, and writes each request to a file, as a line of JSON.
 *
 * @module
 */

import { answer } from "../../agents/support/conversation.ts";
import { DIALECTS, encodeEvents } from "../../agents/support/dialects.ts";
import { answerGit } from "../../agents/support/tool_servers.ts";

export interface StandInOptions {
  readonly address: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Where requests are recorded. */
  readonly recordFile: string;
  /** Folder with bare repositories, `OWNER/NAME.git`. */
  readonly gitFolder: string;
  /** The one token that may write, and the one key of the model. */
  readonly token: string;
}

/** One request that reached a server. */
export interface StandInRequest {
  readonly host: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

if (import.meta.main) main(JSON.parse(Deno.args[0] ?? "{}"));

function main(options: StandInOptions): void {
  const { address, certificateFile, keyFile, recordFile } = options;
  const tls = {
    cert: Deno.readTextFileSync(certificateFile),
    key: Deno.readTextFileSync(keyFile),
  };
  const onListen = () => Deno.writeTextFileSync(recordFile, "");
  Deno.serve({ hostname: address, port: 443, ...tls, onListen }, (request) => {
    record(request, recordFile);
    return handle(request, options);
  });
}

async function handle(request: Request, options: StandInOptions): Promise<Response> {
  const { host, pathname } = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  switch (host) {
    case "github.com":
      return await answerRepository(request, body, options);
    case "api.github.com":
      return answerApi(request, pathname, options);
    case "api.anthropic.com":
      return answerModel(request, body, options);
    default:
      return new Response("Thank you.\n");
  }
}

/** Everybody may clone; a push wants the token, as the password of any name. */
async function answerRepository(
  request: Request,
  body: Uint8Array,
  { gitFolder, token }: StandInOptions,
): Promise<Response> {
  if (!request.url.includes("git-receive-pack") || passwordOf(request) === token) {
    return await answerGit(request, body, gitFolder);
  }
  const headers = { "WWW-Authenticate": 'Basic realm="GitHub"' };
  return new Response("Authentication required\n", { status: 401, headers });
}

/** Everybody may read; writing wants the token. */
function answerApi(request: Request, path: string, { token }: StandInOptions): Response {
  if (request.method === "GET") return new Response("Least privilege is most freedom.\n");
  return request.headers.get("authorization") === `Bearer ${token}`
    ? Response.json({ path }, { status: 201 })
    : Response.json({ message: "Bad credentials" }, { status: 401 });
}

/** The conversation of the agents' tests, for whoever has the key. */
function answerModel(request: Request, body: Uint8Array, { token }: StandInOptions): Response {
  if (request.headers.get("x-api-key") !== token) {
    return Response.json({ error: { message: "invalid x-api-key" } }, { status: 401 });
  }
  if (request.method !== "POST") return Response.json({ data: [] });
  const { read, write } = DIALECTS.messages;
  const question = read(JSON.parse(new TextDecoder().decode(body)));
  const stream = encodeEvents(write(answer(question), question));
  return new Response(stream, { headers: { "Content-Type": "text/event-stream" } });
}

function passwordOf(request: Request): string | null {
  const [, encoded] = /^Basic (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  return encoded === undefined ? null : atob(encoded).replace(/^[^:]*:/, "");
}

function record({ url, method, headers }: Request, recordFile: string): void {
  const { host, pathname, search } = new URL(url);
  const seen: StandInRequest = {
    ...{ host, method, path: pathname + search },
    headers: Object.fromEntries(headers),
  };
  Deno.writeTextFileSync(recordFile, `${JSON.stringify(seen)}\n`, { append: true });
}
