import assert from "node:assert/strict";

import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { request as httpsRequest } from "node:https";
import {
  type Caller,
  type GatewayFixture,
  startGateway,
} from "../../tests/conformance/gateway_fixture.ts";
import { idOf, requestOf } from "../../tests/conformance/sandbox_fixture.ts";
import {
  OpenShell,
  PolicyStatus,
  ServiceStatus,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { LARGE_MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX } from "../../proto/limits.ts";
import { ListenError, startServer } from "./server.ts";

const USER: Caller = { certificate: "client" };
const SUPERVISOR: Caller = { certificate: "supervisor" };

function gatewayTest(name: string, body: (gateway: GatewayFixture) => Promise<void>): void {
  Deno.test(`startServer() ${name}`, async () => {
    const gateway = await startGateway();
    try {
      await body(gateway);
    } finally {
      await gateway.close();
    }
  });
}

function failed(code: Code, text?: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(Code[error.code], Code[code], error.message);
    if (text !== undefined) assert.match(error.rawMessage, text);
    return true;
  };
}

gatewayTest("serves gRPC and Connect to who has a certificate of ours", async (gateway) => {
  for (const caller of [USER, SUPERVISOR]) {
    const health = await gateway.clientOf(caller).health({});
    assert.equal(health.status, ServiceStatus.HEALTHY);
    assert.equal(health.version, "1.2.3");
  }
  const answer = await http(gateway, "/openshell.v1.OpenShell/Health", {});
  assert.deepEqual(answer, {
    status: 200,
    body: { status: "SERVICE_STATUS_HEALTHY", version: "1.2.3" },
  });
});

gatewayTest("tells who calls also over HTTP/1.1", async (gateway) => {
  const answer = await http(gateway, "/openshell.v1.OpenShell/ListSandboxes", {});
  assert.equal(answer.status, 401);
});

Deno.test.each([{ certificate: "no" }, { certificate: "a foreign" }] as const)(
  "startServer() says nothing to who has $certificate certificate",
  async ({ certificate }) => {
    const gateway = await startGateway();
    try {
      const keys = {
        cert: gateway.foreign.get("client/tls.crt")!,
        key: gateway.foreign.get("client/tls.key")!,
      };
      const shown = certificate === "no" ? {} : keys;
      assert.equal(await talk(gateway, shown), "");
      const ours = {
        cert: gateway.pki.get("client/tls.crt")!,
        key: gateway.pki.get("client/tls.key")!,
      };
      assert.match(await talk(gateway, ours), /^HTTP\/1\.1 200 OK/);
    } finally {
      await gateway.close();
    }
  },
);

/** Returns what the server answers to a request for `/healthz`. */
async function talk(gateway: GatewayFixture, keys: { cert?: string; key?: string }) {
  const options = {
    hostname: "localhost",
    port: gateway.server.port,
    caCerts: [gateway.pki.get("ca.crt")!],
    ...keys,
  };
  const connection = await Deno.connectTls(options as Deno.ConnectTlsOptions);
  try {
    const request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    await connection.write(new TextEncoder().encode(request));
    const buffer = new Uint8Array(4096);
    const read = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, read ?? 0));
  } catch (error) {
    // The server's alert: with TLS 1.3 the client learns of it only here.
    assert.match((error as Error).message, /alert|reset|closed|eof|pipe/i);
    return "";
  } finally {
    connection.close();
  }
}

gatewayTest("grants a supervisor's certificate nothing by itself", async (gateway) => {
  await gateway.sandboxes.create(requestOf("box"));
  const alone = gateway.clientOf(SUPERVISOR);
  const report = { sandboxId: idOf(1), instanceId: "run-1", exitCode: 0 };
  await assert.rejects(alone.listSandboxes({}), failed(Code.Unauthenticated));
  await assert.rejects(alone.reportMainProcessExit(report), failed(Code.Unauthenticated));
  const token = await gateway.tokens.issue(idOf(1));
  const own = gateway.clientOf({ ...SUPERVISOR, token });
  await own.reportMainProcessExit(report);
  await assert.rejects(own.listSandboxes({}), failed(Code.PermissionDenied, /only a user/));
  await assert.rejects(own.createSandbox({}), failed(Code.PermissionDenied, /only a user/));
  await assert.rejects(
    gateway.clientOf(USER).reportMainProcessExit(report),
    failed(Code.PermissionDenied, /only a sandbox/),
  );
});

