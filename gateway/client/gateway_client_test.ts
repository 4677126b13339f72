import assert from "node:assert/strict";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import {
  PolicyStatus,
  SandboxPhase,
  ServiceStatus,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { PolicySource } from "../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import { createGateway } from "./gateway_client.ts";
import { GatewayError } from "./gateway_error.ts";
import { addServices, type TestServices } from "./test_server.ts";
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
    exitCode: 7,
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
  exitCode: 7,
  conditions: [{ type: "Ready", status: "True", reason: "Up", message: "fine" }],
  command: ["sh"],
  tty: true,
};

const NEW: NewSandbox = {
  name: "demo",
  workspace: "default",
  labels: { team: "docs" },
  environment: { A: "1" },
  command: ["sh"],
  tty: true,
  isKept: true,
  policy: "version: 1\nfilesystem_policy:\n  read_only: [/usr]\n",
  resources: { limits: { cpu: "2", memory: "4Gi", pids: 100 } },
  driverConfig: {
    embedded: { binds: [{ source: "/a", target: "/b", read_only: true, unprotect: [] }] },
  },
};

const DEMO = { name: "demo", workspace: "default" };
const SCOPE = { kind: "sandbox", ...DEMO } as const;

function gatewayOf(services: TestServices): Gateway {
  return createGateway({
    name: "work",
    endpoint: "https://gw.example.com",
    auth: "mtls",
    transport: createRouterTransport((router) => addServices(router, services)),
    close: () => {},
  });
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

const BYTES = (text: string) => new TextEncoder().encode(text);

Deno.test("createGateway() sends a new sandbox, and reads the answer", async () => {
  let sent: unknown = null;
  const gateway = gatewayOf({
    openshell: {
      createSandbox(request) {
        sent = {
          name: request.name,
          labels: request.labels,
          environment: request.spec?.environment,
          command: request.spec?.command,
          tty: request.spec?.tty,
          readOnly: request.spec?.policy?.filesystem?.readOnly,
          resources: request.spec?.template?.resources,
          driverConfig: request.spec?.template?.driverConfig,
        };
        return { sandbox: SANDBOX };
      },
    },
  });
  assert.deepEqual(await gateway.createSandbox(NEW), VIEW);
  assert.deepEqual(sent, {
    name: "demo",
    labels: NEW.labels,
    environment: NEW.environment,
    command: NEW.command,
    tty: true,
    readOnly: ["/usr"],
    resources: NEW.resources,
    driverConfig: NEW.driverConfig,
  });
});

Deno.test("createGateway() sends no policy where there is none, and what is not kept", async () => {
  const annotations: Record<string, string>[] = [];
  const gateway = gatewayOf({
    openshell: {
      createSandbox(request) {
        assert.equal(request.spec?.policy, undefined);
        assert.equal(request.spec?.template?.resources, undefined);
        annotations.push({ ...request.annotations });
        return { sandbox: SANDBOX };
      },
    },
  });
  const bare = { ...NEW, policy: null, resources: null, driverConfig: null };
  await gateway.createSandbox(bare);
  await gateway.createSandbox({ ...bare, isKept: false });
  assert.deepEqual(annotations, [{}, { "openshell.dev/unkept": "true" }]);
});

Deno.test("createGateway() reads, lists, stops, starts and deletes", async () => {
  const gateway = gatewayOf({
    openshell: {
      getSandbox: () => ({ sandbox: SANDBOX }),
      listSandboxes(request) {
        assert.equal(request.labelSelector, "team=docs");
        return { sandboxes: [SANDBOX] };
      },
      stopSandbox: () => ({ sandbox: SANDBOX }),
      startSandbox: () => ({ sandbox: SANDBOX }),
      deleteSandbox: () => ({ deleted: true }),
    },
  });
  const query = {
    workspace: "default",
    limit: 5,
    offset: 0,
    selector: "team=docs",
    allWorkspaces: false,
  };
  assert.deepEqual(await gateway.getSandbox(DEMO), VIEW);
  assert.deepEqual(await gateway.listSandboxes(query), [VIEW]);
  assert.deepEqual(await gateway.stopSandbox(DEMO), VIEW);
  assert.deepEqual(await gateway.startSandbox(DEMO), VIEW);
  assert.equal(await gateway.deleteSandbox(DEMO), true);
});

Deno.test("createGateway() fails on an answer without a sandbox", async () => {
  const gateway = gatewayOf({ openshell: { getSandbox: () => ({}) } });
  await assert.rejects(gateway.getSandbox(DEMO), /holds no sandbox/);
});

Deno.test("createGateway() watches what a command has use for", async () => {
  const gateway = gatewayOf({
    openshell: {
      async *watchSandbox(request) {
        assert.ok(request.followStatus && request.followEvents && !request.followLogs);
        yield { payload: { case: "sandbox", value: SANDBOX } };
        yield { payload: { case: "event", value: { reason: "Pulled", metadata: { a: "b" } } } };
        yield { payload: { case: "warning", value: { message: "slow" } } };
        yield {};
        await Promise.resolve();
      },
    },
  });
  assert.deepEqual(await collect(gateway.watchSandbox("id-1", new AbortController().signal)), [
    { kind: "sandbox", sandbox: VIEW },
    { kind: "event", event: { reason: "Pulled", message: "", metadata: { a: "b" } } },
    { kind: "warning", message: "slow" },
  ]);
});

Deno.test("createGateway() runs a program; the end of its input is the end of the call", async () => {
  const seen: unknown[] = [];
  const gateway = gatewayOf({
    openshell: {
      async *execSandboxInteractive(inputs) {
        for await (const { payload } of inputs) seen.push(payload.case);
        yield { payload: { case: "stdout", value: { data: BYTES("out") } } };
        yield { payload: { case: "stderr", value: { data: BYTES("err") } } };
        yield { payload: { case: "exit", value: { exitCode: 3 } } };
      },
    },
  });
  const request = {
    sandboxId: "id-1",
    command: ["cat"],
    workdir: "",
    environment: {},
    timeoutSeconds: 0,
    terminal: null,
  };
  const inputs = inputsOf(
    { kind: "stdin", bytes: BYTES("in") },
    { kind: "resize", size: { cols: 1, rows: 2 } },
    { kind: "end" },
    { kind: "stdin", bytes: BYTES("never") },
  );
  const signal = new AbortController().signal;
  assert.deepEqual(await collect(gateway.exec(request, { inputs, signal })), [
    { kind: "stdout", bytes: BYTES("out") },
    { kind: "stderr", bytes: BYTES("err") },
    { kind: "exit", code: 3 },
  ]);
  assert.deepEqual(seen, ["start", "stdin", "resize"]);
});

Deno.test("createGateway() attaches, and says when the input ends", async () => {
  const seen: unknown[] = [];
  const gateway = gatewayOf({
    extensions: {
      async *attachSandbox(inputs) {
        for await (const { payload } of inputs) {
          seen.push(payload.case === "input" ? payload.value.payload.case : payload.case);
        }
        yield { payload: { case: "notice", value: "read only" } };
        yield { payload: { case: "exitCode", value: 143 } };
      },
    },
  });
  const inputs = inputsOf(
    { kind: "stdin", bytes: BYTES("in") },
    { kind: "signal", signal: "TERM" },
    { kind: "end" },
  );
  const request = { sandboxId: "id-1", readOnly: false, terminal: { cols: 80, rows: 24 } };
  const signal = new AbortController().signal;
  assert.deepEqual(await collect(gateway.attach(request, { inputs, signal })), [
    { kind: "notice", text: "read only" },
    { kind: "exit", code: 143 },
  ]);
  assert.deepEqual(seen, ["start", "stdin", "signal", "endInput"]);
});

Deno.test("createGateway() forwards bytes both ways", async () => {
  const gateway = gatewayOf({
    openshell: {
      async *forwardTcp(frames) {
        for await (const frame of frames) {
          if (frame.payload.case === "init") {
            const { target } = frame.payload.value;
            assert.deepEqual(target.case === "tcp" && [target.value.host, target.value.port], [
              "127.0.0.1",
              8080,
            ]);
          } else {
            yield frame;
          }
        }
      },
    },
  });
  async function* inputs(): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    yield BYTES("ping");
  }
  const target = { sandboxId: "id-1", port: 8080 };
  const signal = new AbortController().signal;
  const got = await collect(gateway.forward(target, { inputs: inputs(), signal }));
  assert.deepEqual(got, [BYTES("ping")]);
});

