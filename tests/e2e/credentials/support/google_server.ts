/**
 * A stand-in for the token server of Google, run as a program of its own.
 *
 * `deno run -A google_server.ts ADDRESS CERTIFICATE_FILE KEY_FILE REFRESH_TOKEN ACCESS_TOKEN`. It
 * writes a line when it listens. The access token is for whoever has the refresh token and asks as
 * Google's documents say; all others are refused.
 *
 * @module
 */

const [hostname = "", certificateFile = "", keyFile = "", refreshToken = "", accessToken = ""] =
  Deno.args;

const WANTED = {
  grant_type: "refresh_token",
  client_id: "client.apps.example.com",
  client_secret: "client-secret",
  refresh_token: refreshToken,
} as const;

async function respond(request: Request): Promise<Response> {
  const form = new URLSearchParams(await request.text());
  const isGranted = new URL(request.url).pathname === "/token" && request.method === "POST" &&
    Object.entries(WANTED).every(([name, value]) => form.get(name) === value);
  return isGranted
    ? Response.json({ access_token: accessToken, expires_in: 1800, token_type: "Bearer" })
    : Response.json({ error: "invalid_grant" }, { status: 400 });
}

Deno.serve({
  hostname,
  port: 443,
  cert: await Deno.readTextFile(certificateFile),
  key: await Deno.readTextFile(keyFile),
  onListen: () => void Deno.stdout.writeSync(new TextEncoder().encode("ready\n")),
}, respond);
