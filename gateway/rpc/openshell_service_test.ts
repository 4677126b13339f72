import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type GatewayFixture,
  type OpenShellClient,
  startGateway,
} from "../../tests/conformance/gateway_fixture.ts";
import { idOf } from "../../tests/conformance/sandbox_fixture.ts";
import { FORCE_ANNOTATION as FORCE, PROOF_ANNOTATION as PROOF } from "../../proto/annotations.ts";
import { NOT_ASKED } from "../policy/policy_proofs.ts";
import { PolicySource, SettingScope } from "../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import {
  PolicyStatus,
  SandboxLogLineSchema,
  SandboxPhase,
  type SandboxStreamEvent,
  ServiceStatus,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { WorkspacePhase } from "../../proto/gen/openshell/datamodel/v1/datamodel_pb.ts";
import { documentToWire } from "../policy/policy_document.ts";
import { mergeMethods, MethodConflictError } from "./openshell_service.ts";

const ID = idOf(1);

const POLICY = `version: 1
filesystem_policy: {include_workdir: true, read_only: [/usr], read_write: [/tmp]}
network_policies:
  docs: {endpoints: [{host: docs.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
`;

function policy(port = 443) {
  return documentToWire(POLICY.replace("443", String(port)));
}

interface Context extends GatewayFixture {
  readonly user: OpenShellClient;
  /** The supervisor of the first sandbox. */
  readonly supervisor: () => Promise<OpenShellClient>;
}

function serviceTest(name: string, body: (context: Context) => Promise<void>): void {
  Deno.test(`OpenShell ${name}`, async () => {
    const gateway = await startGateway();
    const { clientOf, tokens } = gateway;
    const supervisor = async () =>
      clientOf({ certificate: "supervisor", token: await tokens.issue(ID) });
    try {
      await body({ ...gateway, user: clientOf({ certificate: "client" }), supervisor });
      assert.deepEqual(gateway.problems, []);
    } finally {
      await gateway.close();
    }
  });
}

function failed(code: Code, text: RegExp = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(Code[error.code], Code[code], error.message);
    assert.match(error.rawMessage, text);
    return true;
  };
}

serviceTest("says who calls, and what serves", async ({ user }) => {
  const who = await user.getCurrentUser({});
  assert.equal(who.identityProvider, "mtls");
  assert.equal(who.subject, "openshell-client");
  assert.deepEqual(who.roles, ["openshell-user"]);
  const info = await user.getGatewayInfo({});
  assert.equal(info.status, ServiceStatus.HEALTHY);
  assert.equal(info.gatewayVersion, "1.2.3");
  assert.equal(info.computeDrivers[0]?.capabilities?.driverName, "embedded");
});

serviceTest("takes what is not proved by force alone", async ({ user, prover }) => {
  await user.createSandbox({ name: "box", spec: { policy: policy() } });
  prover.outcome = {
    ...NOT_ASKED,
    verdict: "refuted",
    engine: "exact",
    documents: "sha256:cd",
    refusal: "claim:no is refuted: a request passes",
  };
  const set = (annotations: Record<string, string>) =>
    user.updateConfig({ name: "box", policy: policy(444), annotations });
  await assert.rejects(set({}), failed(Code.FailedPrecondition, /claim:no is refuted/));
  for (const annotations of [{ [FORCE]: "yes" }, { [FORCE]: "true", [PROOF]: "{}" }]) {
    await assert.rejects(set(annotations), failed(Code.InvalidArgument, /openshell\.dev/));
  }
  const global = { global: true, policy: policy(445) };
  await assert.rejects(user.updateConfig(global), failed(Code.FailedPrecondition, /claim:no/));
  await assert.rejects(
    user.createSandbox({ name: "other", spec: { policy: policy() } }),
    failed(Code.FailedPrecondition, /claim:no/),
  );

  const { version, annotations } = await set({ [FORCE]: "true", why: "ticket 7" });
  assert.equal(version, 2);
  const proof = {
    verdict: "refuted",
    engine: "exact",
    solver: null,
    documents: "sha256:cd",
    warnings: [],
    forced: true,
  };
  assert.deepEqual(Object.keys(annotations).sort(), [PROOF, "why"]);
  assert.deepEqual(JSON.parse(annotations[PROOF]!), proof);
  const { revision } = await user.getSandboxPolicyStatus({ name: "box" });
  assert.deepEqual(JSON.parse(revision?.provenance[PROOF] ?? ""), proof);
  const forced = await user.updateConfig({ ...global, annotations: { [FORCE]: "true" } });
  assert.deepEqual(JSON.parse(forced.annotations[PROOF]!), proof);
});

