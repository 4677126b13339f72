import assert from "node:assert/strict";
import { createAuthority } from "../../drivers/system/pki/certificate.ts";
import { CertificateDateError } from "../../drivers/system/pki/check_dates.ts";
import { createGateway } from "./gateway_client.ts";
import { GatewayError } from "./gateway_error.ts";
import { TestServer } from "./test_server.ts";
import { CertificateError, openConnection } from "./transport.ts";
import type { Gateway } from "./types.ts";

async function open(endpoint: string, timeoutMs = 5_000): Promise<Gateway> {
  const options = { gateway: "work", endpoint, tls: null, insecure: false };
  const { transport, close } = await openConnection(options);
  return createGateway({ name: "work", endpoint, auth: "plaintext", transport, close, timeoutMs });
}

async function closed(gateway: Gateway): Promise<void> {
  gateway.close();
  // The socket is closed in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("openConnection() reaches a gateway over a socket", async () => {
  await using server = await TestServer.start({
    openshell: { health: () => ({ version: "1.2.3" }) },
  });
  const gateway = await open(server.endpoint);
  assert.equal((await gateway.health()).version, "1.2.3");
  await closed(gateway);
});

Deno.test("openConnection() says when nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const gateway = await open(`http://127.0.0.1:${port}`);
  await assert.rejects(gateway.health(), (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, "unavailable");
    assert.match(error.message, /cannot be reached$/);
    assert.match(error.hint ?? "", /openshell status/);
    return true;
  });
  await closed(gateway);
});

Deno.test("openConnection() ends a call that is not answered", async () => {
  await using server = await TestServer.start({
    openshell: { health: () => new Promise<never>(() => {}) },
  });
  const gateway = await open(server.endpoint, 50);
  await assert.rejects(gateway.health(), /did not answer in time/);
  await closed(gateway);
});

Deno.test("openConnection() says when a stream breaks off", async () => {
  const gone = Promise.withResolvers<void>();
  const server = await TestServer.start({
    openshell: {
      async *watchSandbox() {
        yield { payload: { case: "warning", value: { message: "here" } } };
        await gone.promise;
      },
    },
  });
  const gateway = await open(server.endpoint);
  await assert.rejects(async () => {
    for await (const _ of gateway.watchSandbox("id", new AbortController().signal)) {
      await server[Symbol.asyncDispose]();
    }
  }, GatewayError);
  gone.resolve();
  await closed(gateway);
});

Deno.test("openConnection() says which certificate is missing", async () => {
  const tls = { ca: "/nowhere/ca.crt", certificate: "/nowhere/tls.crt", key: "/nowhere/tls.key" };
  await assert.rejects(
    openConnection({ gateway: "work", endpoint: "https://127.0.0.1", tls, insecure: false }),
    CertificateError,
  );
});

Deno.test("openConnection() says which certificate is not valid by this machine's clock", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const now = new Date(Date.now() + 40 * 86_400_000);
    const options = { commonName: "a", organization: "a", days: 1, extractable: true, now };
    const { certPem } = await createAuthority(options);
    const tls = { ca: `${folder}/ca.crt`, certificate: `${folder}/crt`, key: `${folder}/key` };
    for (const file of Object.values(tls)) await Deno.writeTextFile(file, certPem);
    const endpoint = "https://localhost:1";
    for (const [insecure, file] of [[false, tls.ca], [true, tls.certificate]] as const) {
      await assert.rejects(
        openConnection({ gateway: "work", endpoint, tls, insecure }),
        (error) => error instanceof CertificateDateError && error.message.includes(`"${file}"`),
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
