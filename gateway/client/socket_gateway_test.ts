import assert from "node:assert/strict";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { SandboxPhase, ServiceStatus } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { GatewayError } from "./gateway_error.ts";
import { createSocketGateway } from "./socket_gateway.ts";
import { TestServer, type TestServices } from "./test_server.ts";
import type { Gateway, NewSandbox, ProcessInput } from "./types.ts";

const SANDBOX = {
  metadata: {
    id: "id-1",
    name: "demo",
    workspace: "default",
    createdAtMs: 5n,
    resourceVersion: 3n,
    labels: { team: "docs" },
  },
  spec: { command: ["sh"], tty: true },
  status: {
    phase: SandboxPhase.READY,
    currentPolicyVersion: 2,
    exitCode: 0,
    conditions: [{ type: "Ready", status: "True", reason: "Up", message: "fine" }],
  },
};

const VIEW = {
  id: "id-1",
  name: "demo",
  workspace: "default",
  labels: { team: "docs" },
  annotations: {},
  resourceVersion: 3,
  createdAtMs: 5,
  phase: "Ready",
  policyVersion: 2,
  exitCode: 0,
  conditions: [{ type: "Ready", status: "True", reason: "Up", message: "fine" }],
  command: ["sh"],
  tty: true,
};

const NEW: NewSandbox = {
  isKept: true,
  name: "demo",
  workspace: "default",
  labels: { team: "docs" },
  environment: { A: "1" },
  command: ["sh"],
  tty: true,
  policy: "version: 1\nfilesystem_policy:\n  read_only: [/usr]\n",
  resources: { limits: { cpu: "2", memory: "4Gi", pids: 100 } },
  driverConfig: {
    embedded: { binds: [{ source: "/a", target: "/b", read_only: true, unprotect: [] }] },
  },
};

const DEMO = { name: "demo", workspace: "default" };
const BYTES = (text: string) => new TextEncoder().encode(text);

