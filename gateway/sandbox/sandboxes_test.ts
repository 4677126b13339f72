import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import {
  idOf,
  openFixture,
  requestOf,
  type SandboxFixture,
} from "../../tests/conformance/sandbox_fixture.ts";
import { SandboxPolicySchema } from "../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import { UNKEPT_ANNOTATION } from "../../proto/annotations.ts";
import { CodedError, type ErrorCode } from "../../proto/errors.ts";
import { DEFAULT_POLICY } from "../policy/default_policy.ts";
import { ConflictError, StoreError } from "../store/contract.ts";
import type { SandboxChange } from "./sandbox_watchers.ts";

const ID = idOf(1);

class DriverFault extends CodedError {
  override readonly code: ErrorCode = "failed_precondition";
  readonly reason = "IsolationFailed";
}

function serviceTest(name: string, body: (fixture: SandboxFixture) => Promise<void>): void {
  Deno.test(`SandboxService ${name}`, async () => {
    const fixture = openFixture();
    try {
      await body(fixture);
      assert.deepEqual(fixture.problems, []);
    } finally {
      await fixture.close();
    }
  });
}

async function phaseOf({ sandboxes }: SandboxFixture, id = ID): Promise<string> {
  const { state } = await sandboxes.getById(id);
  return `${state.phase} ${state.conditions[0]?.reason}`;
}

function coded(code: ErrorCode, detail: RegExp) {
  return (error: unknown) =>
    error instanceof CodedError && error.code === code && detail.test(error.message);
}

serviceTest(
  "creates a sandbox that is ready when its supervisor has connected",
  async (fixture) => {
    const { sandboxes, driver } = fixture;
    const created = await sandboxes.create(requestOf("box", {
      command: ["claude"],
      tty: true,
      environment: { A: "1" },
      template: {
        environment: { A: "0", B: "2" },
        resources: { limits: { cpu: "500m", memory: "1Gi", pids: 64 } },
        driverConfig: { embedded: { binds: [{ source: "/src/", target: "/project" }] } },
      },
    }));
    assert.equal(created.state.phase, "provisioning");
    const { policy, ...sandbox } = driver.started.get(ID)!;
    assert.equal(new TextDecoder().decode(policy), DEFAULT_POLICY);
    assert.deepEqual(sandbox, {
      id: ID,
      name: "box",
      workspace: "default",
      command: ["claude"],
      tty: true,
      environment: { A: "1", B: "2" },
      providers: [],
      resources: { cpuMax: 0.5, memoryBytesMax: 2 ** 30, processesMax: 64 },
      binds: [{ source: "/src", target: "/project", writable: false, unprotect: [] }],
      token: `token of ${ID}`,
    });
    await sandboxes.settled();
    assert.equal(await phaseOf(fixture), "provisioning SupervisorNotConnected");
    await sandboxes.supervisorConnected(ID, "run-1");
    assert.equal(await phaseOf(fixture), "ready DependenciesReady");
    assert.deepEqual(driver.calls, [`validate ${ID}`, `start ${ID}`]);
  },
);

serviceTest("persists before it starts, and takes a session meanwhile", async (fixture) => {
  const { sandboxes, driver } = fixture;
  driver.before = async (method) => {
    if (method !== "start") return;
    assert.match(await phaseOf(fixture), /^provisioning/);
    await sandboxes.supervisorConnected(ID, "run-1");
  };
  const created = await sandboxes.create(requestOf("box"));
  assert.equal(created.state.phase, "provisioning");
  assert.equal(await phaseOf(fixture), "ready DependenciesReady");
});

serviceTest("leaves nothing of a sandbox that does not start", async (fixture) => {
  const { sandboxes, driver, store, problems } = fixture;
  for (const method of ["validate", "start"]) {
    driver.before = (called) => {
      if (called === method) throw new DriverFault("no landlock", { hint: "newer kernel" });
    };
    const creation = sandboxes.create(requestOf("box"));
    await assert.rejects(creation, DriverFault);
    assert.deepEqual(await store.list({ type: "sandbox" }), []);
    assert.deepEqual(await store.list({ type: "sandbox_policy" }), []);
  }
  assert.deepEqual(driver.reports.size, 0);
  // What cannot even be removed is removed when the gateway starts next.
  driver.before = (called) => {
    if (called !== "validate") throw new DriverFault("stuck");
  };
  await assert.rejects(sandboxes.create(requestOf("box")), /stuck/);
  assert.equal(problems.splice(0).length, 1);
  assert.match(await phaseOf(fixture, idOf(3)), /^deleting/);
});