serviceTest("has one workspace", async ({ user }) => {
  const { workspaces } = await user.listWorkspaces({});
  assert.deepEqual(workspaces.map(({ metadata }) => metadata?.name), ["default"]);
  const { workspace } = await user.getWorkspace({ name: "default" });
  assert.equal(workspace?.status?.phase, WorkspacePhase.ACTIVE);
  await assert.rejects(user.getWorkspace({ name: "x" }), failed(Code.NotFound));
  await assert.rejects(user.getSandbox({ name: "a", workspace: "x" }), failed(Code.NotFound));
  await assert.rejects(user.createWorkspace({ name: "x" }), failed(Code.Unimplemented));
});

serviceTest("makes, shows, stops, starts and ends a sandbox", async (context) => {
  const { user, sandboxes } = context;
  const { sandbox } = await user.createSandbox({
    name: "box",
    labels: { team: "docs" },
    annotations: { note: "x" },
    spec: { command: ["sleep", "1"], environment: { A: "1" }, policy: policy() },
  });
  assert.equal(sandbox?.status?.phase, SandboxPhase.PROVISIONING);
  assert.equal(sandbox?.metadata?.id, ID);
  assert.equal(sandbox?.metadata?.workspace, "default");
  assert.deepEqual(sandbox?.metadata?.labels, { team: "docs" });
  assert.deepEqual(sandbox?.metadata?.annotations, { note: "x" });
  assert.deepEqual(sandbox?.spec?.command, ["sleep", "1"]);
  await assert.rejects(user.createSandbox({ name: "box" }), failed(Code.AlreadyExists, /exists/));
  await sandboxes.supervisorConnected(ID, "run-1");
  const shown = (await user.getSandbox({ name: "box" })).sandbox;
  assert.equal(shown?.status?.phase, SandboxPhase.READY);
  assert.equal(shown?.status?.mainProcessInstanceId, "run-1");
  assert.equal(shown?.status?.exitCode, undefined);
  assert.equal(shown?.status?.conditions[0]?.reason, "DependenciesReady");
  const listed = await user.listSandboxes({ labelSelector: "team=docs", limit: 1 });
  assert.deepEqual(listed.sandboxes.map(({ metadata }) => metadata?.name), ["box"]);
  assert.deepEqual((await user.listSandboxes({ allWorkspaces: true, offset: 1 })).sandboxes, []);
  const stopped = (await user.stopSandbox({ name: "box" })).sandbox;
  assert.equal(stopped?.status?.phase, SandboxPhase.STOPPED);
  const started = (await user.startSandbox({ name: "box" })).sandbox;
  assert.equal(started?.status?.phase, SandboxPhase.STARTING);
  assert.equal((await user.deleteSandbox({ name: "box" })).deleted, true);
  assert.equal((await user.deleteSandbox({ name: "box" })).deleted, false);
  await assert.rejects(user.getSandbox({ name: "box" }), failed(Code.NotFound));
});

serviceTest("takes the exit of a main process, 0 too", async ({ user, sandboxes, supervisor }) => {
  await user.createSandbox({ name: "box" });
  await sandboxes.supervisorConnected(ID, "run-1");
  const own = await supervisor();
  await own.reportMainProcessExit({ sandboxId: ID, instanceId: "run-0", exitCode: 1 });
  assert.equal((await user.getSandbox({ name: "box" })).sandbox?.status?.phase, SandboxPhase.READY);
  await own.reportMainProcessExit({ sandboxId: ID, instanceId: "run-1", exitCode: 0 });
  const { status } = (await user.getSandbox({ name: "box" })).sandbox!;
  assert.equal(status?.phase, SandboxPhase.ERROR);
  assert.equal(status?.exitCode, 0);
  assert.equal(status?.conditions[0]?.reason, "MainProcessExited");
  await assert.rejects(
    user.stopSandbox({ name: "box" }),
    failed(Code.FailedPrecondition, /phase error/),
  );
});

