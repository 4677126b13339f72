import assert from "node:assert/strict";
import { createAuthority, issueCertificate } from "../../drivers/system/pki/certificate.ts";
import type { Backend } from "./backend.ts";
import { RouteNotVerifiedError } from "./inference_errors.ts";
import { probeBackend } from "./probe_backend.ts";

const BACKEND: Backend = {
  type: "openai",
  baseUrl: "",
  apiKey: "sk-canary",
  protocols: ["openai_chat_completions"],
  modelInPath: false,
  awsSigning: null,
};

async function withServer(
  respond: (request: Request) => Response | Promise<Response>,
  body: (backend: Backend) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, respond);
  try {
    await body({ ...BACKEND, baseUrl: `http://127.0.0.1:${server.addr.port}` });
  } finally {
    await server.shutdown();
  }
}

Deno.test("probeBackend() asks a real server by its base URL", () =>
  withServer(async (request) => {
    const { model } = await request.json();
    const { pathname } = new URL(request.url);
    const isRight = pathname === "/v1/chat/completions" && model === "m" &&
      request.headers.get("authorization") === "Bearer sk-canary";
    return new Response("{}", { status: isRight ? 200 : 500 });
  }, async (backend) => {
    const { url } = await probeBackend("work", { backend, model: "m" });
    assert.equal(url, `${backend.baseUrl}/v1/chat/completions`);
  }));

Deno.test.each([
  { name: "host.openshell.internal" },
  { name: "host.docker.internal" },
  { name: "host.containers.internal" },
])("probeBackend() reaches this machine as $name", ({ name }) =>
  withServer(
    (request) => new Response("{}", { status: new URL(request.url).hostname === name ? 200 : 500 }),
    async ({ baseUrl, ...backend }) => {
      const named = { ...backend, baseUrl: baseUrl.replace("127.0.0.1", name) };
      const { url } = await probeBackend("work", { backend: named, model: "m" });
      assert.equal(url, `${named.baseUrl}/v1/chat/completions`);
    },
  ));

Deno.test("probeBackend() follows no redirection, which would take the key along", async () => {
  let asked = 0;
  await withServer(() => {
    asked += 1;
    return new Response("", { status: 307, headers: { location: "/elsewhere" } });
  }, async (backend) => {
    await assert.rejects(probeBackend("work", { backend, model: "m" }), RouteNotVerifiedError);
    assert.equal(asked, 2, "with each of both ways to bound a chat");
  });
});

Deno.test("probeBackend() gives up in time", () =>
  withServer(async (request) => {
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    return new Response("");
  }, async (backend) => {
    const probing = probeBackend("work", { backend, model: "m" }, { msMax: 100 });
    await assert.rejects(probing, (error: unknown) =>
      error instanceof RouteNotVerifiedError && error.problem === "timeout");
  }));

Deno.test("probeBackend() reads no more of an answer than it needs", () =>
  withServer(() => new Response("x".repeat(1_000_000)), async (backend) => {
    const { protocol } = await probeBackend("work", { backend, model: "m" });
    assert.equal(protocol, "openai_chat_completions");
  }));

Deno.test("probeBackend() asks Claude of Vertex by its own path", async () => {
  const base = "/v1/projects/p/locations/global/publishers/anthropic/models";
  let path = "";
  let body: Readonly<Record<string, unknown>> = {};
  await withServer(async (request) => {
    path = new URL(request.url).pathname;
    body = await request.json();
    const isRight = request.headers.get("authorization") === "Bearer sk-canary";
    return new Response("{}", { status: isRight ? 200 : 500 });
  }, async ({ baseUrl }) => {
    const backend = {
      ...{ ...BACKEND, type: "google-vertex-ai", baseUrl: baseUrl + base },
      ...{ protocols: ["anthropic_messages"], modelInPath: true },
    };
    const { protocol } = await probeBackend("work", { backend, model: "claude-x@1" });
    assert.equal(protocol, "anthropic_messages");
  });
  assert.equal(path, `${base}/claude-x@1:rawPredict`);
  assert.equal(body["anthropic_version"], "vertex-2023-10-16");
  assert.equal("model" in body, false);
});

Deno.test("probeBackend() says that Bedrock cannot be asked, and asks nothing", () =>
  withServer(() => assert.fail("it was asked"), async ({ baseUrl }) => {
    const backend = {
      ...{ ...BACKEND, type: "aws-bedrock", baseUrl, apiKey: "" },
      ...{ protocols: ["aws_bedrock_invoke"], modelInPath: true },
    };
    await assert.rejects(probeBackend("work", { backend, model: "m" }), (error: unknown) => {
      assert.ok(error instanceof RouteNotVerifiedError);
      assert.match(error.message, /cannot be asked/);
      assert.match(error.hint ?? "", /--no-verify/);
      return error.code === "failed_precondition";
    });
  }));

Deno.test("probeBackend() trusts what the machine trusts, and nobody else", async () => {
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
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: certPem, key: keyPem, onListen: () => {} },
    () => Response.json({}),
  );
  try {
    const baseUrl = `https://localhost:${server.addr.port}/v1`;
    const backend = { ...BACKEND, baseUrl };
    const certificates = () => Promise.resolve(authority.certPem);
    const { url } = await probeBackend("p", { backend, model: "m" }, { certificates });
    assert.equal(url, `${baseUrl}/chat/completions`);
    await assert.rejects(probeBackend("p", { backend, model: "m" }), {
      message: /cannot be reached/,
    });
  } finally {
    await server.shutdown();
  }
});