serviceTest("makes up names, and refuses one that is taken", async ({ sandboxes }) => {
  assert.equal((await sandboxes.create(requestOf(""))).name, "able-acorn");
  assert.equal((await sandboxes.create(requestOf(""))).name, "sandbox-0");
  const taken = sandboxes.create(requestOf("able-acorn"));
  await assert.rejects(taken, coded("already_exists", /one of this name exists/));
});

serviceTest("refuses an invalid policy before anything is done", async ({ sandboxes, driver }) => {
  const policy = create(SandboxPolicySchema, { version: 7 });
  await assert.rejects(
    sandboxes.create(requestOf("box", { policy })),
    coded("invalid_argument", /1 error/),
  );
  assert.deepEqual(driver.calls, []);
});

serviceTest("runs under the global policy where there is one", async (fixture) => {
  const { sandboxes, driver, policies } = fixture;
  await policies.setGlobal(new TextEncoder().encode(`${DEFAULT_POLICY}# global\n`), null);
  await sandboxes.create(requestOf("box"));
  assert.match(new TextDecoder().decode(driver.started.get(ID)!.policy), /# global/);
});

serviceTest("stops and starts, each as often as asked", async (fixture) => {
  const { sandboxes, driver } = fixture;
  await sandboxes.create(requestOf("box"));
  await sandboxes.supervisorConnected(ID, "run-1");
  driver.before = async (method) => {
    if (method === "stop") assert.equal(await phaseOf(fixture), "stopping Stopping");
  };
  assert.equal((await sandboxes.stop("", "box")).state.phase, "stopped");
  await sandboxes.supervisorDisconnected(ID);
  assert.equal((await sandboxes.stop("", "box")).state.phase, "stopped");
  assert.equal((await sandboxes.start("", "box")).state.phase, "starting");
  // The process before is not this one.
  await sandboxes.mainProcessExited(ID, "run-1", 143);
  assert.match(await phaseOf(fixture), /^starting/);
  await sandboxes.supervisorConnected(ID, "run-2");
  assert.equal((await sandboxes.start("", "box")).state.phase, "ready");
  const { length } = driver.calls.filter((call) => call === `stop ${ID}`);
  assert.equal(length, 1);
});

serviceTest("says why a sandbox does not start again", async (fixture) => {
  const { sandboxes, driver } = fixture;
  await sandboxes.create(requestOf("box"));
  await sandboxes.stop("", "box");
  driver.before = () => {
    throw new DriverFault("no landlock", { hint: "newer kernel" });
  };
  await assert.rejects(sandboxes.start("", "box"), DriverFault);
  assert.equal(await phaseOf(fixture), "error IsolationFailed");
  const { state } = await sandboxes.getById(ID);
  assert.equal(state.conditions[0]!.message, "no landlock (newer kernel)");
  for (const request of [sandboxes.start("", "box"), sandboxes.stop("", "box")]) {
    await assert.rejects(request, coded("failed_precondition", /phase error/));
  }
});

serviceTest("keeps the code of a main process that ended", async (fixture) => {
  const { sandboxes } = fixture;
  await sandboxes.create(requestOf("box"));
  await sandboxes.supervisorConnected(ID, "run-1");
  await sandboxes.mainProcessExited(ID, "run-1", 0);
  assert.equal(await phaseOf(fixture), "error MainProcessExited");
  assert.equal((await sandboxes.getById(ID)).state.exitCode, 0);
  await sandboxes.supervisorDisconnected(ID);
  assert.equal(await phaseOf(fixture), "error MainProcessExited");
});

serviceTest("deletes all that a sandbox had, in any phase", async (fixture) => {
  const { sandboxes, settings, store, driver } = fixture;
  await sandboxes.create(requestOf("box"));
  await settings.set({ sandboxId: ID }, "ocsf_json_enabled", true);
  await sandboxes.mainProcessExited(ID, "run-1", 1);
  assert.equal(await sandboxes.delete("", "box"), true);
  assert.equal(await sandboxes.delete("", "box"), false);
  for (const type of ["sandbox", "sandbox_policy", "sandbox_settings"] as const) {
    assert.deepEqual(await store.list({ type }), []);
  }
  assert.deepEqual([...driver.reports], []);
  await assert.rejects(sandboxes.getById(ID), coded("not_found", /Cannot find sandbox/));
  await assert.rejects(
    sandboxes.supervisorConnected(ID, "run-1"),
    coded("not_found", /Cannot find/),
  );
  await sandboxes.driverReported({ id: ID, state: "running" });
});

serviceTest("can be asked again to delete what could not be deleted", async (fixture) => {
  const { sandboxes, driver } = fixture;
  await sandboxes.create(requestOf("box"));
  driver.before = () => {
    throw new DriverFault("busy");
  };
  await assert.rejects(sandboxes.delete("", "box"), /busy/);
  const { state, deletionTimestampMs } = await sandboxes.getById(ID);
  assert.equal(state.phase, "deleting");
  assert.equal(deletionTimestampMs, Date.UTC(2026, 0, 1));
  driver.before = () => {};
  assert.equal(await sandboxes.delete("", "box"), true);
});

serviceTest("does one thing after the other", async ({ sandboxes, driver }) => {
  await sandboxes.create(requestOf("box"));
  driver.calls.length = 0;
  const results = await Promise.allSettled([
    sandboxes.stop("", "box"),
    sandboxes.start("", "box"),
    sandboxes.delete("", "box"),
    sandboxes.start("", "box"),
  ]);
  assert.deepEqual(results.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "fulfilled",
    "rejected",
  ]);
  assert.deepEqual(driver.calls, [`stop ${ID}`, `start ${ID}`, `delete ${ID}`]);
});

