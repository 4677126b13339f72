import assert from "node:assert/strict";
import { createAuthority, issueCertificate } from "../../../drivers/system/pki/certificate.ts";
import { MintError } from "./refresh_errors.ts";
import { sendTokenRequest } from "./send_token_request.ts";

/** Serves on this machine while `body` runs. */
async function withServer(
  respond: (request: Request) => Response | Promise<Response>,
  body: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, respond);
  try {
    await body(`http://127.0.0.1:${server.addr.port}/token`);
  } finally {
    await server.shutdown();
  }
}

const REQUEST = { headers: { "x-a": "b" }, body: "the-secret-itself" };

function failsWith(code: string, detail: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof MintError, String(error));
    assert.equal(error.code, code);
    assert.match(error.detail, detail);
    assert.ok(!error.detail.includes("the-secret-itself"));
    return true;
  };
}

Deno.test("sendTokenRequest() posts a body, and returns what comes back", async () => {
  const respond = async (request: Request) =>
    Response.json([request.method, request.headers.get("x-a"), await request.text()], {
      status: 418,
    });
  await withServer(respond, async (url) => {
    const { status, body } = await sendTokenRequest({ url, ...REQUEST });
    assert.equal(status, 418);
    assert.deepEqual(JSON.parse(body), ["POST", "b", "the-secret-itself"]);
  });
});

Deno.test("sendTokenRequest() follows no redirection", async () => {
  const paths: string[] = [];
  const respond = (request: Request) => {
    paths.push(new URL(request.url).pathname);
    return new Response(null, { status: 307, headers: { location: "/elsewhere" } });
  };
  await withServer(respond, async (url) => {
    assert.equal((await sendTokenRequest({ url, ...REQUEST })).status, 307);
    assert.deepEqual(paths, ["/token"]);
  });
});

Deno.test("sendTokenRequest() reads no more than it may", async () => {
  await withServer(() => new Response("x".repeat(101)), async (url) => {
    const sent = sendTokenRequest({ url, ...REQUEST }, { bytesMax: 100 });
    await assert.rejects(sent, failsWith("failed_precondition", /more than 100 bytes/));
  });
});

Deno.test("sendTokenRequest() waits no longer than it may", async () => {
  const held = Promise.withResolvers<Response>();
  await withServer(() => held.promise, async (url) => {
    const sent = sendTokenRequest({ url, ...REQUEST }, { msMax: 50 });
    await assert.rejects(sent, failsWith("unavailable", /within 0.05 seconds/));
    held.resolve(new Response());
  });
});

Deno.test("sendTokenRequest() says where nothing can be reached", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const sent = sendTokenRequest({ url: `http://127.0.0.1:${port}/`, ...REQUEST });
  await assert.rejects(sent, failsWith("unavailable", /cannot be reached/));
});

Deno.test("sendTokenRequest() trusts what the machine trusts, and nobody else", async () => {
  const authority = await createAuthority({
    organization: "test",
    commonName: "test",
    days: 1,
    extractable: false,
  });
  const { certPem, keyPem } = await issueCertificate(authority, {
    commonName: "localhost",
    dnsNames: ["localhost"],
    ipAddresses: [],
    usage: "server",
    days: 1,
  });
  const certificates = authority.certPem;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: certPem, key: keyPem, onListen: () => {} },
    () => Response.json({}),
  );
  try {
    const request = { url: `https://localhost:${server.addr.port}/`, ...REQUEST };
    assert.equal((await sendTokenRequest(request, { certificates })).status, 200);
    const untrusted = sendTokenRequest(request);
    await assert.rejects(untrusted, failsWith("unavailable", /certificate .* is not trusted here/));
    const elsewhere = { ...request, url: request.url.replace("localhost", "127.0.0.1") };
    const wrongName = sendTokenRequest(elsewhere, { certificates });
    await assert.rejects(wrongName, failsWith("unavailable", /not trusted here/));
  } finally {
    await server.shutdown();
  }
});
