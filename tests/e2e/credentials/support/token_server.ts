/**
 * A token server that gives each refresh token out once, and writes down what it gave: run as a
 * program of its own.
 *
 * `deno run -A token_server.ts PORT RECORD_FILE FIRST_REFRESH_TOKEN CERTIFICATE_FILE KEY_FILE`.
 *
 * | Path             | Answer                                                        |
 * | ---------------- | ------------------------------------------------------------- |
 * | `/token`         | another pair for the refresh token that it gave last          |
 * | `/short/token`   | a token of ten seconds, for whoever knows the client's secret |
 *
 * @module
 */

class TokenServer {
  readonly #recordFile: string;
  readonly #first: string;
  /** The only refresh token that is good now. */
  #refreshToken: string;

  constructor(recordFile: string, first: string) {
    this.#recordFile = recordFile;
    this.#first = first;
    this.#refreshToken = first;
  }

  async respond(path: string, form: URLSearchParams): Promise<Response> {
    switch (path) {
      case "/token": {
        const given = form.get("refresh_token");
        if (given !== this.#refreshToken) {
          const error_description = `not known: ${given}`;
          return Response.json({ error: "invalid_grant", error_description }, { status: 400 });
        }
        this.#refreshToken = `refresh-${crypto.randomUUID()}`;
        const more = { refresh_token: this.#refreshToken, scope: form.get("scope") };
        return await this.#give("rotated", 3600, more);
      }
      case "/short/token":
        return form.get("client_secret") === this.#first
          ? await this.#give("short", 10, {})
          : Response.json({ error: "invalid_client" }, { status: 401 });
      default:
        return Response.json({ error: "not_there" }, { status: 404 });
    }
  }

  async #give(kind: string, expires_in: number, more: object): Promise<Response> {
    const access_token = `access-${crypto.randomUUID()}`;
    const line = { kind, access_token, refresh_token: this.#refreshToken };
    await Deno.writeTextFile(this.#recordFile, `${JSON.stringify(line)}\n`, { append: true });
    return Response.json({ token_type: "Bearer", access_token, expires_in, ...more });
  }
}

const [portText = "", recordFile = "", first = "", certFile = "", keyFile = ""] = Deno.args;
const tokens = new TokenServer(recordFile, first);
await Deno.writeTextFile(recordFile, "");
Deno.serve(
  {
    hostname: "127.0.0.1",
    port: Number(portText),
    cert: await Deno.readTextFile(certFile),
    key: await Deno.readTextFile(keyFile),
    onListen: () => {},
  },
  async (request) => {
    const { pathname } = new URL(request.url);
    return await tokens.respond(pathname, new URLSearchParams(await request.text()));
  },
);