serviceTest("lists by workspace and labels, page by page", async ({ sandboxes }) => {
  for (const name of ["a", "b", "c"]) {
    const labels: Record<string, string> = { team: name === "b" ? "ops" : "docs" };
    await sandboxes.create(requestOf(name, {}, { labels }));
  }
  const list = async (labelSelector: string, limit = 10, offset = 0) => {
    const query = { workspace: "default", labelSelector, limit, offset };
    return (await sandboxes.list(query)).map(({ name }) => name).join("");
  };
  assert.equal(await list(""), "abc");
  assert.equal(await list("team=docs"), "ac");
  assert.equal(await list("team==ops"), "b");
  await assert.rejects(list("team=docs, team=ops"), coded("invalid_argument", /there twice/));
  assert.equal(await list("", 1, 1), "b");
  await assert.rejects(list("team"), coded("invalid_argument", /not key=value/));
  await assert.rejects(
    sandboxes.list({ workspace: "other", labelSelector: "", limit: 1, offset: 0 }),
    coded("not_found", /Cannot find workspace "other"/),
  );
});

serviceTest("tells who watches, and keeps events for who comes later", async (fixture) => {
  const { sandboxes } = fixture;
  await sandboxes.create(requestOf("box"));
  await sandboxes.settled();
  const changes: string[] = [];
  const describe = (change: SandboxChange) =>
    change.kind === "changed" ? change.record.state.phase : change.kind;
  const stop = sandboxes.watch(ID, (change) => void changes.push(describe(change)));
  await sandboxes.supervisorConnected(ID, "run-1");
  await sandboxes.driverReported({ id: ID, state: "starting", step: "confining" });
  await sandboxes.delete("", "box");
  stop();
  assert.deepEqual(changes.slice(0, 2), ["ready", "event"]);
  assert.deepEqual(changes.slice(-2), ["deleting", "deleted"]);
  assert.deepEqual(sandboxes.events(ID), []);
});

serviceTest("turns steps of a driver into progress", async ({ sandboxes }) => {
  await sandboxes.create(requestOf("box"));
  await sandboxes.driverReported({ id: ID, state: "starting", step: "confining" });
  const metadata = sandboxes.events(ID).map((event) => Object.values(event.metadata).join(" "));
  assert.deepEqual(metadata, [
    "starting_sandbox",
    "starting_sandbox Sandbox started",
    "starting_sandbox confining",
  ]);
});

serviceTest("changes a policy, on the version that was read", async (fixture) => {
  const { sandboxes, policies } = fixture;
  const { resourceVersion } = await sandboxes.create(requestOf("box"));
  await sandboxes.settled();
  const heard: string[] = [];
  policies.subscribe(ID, () => void heard.push("changed"));
  const document = new TextEncoder().encode(`${DEFAULT_POLICY}network_policies:
  docs: {endpoints: [{host: docs.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
`);
  const current = (await sandboxes.getById(ID)).resourceVersion;
  const set = (expectedResourceVersion: number) =>
    sandboxes.setPolicy(ID, { document, expectedResourceVersion, annotations: {} });
  await assert.rejects(set(current + 1), ConflictError);
  assert.ok(current >= resourceVersion);
  assert.equal((await set(current)).version, 2);
  await assert.rejects(set(current), ConflictError);
  assert.equal((await set(0)).isNew, false);
  assert.deepEqual(heard, ["changed", "changed"]);
  await sandboxes.policyReported(ID, 2, "no room");
  assert.equal((await sandboxes.getById(ID)).policyVersion, 0);
  assert.equal((await set(0)).version, 3);
  await sandboxes.policyReported(ID, 3, null);
  assert.equal((await sandboxes.getById(ID)).policyVersion, 3);
});