gatewayTest("lets a sandbox ask about itself alone", async (gateway) => {
  const { sandboxes, tokens, clientOf } = gateway;
  await sandboxes.create(requestOf("one"));
  await sandboxes.create(requestOf("two"));
  const own = clientOf({ ...SUPERVISOR, token: await tokens.issue(idOf(1)) });
  assert.equal((await own.getSandboxConfig({ sandboxId: idOf(1) })).version, 1);
  const other = { sandboxId: idOf(2) };
  const refusals = [
    own.getSandboxConfig(other),
    own.getSandboxConfig({}),
    own.reportPolicyStatus({ ...other, version: 1, status: PolicyStatus.LOADED }),
    own.reportMainProcessExit({ ...other, instanceId: "x" }),
    own.updateConfig({ name: "two", settingKey: "ocsf_json_enabled" }),
    own.updateConfig({ name: "none", settingKey: "ocsf_json_enabled" }),
    own.updateConfig({ global: true, settingKey: "ocsf_json_enabled" }),
  ];
  for (const refusal of refusals) {
    await assert.rejects(refusal, failed(Code.PermissionDenied, /about itself alone/));
  }
  // Nor may it change what confines it.
  await assert.rejects(
    own.updateConfig({ name: "one", settingKey: "ocsf_json_enabled" }),
    failed(Code.PermissionDenied, /only a user/),
  );
  await assert.rejects(
    own.connectSupervisor(hello(idOf(2)))[Symbol.asyncIterator]().next(),
    failed(Code.Unimplemented),
  );
});

async function* hello(sandboxId: string) {
  yield { payload: { case: "hello", value: { sandboxId, instanceId: "x" } } } as const;
  await Promise.resolve();
}

gatewayTest("refuses a token that does not hold, whatever the certificate", async (gateway) => {
  const { tokens, clientOf } = gateway;
  const gone = await tokens.issue(idOf(7));
  for (const token of ["x", gone]) {
    await assert.rejects(
      clientOf({ ...USER, token }).getCurrentUser({}),
      failed(Code.Unauthenticated, /Cannot tell who calls/),
    );
  }
});

/** Each method without a handler here, as a raw unary or streaming call with an empty message. */
gatewayTest("answers what nobody implements, after asking whether one may", async (gateway) => {
  const supervisor = gateway.clientOf(SUPERVISOR) as unknown as Record<string, Call>;
  const user = gateway.clientOf(USER) as unknown as Record<string, Call>;
  const unserved = OpenShell.methods.filter(({ name }) => /Provider|Draft|SshSession/.test(name));
  assert.ok(unserved.length > 20);
  for (const method of unserved.filter(({ methodKind }) => methodKind === "unary")) {
    await assert.rejects(supervisor[method.localName]!({}), failed(Code.Unauthenticated));
    const isOfSandbox = method.name === "GetSandboxProviderEnvironment";
    const code = isOfSandbox ? Code.PermissionDenied : Code.Unimplemented;
    await assert.rejects(user[method.localName]!({}), failed(code), method.name);
  }
});

type Call = (request: object) => Promise<unknown>;

gatewayTest("gives the hint beside the text of an error", async ({ clientOf }) => {
  const error = await clientOf(USER).getSandbox({ name: "none" }).catch((error) => error);
  failed(Code.NotFound, /^Cannot find sandbox "none"$/)(error);
  const [hint] = (error as ConnectError).findDetails(StringValueSchema);
  assert.match(hint!.value, /openshell sandbox list/);
});

gatewayTest("keeps its own faults to itself", async (gateway) => {
  const { clientOf, driver, problems } = gateway;
  driver.before = () => {
    throw new TypeError("a secret of ours");
  };
  await assert.rejects(
    clientOf(USER).createSandbox({ name: "box" }),
    failed(Code.Internal, /^The gateway failed; its log says why$/),
  );
  assert.equal((problems.splice(0)[0] as Error).message, "a secret of ours");
});

