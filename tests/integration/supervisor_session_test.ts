import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { FakeJailProcess } from "../../drivers/supervisor/process/fake_jail_process.ts";
import { MainProcess } from "../../drivers/supervisor/process/main_process.ts";
import type { GatewayConnection } from "../../drivers/supervisor/session/gateway_connection.ts";
import { GatewaySession } from "../../drivers/supervisor/session/gateway_session.ts";
import { toProcessChannel } from "../../drivers/supervisor/session/process_relay.ts";
import { attachMethod, processMethods } from "../../gateway/supervisors/process_service.ts";
import {
  supervisorMethods,
  type SupervisorPorts,
  supervisorsService,
} from "../../gateway/supervisors/supervisor_service.ts";
import { SupervisorSessions } from "../../gateway/supervisors/supervisor_sessions.ts";
import { Extensions, Supervisors } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { ProcessTargetSchema } from "../../proto/gen/openshell/ext/v1/process_pb.ts";
import { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";

const SANDBOX = "7d3c1c4e-0000-4000-8000-000000000001";

/** A gateway with the services of supervisors, and nothing else. */
class TestGateway {
  readonly log: string[] = [];
  readonly sessions: SupervisorSessions;
  policy = { version: 1, hash: "sha256:1", document: new Uint8Array([1]), isGlobal: false };
  #changed: (() => void)[] = [];
  #server!: http2.Http2Server;
  readonly #connections = new Set<{ destroy(): void }>();
  endpoint = "";

  constructor() {
    this.sessions = new SupervisorSessions({
      supervisorConnected: (id, instance) => void this.log.push(`connected ${id} ${instance}`),
      supervisorDisconnected: (id) => void this.log.push(`disconnected ${id}`),
    });
  }

  async listen(): Promise<void> {
    const ports: SupervisorPorts = {
      sessions: this.sessions,
      sandboxOf: () => SANDBOX,
      effectivePolicy: () => Promise.resolve(this.policy),
      onPolicyChange: (_id, listener) => {
        this.#changed.push(listener);
        return () => this.#changed = this.#changed.filter((other) => other !== listener);
      },
    };
    const processes = { sessions: this.sessions, checkReady: () => {}, checkExists: () => {} };
    const handler = connectNodeAdapter({
      routes: (router) => {
        router.service(OpenShell, {
          ...supervisorMethods(ports),
          ...processMethods(processes),
          reportPolicyStatus: ({ version, status }) => {
            this.log.push(`policy ${version} ${status}`);
            return {};
          },
          reportMainProcessExit: ({ exitCode }) => {
            this.log.push(`exit ${exitCode}`);
            return {};
          },
        });
        router.service(Supervisors, supervisorsService(ports));
        router.service(Extensions, attachMethod(processes));
      },
    });
    this.#server = http2.createServer(handler);
    this.#server.on("session", (session) => {
      this.#connections.add(session);
      session.on("close", () => this.#connections.delete(session));
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    this.endpoint = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  change(version: number): void {
    this.policy = { ...this.policy, version };
    for (const listener of this.#changed) listener();
  }

  async until(line: string): Promise<void> {
    for (let tries = 0; !this.log.includes(line); tries++) {
      assert.ok(tries < 400, `no "${line}" in ${JSON.stringify(this.log)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    this.sessions.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }
}

interface Dialled extends GatewayConnection {
  readonly extensions: Client<typeof Extensions>;
}

function dial(endpoint: string): Dialled {
  const sessionManager = new Http2SessionManager(endpoint);
  const transport = createGrpcTransport({ baseUrl: endpoint, sessionManager });
  return {
    openshell: createClient(OpenShell, transport),
    supervisors: createClient(Supervisors, transport),
    extensions: createClient(Extensions, transport),
    close: () => sessionManager.abort(),
  };
}

interface Context {
  readonly gateway: TestGateway;
  readonly client: Dialled;
  readonly process: FakeJailProcess;
  readonly main: MainProcess;
  readonly session: GatewaySession;
}

async function withSession(body: (context: Context) => Promise<void>): Promise<void> {
  const gateway = new TestGateway();
  await gateway.listen();
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  const session = new GatewaySession({
    sandboxId: SANDBOX,
    instanceId: "i",
    connect: () => Promise.resolve(dial(gateway.endpoint)),
    handler: {
      openTarget: (target) => {
        if (target.case === "process" && target.value.process.case === "attach") {
          return Promise.resolve((relay) =>
            main.attach(toProcessChannel(relay), { readOnly: false, size: null })
          );
        }
        if (target.case === "tcp") {
          return Promise.resolve(async (relay) => {
            for await (const data of relay.received) {
              if (data.length === 0) break;
              await relay.send(data);
            }
          });
        }
        return Promise.reject(new Error("no such target"));
      },
      load: ({ version }) => Promise.resolve({ problem: version === 3 ? "bad" : null }),
    },
    onState: () => {},
  });
  const stop = new AbortController();
  const running = session.run(stop.signal);
  await gateway.until(`connected ${SANDBOX} i`);
  const client = dial(gateway.endpoint);
  try {
    await body({ gateway, client, process, main, session });
  } finally {
    client.close();
    stop.abort();
    await running;
    await gateway.close();
    process.end(0);
    await main.exited;
  }
}

Deno.test("GatewaySession attaches a client to the main process, both ways", async () => {
  await withSession(async ({ client, process }) => {
    const outputs = client.extensions.attachSandbox((async function* () {
      yield { payload: { case: "start", value: { sandboxId: SANDBOX } } } as const;
      const stdin = new TextEncoder().encode("typed");
      const payload = { case: "stdin", value: stdin } as const;
      yield { payload: { case: "input", value: { payload } } } as const;
      await new Promise((resolve) => setTimeout(resolve, 50));
    })())[Symbol.asyncIterator]();
    process.print("hello");
    const first = await outputs.next();
    assert.equal(new TextDecoder().decode(first.value!.payload.value as Uint8Array), "hello");
    process.print("more");
    await outputs.next();
    assert.deepEqual(process.done, ["write typed"]);
    await outputs.return?.();
  });
});

Deno.test("GatewaySession says why a target cannot be reached", async () => {
  await withSession(async ({ gateway }) => {
    const value = create(ProcessTargetSchema, { process: { case: "start", value: {} } });
    const opening = gateway.sessions.openRelay(SANDBOX, { case: "process", value });
    await assert.rejects(opening, { name: "RelayError", code: "failed_precondition" });
  });
});

Deno.test("SupervisorSessions ends what waits for a supervisor that goes", async () => {
  const sessions = new SupervisorSessions({
    supervisorConnected: () => {},
    supervisorDisconnected: () => {},
  });
  const session = await sessions.open(SANDBOX, "i");
  const value = create(ProcessTargetSchema, { process: { case: "start", value: {} } });
  const opening = sessions.openRelay(SANDBOX, { case: "process", value });
  opening.catch(() => {});
  await sessions.end(session);
  await assert.rejects(opening, { name: "RelayError", code: "unavailable" });
});

Deno.test("GatewaySession passes the end of a forwarded connection on", async () => {
  await withSession(async ({ client }) => {
    const data = new Uint8Array(200_000).map((_, at) => at % 251);
    const frames = client.openshell.forwardTcp((async function* () {
      const target = { case: "tcp", value: { host: "127.0.0.1", port: 80 } } as const;
      yield { payload: { case: "init", value: { sandboxId: SANDBOX, target } } } as const;
      yield { payload: { case: "data", value: data } } as const;
    })());
    let received = 0;
    for await (const { payload } of frames) {
      if (payload.case === "data") received += payload.value.length;
    }
    assert.equal(received, data.length);
  });
});

Deno.test("GatewaySession loads each generation and reports how it went", async () => {
  await withSession(async ({ gateway }) => {
    await gateway.until("policy 1 2");
    gateway.change(2);
    await gateway.until("policy 2 2");
    gateway.change(3);
    await gateway.until("policy 3 3");
  });
});

Deno.test("GatewaySession reports the exit, once", async () => {
  await withSession(async ({ gateway, session }) => {
    await session.reportExit(9);
    await gateway.until("exit 9");
    assert.equal(gateway.log.filter((line) => line === "exit 9").length, 1);
  });
});

Deno.test("GatewaySession connects again when the gateway was away", async () => {
  await withSession(async ({ gateway }) => {
    await gateway.close();
    await gateway.until(`disconnected ${SANDBOX}`);
    gateway.log.length = 0;
    await gateway.listen();
    await gateway.until(`connected ${SANDBOX} i`);
    await gateway.until("policy 1 2");
  });
});
