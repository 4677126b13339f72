/**
 * Servers of everyday tools: git over HTTPS, an npm registry, a Python index and an MCP server.
 *
 * @module
 */

/** Serves repositories by git's own `http-backend`. */
export async function answerGit(
  request: Request,
  body: Uint8Array,
  gitFolder: string,
): Promise<Response> {
  const url = new URL(request.url);
  const child = new Deno.Command("git", {
    args: ["http-backend"],
    clearEnv: true,
    env: {
      PATH: "/usr/bin:/bin",
      GIT_PROJECT_ROOT: gitFolder,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      CONTENT_LENGTH: String(body.length),
      HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
      GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const [{ stdout }] = await Promise.all([
    child.output(),
    writer.write(body).then(() => writer.close()),
  ]);
  return parseCgi(stdout);
}

/** Head and body of a CGI answer. */
function parseCgi(bytes: Uint8Array<ArrayBuffer>): Response {
  const text = new TextDecoder("latin1").decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  const headers = new Headers();
  for (const line of text.slice(0, end).split("\r\n")) {
    const [, name = "", value = ""] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (name !== "") headers.set(name, value);
  }
  const status = Number.parseInt(headers.get("status") ?? "200");
  headers.delete("status");
  return new Response(bytes.slice(end + 4), { status, headers });
}

/** Serves `greeter`, one package of one version, and nothing else. */
export async function answerNpm(url: URL, packageFolder: string): Promise<Response> {
  if (url.pathname === "/greeter") {
    const tarball = `https://${url.host}/greeter/-/greeter-1.0.0.tgz`;
    const version = { name: "greeter", version: "1.0.0", dist: { tarball } };
    return Response.json({
      name: "greeter",
      "dist-tags": { latest: "1.0.0" },
      versions: { "1.0.0": version },
    });
  }
  if (url.pathname === "/greeter/-/greeter-1.0.0.tgz") {
    return new Response(await Deno.readFile(`${packageFolder}/greeter-1.0.0.tgz`));
  }
  return Response.json({ error: "not found" }, { status: 404 });
}

const WHEEL = "greeter-1.0.0-py3-none-any.whl";

/** Serves the same package for Python. */
export async function answerPypi(url: URL, packageFolder: string): Promise<Response> {
  if (url.pathname === "/simple/greeter/") {
    const link = `https://files.pypi.corp.example/packages/${WHEEL}`;
    const page = `<!DOCTYPE html><html><body><a href="${link}">${WHEEL}</a></body></html>`;
    return new Response(page, { headers: { "Content-Type": "text/html" } });
  }
  if (url.pathname === `/packages/${WHEEL}`) {
    return new Response(await Deno.readFile(`${packageFolder}/${WHEEL}`));
  }
  return new Response("not found", { status: 404 });
}

/** An MCP server with one tool, over streamable HTTP. */
export function answerMcp(method: string, body: string): Response {
  if (method !== "POST") return new Response(null, { status: 405 });
  const message = JSON.parse(body);
  if (message.id === undefined) return new Response(null, { status: 202 });
  const result = mcpResult(message.method, message.params);
  const reply = { jsonrpc: "2.0", id: message.id, result };
  return new Response(`event: message\ndata: ${JSON.stringify(reply)}\n\n`, {
    headers: { "Content-Type": "text/event-stream" },
  });
}

function mcpResult(
  method: string,
  params: { protocolVersion?: string; arguments?: { name?: string } },
): unknown {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "greeter", version: "1.0.0" },
      };
    case "tools/list":
      return {
        tools: [{
          name: "greet",
          inputSchema: { type: "object", properties: { name: { type: "string" } } },
        }],
      };
    default:
      return { content: [{ type: "text", text: `Hello, ${params.arguments?.name}.` }] };
  }
}
