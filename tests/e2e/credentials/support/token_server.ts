/**
 * A token server that gives each refresh token out once, and writes down what it gave: run as a
 * program of its own.
 *
 * `deno run -A token_server.ts PORT RECORD_FILE FIRST_REFRESH_TOKEN`.
 *
 * | Path             | Answer                                                        |
 * | ---------------- | ------------------------------------------------------------- |
 * | `/token`         | another pair for the refresh token that it gave last          |
 * | `/short/token`   | a token of ten seconds, for whoever knows the client's secret |
 *
 * @module
 */

const [portText = "", recordFile = "", first = ""] = Deno.args;

/** The only refresh token that is good now. */
let refreshToken = first;
let count = 0;

async function respond(path: string, form: URLSearchParams): Promise<Response> {
  switch (path) {
    case "/token": {
      if (form.get("refresh_token") !== refreshToken) {
        const error_description = `not known: ${form.get("refresh_token")}`;
        return Response.json({ error: "invalid_grant", error_description }, { status: 400 });
      }
      refreshToken = `refresh-${crypto.randomUUID()}`;
      const more = { refresh_token: refreshToken, scope: form.get("scope") };
      return await give("rotated", 3600, more);
    }
    case "/short/token":
      return form.get("client_secret") === first
        ? await give("short", 10, {})
        : Response.json({ error: "invalid_client" }, { status: 401 });
    default:
      return Response.json({ error: "not_there" }, { status: 404 });
  }
}

async function give(kind: string, expires_in: number, more: object): Promise<Response> {
  const access_token = `access-${crypto.randomUUID()}`;
  const line = { number: ++count, kind, access_token, refresh_token: refreshToken };
  await Deno.writeTextFile(recordFile, `${JSON.stringify(line)}\n`, { append: true });
  return Response.json({ token_type: "Bearer", access_token, expires_in, ...more });
}

await Deno.writeTextFile(recordFile, "");
Deno.serve(
  { hostname: "127.0.0.1", port: Number(portText), onListen: () => {} },
  async (request) => {
    const { pathname } = new URL(request.url);
    return await respond(pathname, new URLSearchParams(await request.text()));
  },
);