/** Serves on a socket, and calls by it. */
async function withGateway(
  services: TestServices,
  use: (gateway: Gateway) => Promise<void>,
  options: { readonly timeoutMs?: number; readonly openPort?: () => Promise<Gateway> } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const socket = `${folder}/gateway.sock`;
    await using _server = await TestServer.start(services, socket);
    const gateway = createSocketGateway({
      name: "openshell",
      endpoint: "https://127.0.0.1:1",
      socket,
      openPort: () => Promise.reject(new Error("the port is not needed")),
      ...options,
    });
    try {
      await use(gateway);
    } finally {
      gateway.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function collect<T>(values: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

async function* inputsOf(...inputs: ProcessInput[]): AsyncGenerator<ProcessInput> {
  await Promise.resolve();
  yield* inputs;
}

function failsWith(code: string, message: RegExp, hint?: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
    return true;
  };
}

Deno.test("createSocketGateway() sends a new sandbox whole, and reads the answer", async () => {
  let sent: unknown = null;
  const openshell: TestServices["openshell"] = {
    createSandbox({ name, labels, spec }) {
      const { environment, command, tty, policy, template } = spec!;
      const { resources, driverConfig } = template!;
      const readOnly = policy?.filesystem?.readOnly;
      sent = { name, labels, environment, command, tty, readOnly, resources, driverConfig };
      return { sandbox: SANDBOX };
    },
  };
  await withGateway({ openshell }, async (gateway) => {
    assert.deepEqual(await gateway.createSandbox(NEW), VIEW);
  });
  const { name, labels, environment, command, tty, resources, driverConfig } = NEW;
  const readOnly = ["/usr"];
  const want = { name, labels, environment, command, tty, readOnly, resources, driverConfig };
  assert.deepEqual(sent, want);
});

Deno.test("createSocketGateway() reads, lists, stops, starts and deletes", async () => {
  const openshell: TestServices["openshell"] = {
    health: () => ({ status: ServiceStatus.HEALTHY, version: "1.2.3" }),
    getSandbox: () => ({ sandbox: SANDBOX }),
    listSandboxes: ({ labelSelector }) => ({
      sandboxes: labelSelector === "team=docs" ? [SANDBOX] : [],
    }),
    stopSandbox: () => ({ sandbox: { ...SANDBOX, status: { phase: SandboxPhase.STOPPED } } }),
    startSandbox: () => ({ sandbox: SANDBOX }),
    deleteSandbox: ({ name }) => ({ deleted: name === "demo" }),
  };
  await withGateway({ openshell }, async (gateway) => {
    assert.deepEqual(await gateway.health(), { status: "healthy", version: "1.2.3" });
    assert.deepEqual(await gateway.getSandbox(DEMO), VIEW);
    const query = { workspace: "default", limit: 1, offset: 0, allWorkspaces: false };
    assert.deepEqual(await gateway.listSandboxes({ ...query, selector: "team=docs" }), [VIEW]);
    assert.deepEqual(await gateway.listSandboxes({ ...query, selector: "" }), []);
    const stopped = await gateway.stopSandbox(DEMO);
    assert.deepEqual([stopped.phase, stopped.exitCode], ["Stopped", null]);
    assert.deepEqual(await gateway.startSandbox(DEMO), VIEW);
    assert.equal(await gateway.deleteSandbox(DEMO), true);
    assert.equal(await gateway.deleteSandbox({ ...DEMO, name: "other" }), false);
  });
});

Deno.test("createSocketGateway() passes on what it watches", async () => {
  const metadata = { step: "2" };
  const openshell: TestServices["openshell"] = {
    async *watchSandbox({ id }) {
      await Promise.resolve();
      yield { payload: { case: "event", value: { reason: id, message: "goes on", metadata } } };
      yield { payload: { case: "warning", value: { message: "slow" } } };
      yield { payload: { case: "log", value: { message: "not asked for" } } };
      yield { payload: { case: "sandbox", value: SANDBOX } };
    },
  };
  await withGateway({ openshell }, async (gateway) => {
    const signal = new AbortController().signal;
    assert.deepEqual(await collect(gateway.watchSandbox("id-1", signal)), [
      { kind: "event", event: { reason: "id-1", message: "goes on", metadata } },
      { kind: "warning", message: "slow" },
      { kind: "sandbox", sandbox: VIEW },
    ]);
  });
});

Deno.test("createSocketGateway() runs a program in both directions", async () => {
  const openshell: TestServices["openshell"] = {
    async *execSandboxInteractive(inputs) {
      for await (const { payload } of inputs) {
        if (payload.case === "start") {
          const { command, environment, tty, cols } = payload.value;
          const text = JSON.stringify({ command, environment, tty, cols });
          yield { payload: { case: "stdout", value: { data: BYTES(text) } } };
        }
        if (payload.case === "stdin") {
          yield { payload: { case: "stderr", value: { data: payload.value } } };
        }
      }
      yield { payload: { case: "exit", value: { exitCode: -1 } } };
    },
  };
  await withGateway({ openshell }, async (gateway) => {
    const request = {
      sandboxId: "id-1",
      command: ["sh", "-c", ""],
      workdir: "",
      environment: { A: "ü" },
      timeoutSeconds: 0,
      terminal: { cols: 300, rows: 2 },
    };
    const stdin = new Uint8Array(200_000).fill(7);
    const inputs = inputsOf({ kind: "stdin", bytes: stdin }, { kind: "end" });
    const signal = new AbortController().signal;
    const got = await collect(gateway.exec(request, { inputs, signal }));
    const text = JSON.stringify({
      command: request.command,
      environment: request.environment,
      tty: true,
      cols: 300,
    });
    assert.deepEqual(got, [
      { kind: "stdout", bytes: BYTES(text) },
      { kind: "stderr", bytes: stdin },
      { kind: "exit", code: -1 },
    ]);
  });
});

Deno.test("createSocketGateway() attaches, and answers before the input has ended", async () => {
  const more = Promise.withResolvers<void>();
  const extensions: TestServices["extensions"] = {
    async *attachSandbox(inputs) {
      for await (const { payload } of inputs) {
        if (payload.case === "start") {
          yield {
            payload: { case: "notice", value: `read only: ${payload.value.attach?.readOnly}` },
          };
          continue;
        }
        const input = payload.value?.payload;
        if (input?.case === "signal") {
          yield { payload: { case: "stdout", value: BYTES(input.value) } };
        }
        if (input?.case === "endInput") yield { payload: { case: "exitCode", value: 0 } };
      }
    },
  };
  async function* inputs(): AsyncGenerator<ProcessInput> {
    await more.promise;
    yield { kind: "signal", signal: "TERM" };
    yield { kind: "end" };
  }
  await withGateway({ extensions }, async (gateway) => {
    const request = { sandboxId: "id-1", readOnly: true, terminal: null };
    const signal = new AbortController().signal;
    const seen: string[] = [];
    for await (const output of gateway.attach(request, { inputs: inputs(), signal })) {
      seen.push(output.kind);
      if (output.kind === "notice") {
        assert.equal(output.text, "read only: true");
        more.resolve();
      }
      if (output.kind === "stdout") assert.deepEqual(output.bytes, BYTES("TERM"));
    }
    assert.deepEqual(seen, ["notice", "stdout", "exit"]);
  });
});

Deno.test("createSocketGateway() says what the gateway says, with its hint", async () => {
  const refusal = () =>
    new ConnectError("Cannot find sandbox", Code.NotFound, undefined, [{
      desc: StringValueSchema,
      value: { value: "List them" },
    }]);
  const openshell: TestServices["openshell"] = {
    getSandbox: () => Promise.reject(refusal()),
    // deno-lint-ignore require-yield -- it fails before
    async *watchSandbox() {
      await Promise.resolve();
      throw refusal();
    },
  };
  await withGateway({ openshell }, async (gateway) => {
    const wanted = failsWith("not_found", /^Cannot find sandbox$/, /^List them$/);
    await assert.rejects(gateway.getSandbox(DEMO), wanted);
    const events = gateway.watchSandbox("id-1", new AbortController().signal);
    await assert.rejects(collect(events), wanted);
    await assert.rejects(
      gateway.deleteSandbox(DEMO),
      failsWith("failed_precondition", /has no such call/),
    );
  });
});

Deno.test("createSocketGateway() does not wait longer than a call may take", async () => {
  const openshell: TestServices["openshell"] = {
    getSandbox: (_request, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      ),
  };
  await withGateway({ openshell }, async (gateway) => {
    await assert.rejects(
      gateway.getSandbox(DEMO),
      failsWith("unavailable", /did not answer in time/),
    );
  }, { timeoutMs: 200 });
});

Deno.test("createSocketGateway() tells a stream that ends early, and one that was ended", async () => {
  const abort = new AbortController();
  const openshell: TestServices["openshell"] = {
    async *watchSandbox() {
      yield { payload: { case: "sandbox", value: SANDBOX } };
      await new Promise((resolve) => setTimeout(resolve, 50));
      abort.abort();
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
  await withGateway({ openshell }, async (gateway) => {
    await assert.rejects(
      collect(gateway.watchSandbox("id-1", abort.signal)),
      failsWith("unavailable", /watch the sandbox/),
    );
  });
});

Deno.test("createSocketGateway() says that nobody listens", async () => {
  const gateway = createSocketGateway({
    name: "openshell",
    endpoint: "https://127.0.0.1:1",
    socket: "/nowhere/gateway.sock",
    openPort: () => Promise.reject(new Error("the port is not needed")),
  });
  await assert.rejects(
    gateway.getSandbox(DEMO),
    failsWith("unavailable", /cannot be reached/, /openshell status/),
  );
  gateway.close();
});

Deno.test("createSocketGateway() goes by the port for the rest, and opens it once", async () => {
  let opened = 0;
  let closed = 0;
  const port = {
    currentUser: () => Promise.resolve({ subject: "me", identityProvider: "mtls" }),
    async *followLogs() {
      await Promise.resolve();
      yield { message: "line" };
    },
    close: () => void closed++,
  } as unknown as Gateway;
  const openPort = () => Promise.resolve((opened++, port));
  await withGateway({}, async (gateway) => {
    assert.equal((await gateway.currentUser()).subject, "me");
    const lines = await collect(gateway.followLogs({} as never, new AbortController().signal));
    assert.deepEqual(lines, [{ message: "line" }]);
  }, { openPort });
  await Promise.resolve();
  assert.deepEqual([opened, closed], [1, 1]);
});