serviceTest("changes, shows and reports policies", async ({ user, supervisor, driver }) => {
  await user.createSandbox({ name: "box", spec: { policy: policy() } });
  assert.match(new TextDecoder().decode(driver.started.get(ID)?.policy), /docs\.example\.com/);
  const before = (await user.getSandbox({ name: "box" })).sandbox!.metadata!.resourceVersion;
  const change = await user.updateConfig({
    name: "box",
    policy: policy(444),
    annotations: { why: "ticket" },
  });
  assert.equal(change.version, 2);
  assert.deepEqual(change.annotations, { why: "ticket" });
  await assert.rejects(
    user.updateConfig({ name: "box", policy: policy(445), expectedResourceVersion: before }),
    failed(Code.Aborted, /changed by someone else/),
  );
  await assert.rejects(
    user.updateConfig({
      name: "box",
      policy: documentToWire("version: 1\nfilesystem_policy: { include_workdir: false }\n"),
    }),
    failed(Code.InvalidArgument, /filesystem_policy cannot change/),
  );
  await assert.rejects(
    user.updateConfig({ name: "box", policy: { version: 3 } }),
    failed(Code.InvalidArgument, /error\[unsupported_version\]/),
  );
  const own = await supervisor();
  await own.reportPolicyStatus({ sandboxId: ID, version: 2, status: PolicyStatus.LOADED });
  await assert.rejects(
    own.reportPolicyStatus({ sandboxId: ID, version: 2 }),
    failed(Code.InvalidArgument),
  );
  const status = await user.getSandboxPolicyStatus({ name: "box" });
  assert.equal(status.activeVersion, 2);
  assert.equal(status.revision?.status, PolicyStatus.LOADED);
  assert.equal(status.revision?.policyHash, change.policyHash);
  assert.equal(status.revision?.policy?.networkPolicies["docs"]?.endpoints[0]?.port, 444);
  const { revisions } = await user.listSandboxPolicies({ name: "box" });
  assert.deepEqual(revisions.map(({ version }) => version), [2, 1]);
  await assert.rejects(
    user.getSandboxPolicyStatus({ name: "box", version: 9 }),
    failed(Code.NotFound, /revision 9/),
  );
  const { sandbox } = await user.getSandbox({ name: "box" });
  assert.equal(sandbox?.status?.currentPolicyVersion, 2);
  await own.reportPolicyStatus({
    sandboxId: ID,
    version: 2,
    status: PolicyStatus.FAILED,
    loadError: "x",
  });
  assert.equal((await user.getSandboxPolicyStatus({ name: "box" })).revision?.loadError, "x");
});

serviceTest("puts a global policy before all others, and takes it back", async ({ user }) => {
  await user.createSandbox({ name: "box" });
  const own = await user.getSandboxConfig({ sandboxId: ID });
  assert.equal(own.policySource, PolicySource.SANDBOX);
  const set = await user.updateConfig({ global: true, policy: policy() });
  const config = await user.getSandboxConfig({ sandboxId: ID });
  assert.equal(config.policySource, PolicySource.GLOBAL);
  assert.equal(config.policyHash, set.policyHash);
  assert.equal(config.globalPolicyVersion, 1);
  assert.equal(config.version, 1);
  assert.notEqual(config.configRevision, own.configRevision);
  await assert.rejects(
    user.updateConfig({ name: "box", policy: policy() }),
    failed(Code.FailedPrecondition, /global policy/),
  );
  assert.equal((await user.getSandboxPolicyStatus({ global: true })).activeVersion, 1);
  const remove = { global: true, settingKey: "policy", deleteSetting: true };
  assert.equal((await user.updateConfig(remove)).deleted, true);
  assert.equal((await user.updateConfig(remove)).deleted, false);
  const after = await user.getSandboxConfig({ sandboxId: ID });
  assert.equal(after.configRevision, own.configRevision);
});