const UNKEPT = { annotations: { [UNKEPT_ANNOTATION]: "true" } };

serviceTest("deletes one that was not to be kept when it has ended", async (fixture) => {
  const { sandboxes, driver } = fixture;
  await sandboxes.create(requestOf("box", {}, UNKEPT));
  await sandboxes.supervisorConnected(ID, "run-1");
  await sandboxes.supervisorDisconnected(ID);
  await sandboxes.supervisorConnected(ID, "run-1");
  await sandboxes.mainProcessExited(ID, "run-1", 3);
  await sandboxes.settled();
  assert.match(await phaseOf(fixture), /^error/, "somebody may still read its output");
  await sandboxes.supervisorDisconnected(ID);
  await sandboxes.settled();
  assert.ok(!await sandboxes.exists(ID));
  assert.ok(driver.calls.includes(`delete ${ID}`));
});

serviceTest("deletes one that was not to be kept when its supervisor ends", async (fixture) => {
  const { sandboxes } = fixture;
  await sandboxes.create(requestOf("box", {}, UNKEPT));
  await sandboxes.supervisorConnected(ID, "run-1");
  const failed = { state: "failed", reason: "SupervisorEnded", message: "gone" } as const;
  await sandboxes.driverReported({ id: ID, ...failed });
  await sandboxes.settled();
  assert.ok(!await sandboxes.exists(ID));
});

serviceTest(
  "keeps what is to be kept, and what never ran, so that it can be read",
  async (fixture) => {
    const { sandboxes } = fixture;
    const failed = { state: "failed", reason: "SupervisorEnded", message: "gone" } as const;
    await sandboxes.create(requestOf("kept"));
    await sandboxes.supervisorConnected(ID, "run-1");
    await sandboxes.driverReported({ id: ID, ...failed });
    await sandboxes.create(requestOf("never", {}, UNKEPT));
    await sandboxes.driverReported({ id: idOf(2), ...failed });
    await sandboxes.settled();
    assert.match(await phaseOf(fixture), /^error/);
    assert.match(await phaseOf(fixture, idOf(2)), /^error/);
  },
);

const FULL = new StoreError("resource_exhausted", "its disk is full");

/** Has the store refuse every write until it is mended. */
function fillDisk({ store }: SandboxFixture): { readonly mend: () => void } {
  const { apply } = store;
  Object.assign(store, { apply: () => Promise.reject(FULL) });
  return { mend: () => void Object.assign(store, { apply }) };
}

serviceTest("writes down what happened when there is room again", async (fixture) => {
  const { sandboxes, driver, problems } = fixture;
  await sandboxes.create(requestOf("box"));
  await sandboxes.supervisorConnected(ID, "run-1");
  const disk = fillDisk(fixture);
  let pauses = 0;
  fixture.onPause = () => {
    if (++pauses === 3) disk.mend();
    return Promise.resolve();
  };
  driver.report({ id: ID, state: "failed", reason: "SupervisorEnded", message: "gone" });
  await sandboxes.settled();
  assert.equal(await phaseOf(fixture), "error SupervisorEnded");
  assert.deepEqual([pauses, problems.splice(0)], [3, [FULL]]);
});

serviceTest("does not wait for room when it ends", async (fixture) => {
  const { sandboxes, driver, problems } = fixture;
  await sandboxes.create(requestOf("box"));
  await sandboxes.settled();
  const { mend } = fillDisk(fixture);
  const paused = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  fixture.onPause = () => {
    paused.resolve();
    return closed.promise;
  };
  driver.report({ id: ID, state: "failed", reason: "SupervisorEnded", message: "gone" });
  await paused.promise;
  const closing = sandboxes.close();
  closed.resolve();
  await closing;
  mend();
  assert.deepEqual(problems.splice(0), [FULL, FULL]);
});

serviceTest("deletes what has filled the disk, which makes the room for it", async (fixture) => {
  const { sandboxes, driver } = fixture;
  await sandboxes.create(requestOf("box"));
  await sandboxes.settled();
  const { mend } = fillDisk(fixture);
  driver.before = (method) => {
    if (method === "delete") mend();
  };
  assert.ok(await sandboxes.delete("", "box"));
  assert.ok(!await sandboxes.exists(ID));
});