Deno.test("createGateway() sends and reads policies", async () => {
  const revision = {
    version: 4,
    policyHash: "sha256:ab",
    status: PolicyStatus.FAILED,
    loadError: "no",
    createdAtMs: 1n,
    policy: { version: 1, filesystem: { readOnly: ["/usr"] } },
  };
  const gateway = gatewayOf({
    openshell: {
      updateConfig(request) {
        if (request.deleteSetting) {
          assert.ok(request.global && request.settingKey === "policy");
          return { deleted: true };
        }
        assert.deepEqual([request.name, request.policy?.version], ["demo", 1]);
        return { version: 4, policyHash: "sha256:ab", annotations: request.annotations };
      },
      getSandboxPolicyStatus: () => ({ revision, activeVersion: 3 }),
      listSandboxPolicies: () => ({ revisions: [revision] }),
    },
  });
  assert.deepEqual(await gateway.setPolicy(SCOPE, "version: 1\n"), {
    version: 4,
    hash: "sha256:ab",
    annotations: {},
  });
  const forced = await gateway.setPolicy(SCOPE, "version: 1\n", true);
  assert.deepEqual(forced.annotations, { "openshell.dev/force": "true" });
  const got = await gateway.getPolicy(SCOPE, 4);
  assert.deepEqual([got.status, got.loadError, got.activeVersion], ["failed", "no", 3]);
  assert.deepEqual(got.policy, { version: 1, filesystem_policy: { read_only: ["/usr"] } });
  assert.equal((await gateway.listPolicies({ kind: "global" }, 5)).length, 1);
  assert.equal(await gateway.deleteGlobalPolicy(), true);
});