gatewayTest("takes large messages only where they have a purpose", async ({ clientOf }) => {
  const name = "x".repeat(MESSAGE_BYTES_MAX);
  const user = clientOf(USER);
  await assert.rejects(user.getSandbox({ name }), failed(Code.ResourceExhausted));
  await assert.rejects(user.createSandbox({ name }), failed(Code.InvalidArgument));
  const tooLarge = "x".repeat(LARGE_MESSAGE_BYTES_MAX);
  await assert.rejects(user.createSandbox({ name: tooLarge }), failed(Code.ResourceExhausted));
  // The same bounds hold for who may not call at all.
  await assert.rejects(clientOf(SUPERVISOR).createSandbox({ name }), failed(Code.Unauthenticated));
});

Deno.test("startServer() gives a call that is no stream a deadline", async () => {
  const gateway = await startGateway({ callMsMax: 50 });
  const stuck = Promise.withResolvers<void>();
  gateway.driver.before = () => stuck.promise;
  try {
    const call = gateway.clientOf(USER).createSandbox({ name: "box" });
    await assert.rejects(call, failed(Code.DeadlineExceeded));
  } finally {
    stuck.resolve();
    await gateway.close();
  }
});

gatewayTest("ends streams when it closes", async (gateway) => {
  await gateway.sandboxes.create(requestOf("box"));
  const watch = gateway.clientOf(USER).watchSandbox({ id: idOf(1), followStatus: true });
  const events = watch[Symbol.asyncIterator]();
  assert.equal((await events.next()).value?.payload.case, "sandbox");
  const rest = events.next().catch(() => ({ done: true }));
  await gateway.server.close();
  assert.equal((await rest).done, true);
  await assert.rejects(gateway.clientOf(USER).health({}, { timeoutMs: 2_000 }));
});

gatewayTest("refuses an address that is taken", async (gateway) => {
  const { server, pki } = gateway;
  const start = startServer({
    host: server.host,
    port: server.port,
    tls: {
      ca: pki.get("ca.crt")!,
      cert: pki.get("server/tls.crt")!,
      key: pki.get("server/tls.key")!,
    },
    routes: () => {},
    guard: {
      verifyToken: () => Promise.reject(new TypeError("unused")),
      sandboxExists: () => Promise.resolve(false),
      findSandboxId: () => Promise.resolve(null),
      onFault: () => {},
    },
    health: { version: "", store: gateway.store },
  });
  await assert.rejects(start, ListenError);
});

/** A request over HTTP/1.1, with a supervisor's certificate. Posts `body` where there is one. */
function http(
  gateway: GatewayFixture,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const { pki, server } = gateway;
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: "localhost",
      port: server.port,
      path,
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      agent: false,
      ca: pki.get("ca.crt")!,
      cert: pki.get("supervisor/tls.crt")!,
      key: pki.get("supervisor/tls.key")!,
    }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => text += part);
      response.on("end", () => resolve({ status: response.statusCode!, body: JSON.parse(text) }));
    });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

gatewayTest("says over plain HTTP whether it lives and can serve", async (gateway) => {
  assert.deepEqual(await http(gateway, "/healthz"), {
    status: 200,
    body: { status: "healthy", version: "1.2.3" },
  });
  const ready = await http(gateway, "/readyz?verbose") as {
    status: number;
    body: { checks: { database: { latency_ms: number } } };
  };
  assert.equal(ready.status, 200);
  assert.ok(ready.body.checks.database.latency_ms >= 0);
  assert.equal((await http(gateway, "/none")).status, 404);
});

Deno.test("createGrpcTransport() over h2 keeps one connection for many calls", async () => {
  const gateway = await startGateway();
  try {
    const transport = createGrpcTransport({
      baseUrl: `https://localhost:${gateway.server.port}`,
      nodeOptions: {
        ca: gateway.pki.get("ca.crt")!,
        cert: gateway.pki.get("client/tls.crt")!,
        key: gateway.pki.get("client/tls.key")!,
      },
    });
    const client = createClient(OpenShell, transport);
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.health({})));
    assert.ok(answers.every(({ version }) => version === "1.2.3"));
  } finally {
    await gateway.close();
  }
});

gatewayTest("closes while somebody is in the middle of a handshake", async (gateway) => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: gateway.server.port });
  const before = performance.now();
  await gateway.server.close();
  assert.ok(performance.now() - before < 10_000);
  connection.close();
});