serviceTest("keeps settings", async ({ user }) => {
  await user.createSandbox({ name: "box" });
  const text = (value: string) => ({ value: { case: "stringValue", value } } as const);
  const key = { settingKey: "proposal_approval_mode" };
  await user.updateConfig({ name: "box", ...key, settingValue: text("auto") });
  await user.updateConfig({
    global: true,
    settingKey: "ocsf_json_enabled",
    settingValue: { value: { case: "boolValue", value: true } },
  });
  const { settings } = await user.getSandboxConfig({ sandboxId: ID });
  assert.equal(settings["proposal_approval_mode"]?.scope, SettingScope.SANDBOX);
  assert.equal(settings["ocsf_json_enabled"]?.scope, SettingScope.GLOBAL);
  const config = await user.getGatewayConfig({});
  assert.equal(config.settingsRevision, 1n);
  assert.equal(config.settings["ocsf_json_enabled"]?.value.value, true);
  assert.equal(
    (await user.updateConfig({ name: "box", ...key, deleteSetting: true })).deleted,
    true,
  );
  const refused = [{ name: "box" }, { name: "box", ...key }, {
    name: "box",
    ...key,
    policy: policy(),
  }, { name: "box", settingKey: "policy", settingValue: text("x") }];
  for (const request of refused) {
    await assert.rejects(user.updateConfig(request), failed(Code.InvalidArgument));
  }
});

serviceTest("gives logs of a sandbox that is there", async ({ user, lines }) => {
  await user.createSandbox({ name: "box" });
  for (const message of ["a", "b"]) lines.push(create(SandboxLogLineSchema, { message }));
  const answer = await user.getSandboxLogs({ sandboxId: ID, lines: 1 });
  assert.deepEqual(answer.logs.map(({ message }) => message), ["b"]);
  assert.equal(answer.bufferTotal, 2);
  await assert.rejects(user.getSandboxLogs({ sandboxId: idOf(9) }), failed(Code.NotFound));
});

/** What a watcher sees, in short. */
function describe({ payload }: SandboxStreamEvent): string {
  switch (payload.case) {
    case "sandbox":
      return SandboxPhase[payload.value.status?.phase ?? 0] ?? "";
    case "event":
      return `event ${payload.value.message}`;
    case "log":
      return `log ${payload.value.message}`;
    default:
      return payload.case ?? "";
  }
}

serviceTest("streams a sandbox until it is ready", async ({ user, sandboxes }) => {
  await user.createSandbox({ name: "box" });
  await sandboxes.settled();
  const watch = user.watchSandbox({
    id: ID,
    followStatus: true,
    followEvents: true,
    eventTail: 1,
    stopOnTerminal: true,
  });
  const seen: string[] = [];
  for await (const event of watch) {
    seen.push(describe(event));
    if (seen.length === 2) {
      await sandboxes.driverReported({ id: ID, state: "starting", step: "confining" });
      await sandboxes.supervisorConnected(ID, "run-1");
    }
  }
  assert.deepEqual(seen, [
    "PROVISIONING",
    "event Sandbox started",
    "PROVISIONING",
    "event confining",
    "READY",
  ]);
});

serviceTest("ends a stream of one that failed, or is gone", async ({ user, sandboxes }) => {
  await user.createSandbox({ name: "box" });
  await sandboxes.mainProcessExited(ID, "run-1", 3);
  const failedOne = user.watchSandbox({ id: ID, stopOnTerminal: true });
  assert.deepEqual((await Array.fromAsync(failedOne)).map(describe), ["ERROR"]);
  const seen: string[] = [];
  for await (const event of user.watchSandbox({ id: ID, followStatus: true })) {
    seen.push(describe(event));
    if (seen.length === 1) await sandboxes.delete("", "box");
  }
  assert.deepEqual(seen, ["ERROR", "DELETING"]);
  await assert.rejects(
    Array.fromAsync(user.watchSandbox({ id: ID })),
    failed(Code.NotFound, /Cannot find sandbox/),
  );
});

serviceTest("streams logs beside the rest", async ({ user, sandboxes, lines }) => {
  await user.createSandbox({ name: "box" });
  await sandboxes.settled();
  for (const message of ["a", "b"]) lines.push(create(SandboxLogLineSchema, { message }));
  const watch = user.watchSandbox({
    id: ID,
    followLogs: true,
    logTailLines: 1,
    stopOnTerminal: true,
  });
  const seen: string[] = [];
  for await (const event of watch) {
    seen.push(describe(event));
    if (seen.length === 2) await sandboxes.supervisorConnected(ID, "run-1");
  }
  assert.deepEqual(seen, ["PROVISIONING", "log b", "READY"]);
});

Deno.test("mergeMethods() refuses two of one method", () => {
  assert.deepEqual(mergeMethods<object>({ a: 1 }, { b: 2 }), { a: 1, b: 2 });
  assert.throws(() => mergeMethods<object>({ a: 1 }, { a: 2 }), MethodConflictError);
});