Deno.test("createGateway() reads the policy in force, health, and who this is", async () => {
  const gateway = gatewayOf({
    openshell: {
      getSandboxConfig: () => ({
        version: 2,
        policyHash: "h",
        configRevision: 985_151_188_786_100_101n,
        policySource: PolicySource.GLOBAL,
        globalPolicyVersion: 6,
      }),
      health: () => ({ status: ServiceStatus.DEGRADED, version: "9" }),
      getGatewayInfo: () => ({ gatewayVersion: "9", computeDrivers: [{ name: "embedded" }] }),
      getCurrentUser: () => ({ subject: "me", identityProvider: "mtls" }),
    },
  });
  assert.deepEqual(await gateway.getEffectivePolicy("id-1"), {
    version: 2,
    hash: "h",
    configRevision: "985151188786100101",
    source: "global",
    globalVersion: 6,
    policy: null,
  });
  assert.deepEqual(await gateway.health(), { status: "degraded", version: "9" });
  assert.deepEqual(await gateway.info(), {
    status: "unknown",
    version: "9",
    drivers: [{ name: "embedded", driverName: "embedded", driverVersion: "" }],
  });
  assert.deepEqual(await gateway.currentUser(), { subject: "me", identityProvider: "mtls" });
});

Deno.test("createGateway() reads and follows logs, reads and checks events", async () => {
  const log = { timestampMs: 1n, level: "INFO", message: "hi", fields: { a: "b" } };
  const gateway = gatewayOf({
    openshell: {
      getSandboxLogs(request) {
        assert.deepEqual([request.lines, request.sinceMs, request.minLevel], [5, 7n, "warn"]);
        return { logs: [log] };
      },
      async *watchSandbox(request) {
        assert.deepEqual([request.logTailLines, request.logSinceMs, request.followLogs], [
          5,
          7n,
          true,
        ]);
        yield { payload: { case: "log", value: log } };
        yield { payload: { case: "sandbox", value: SANDBOX } };
        await Promise.resolve();
      },
    },
    extensions: {
      async *readEvents(request) {
        assert.ok(request.follow);
        yield { source: "sandbox", record: "{}" };
        await Promise.resolve();
      },
      verifyEvents: () => ({ chains: [{ source: "sandbox", events: 2n, brokenLine: 1n }] }),
    },
  });
  const query = {
    sandboxId: "id-1",
    workspace: "default",
    lines: 5,
    sinceMs: 7,
    sources: [],
    level: "warn",
  };
  const { signal } = new AbortController();
  const lines = await gateway.getLogs(query);
  assert.deepEqual(lines.map(({ message, fields }) => [message, fields["a"]]), [["hi", "b"]]);
  assert.equal((await collect(gateway.followLogs(query, signal))).length, 1);
  assert.deepEqual(await collect(gateway.readEvents(query, true, signal)), [
    { source: "sandbox", record: "{}" },
  ]);
  assert.deepEqual(await gateway.verifyEvents("id-1"), [
    { source: "sandbox", events: 2, intact: false, brokenLine: 1, problem: "" },
  ]);
});

Deno.test.each([
  {
    code: Code.NotFound,
    text: "Cannot find sandbox",
    want: "not_found",
    says: /^Cannot find sandb/,
  },
  {
    code: Code.AlreadyExists,
    text: "it exists",
    want: "already_exists",
    says: /"demo": it exists/,
  },
  { code: Code.InvalidArgument, text: "no", want: "invalid_argument", says: /get sandbox "demo"/ },
  { code: Code.Unauthenticated, text: "", want: "permission_denied", says: /does not know who/ },
  { code: Code.PermissionDenied, text: "no", want: "permission_denied", says: /: no$/ },
  { code: Code.Unavailable, text: "busy", want: "unavailable", says: /: busy$/ },
  { code: Code.DeadlineExceeded, text: "", want: "unavailable", says: /in time$/ },
  { code: Code.ResourceExhausted, text: "full", want: "resource_exhausted", says: /: full$/ },
  { code: Code.Unimplemented, text: "", want: "failed_precondition", says: /no such call/ },
  { code: Code.DataLoss, text: "oh", want: "internal", says: /: oh$/ },
])("createGateway() turns code $code into $want", async ({ code, text, want, says }) => {
  const gateway = gatewayOf({
    openshell: {
      getSandbox() {
        throw new ConnectError(text, code, undefined, [{
          desc: StringValueSchema,
          value: { value: "Do this — now" },
        }]);
      },
    },
  });
  await assert.rejects(gateway.getSandbox(DEMO), (error) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, want);
    assert.match(error.message, says);
    assert.equal(error.hint, "Do this — now");
    return true;
  });
});
