import assert from "node:assert/strict";
import type { HandlerContext } from "@connectrpc/connect";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FORCE_ANNOTATION } from "../../proto/annotations.ts";
import {
  CreateSandboxRequestSchema,
  DeleteSandboxRequestSchema,
  StartSandboxRequestSchema,
  StopSandboxRequestSchema,
  UpdateConfigRequestSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { auditChanges } from "./audit_changes.ts";
import { changeRecorder, gatewayRecorder } from "./change_recorder.ts";
import { EventStore } from "./event_store.ts";

const SANDBOX = { id: "7d3c1c4e-0000-4000-8000-000000000001", name: "box" };
const CONTEXT = {} as HandlerContext;

async function withAudit(
  body: (
    changing: ReturnType<typeof auditChanges>,
    folder: string,
    gateway: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const gateway = `${folder}/gateway`;
  await Deno.mkdir(gateway);
  const origin = { hostname: "host", version: "1" };
  const changing = auditChanges({
    createSandbox: () => ({ sandbox: { metadata: SANDBOX } }),
    updateConfig: ({ settingKey }) => {
      if (settingKey === "bad") throw new TypeError("no");
      return { version: 2, policyHash: "sha256:x" };
    },
    deleteSandbox: ({ name }) => ({ deleted: name === SANDBOX.name }),
    stopSandbox: () => ({}),
    startSandbox: () => ({}),
  }, {
    find(_workspace, name) {
      if (name === "unreadable") return Promise.reject(new TypeError("the disk is gone"));
      return Promise.resolve(name === SANDBOX.name ? SANDBOX : null);
    },
    whoCalls: () => "me",
    record: changeRecorder({ folderOf: () => folder, ...origin }),
    recordGateway: gatewayRecorder({ folder: gateway, ...origin }),
  });
  try {
    await body(changing, folder, gateway);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function messages(folder: string, sandboxId = SANDBOX.id): Promise<readonly string[]> {
  const store = new EventStore({ folder, sandboxId });
  const { events } = await store.read({ lines: 100 });
  return events.map(({ text }) => JSON.parse(text)).map(({ state, message }) =>
    `${state}: ${message}`
  );
}

Deno.test("auditChanges() records what was changed, and by whom", async () => {
  await withAudit(async (changing, folder) => {
    await changing.createSandbox(create(CreateSandboxRequestSchema), CONTEXT);
    const request = create(UpdateConfigRequestSchema, { name: "box", settingKey: "key" });
    await Promise.all([
      changing.updateConfig(request, CONTEXT),
      changing.updateConfig(request, CONTEXT),
    ]);
    assert.deepEqual(await messages(folder), [
      "created: the sandbox was made by me",
      "updated: setting key, by me",
      "updated: setting key, by me",
    ]);
  });
});

Deno.test("auditChanges() records a change that was refused, and refuses it", async () => {
  await withAudit(async (changing, folder) => {
    const request = create(UpdateConfigRequestSchema, { name: "box", settingKey: "bad" });
    await assert.rejects(async () => await changing.updateConfig(request, CONTEXT), TypeError);
    assert.deepEqual(await messages(folder), ["rejected: setting bad, by me: refused"]);
  });
});

Deno.test("auditChanges() records what is for all in a chain that stays", async () => {
  await withAudit(async (changing, folder, gateway) => {
    const change = (fields: MessageInitShape<typeof UpdateConfigRequestSchema>) =>
      changing.updateConfig(
        create(UpdateConfigRequestSchema, { global: true, ...fields }),
        CONTEXT,
      );
    await change({ policy: { version: 1 }, annotations: { [FORCE_ANNOTATION]: "true" } });
    await change({ settingKey: "policy", deleteSetting: true });
    await assert.rejects(async () => await change({ settingKey: "bad" }), TypeError);
    for (const name of ["box", "another"]) {
      await changing.deleteSandbox(create(DeleteSandboxRequestSchema, { name }), CONTEXT);
    }
    assert.deepEqual(await messages(gateway, "gateway"), [
      "updated: global policy, by me, with force: proof not asked",
      "updated: global setting policy deleted, by me",
      "rejected: global setting bad, by me: refused",
      "removed: sandbox box, by me",
    ]);
    assert.deepEqual(await messages(folder), []);
  });
});

Deno.test("auditChanges() changes nothing of a sandbox that cannot be looked up", async () => {
  await withAudit(async (changing) => {
    const request = create(UpdateConfigRequestSchema, { name: "unreadable", settingKey: "key" });
    await assert.rejects(async () => await changing.updateConfig(request, CONTEXT), TypeError);
  });
});

Deno.test("auditChanges() records nothing of a sandbox that does not exist", async () => {
  await withAudit(async (changing, folder, gateway) => {
    const request = create(UpdateConfigRequestSchema, { name: "another", settingKey: "key" });
    await changing.updateConfig(request, CONTEXT);
    assert.deepEqual([await messages(folder), await messages(gateway, "gateway")], [[], []]);
  });
});

Deno.test("auditChanges() fails a change that cannot be recorded", async () => {
  await withAudit(async (changing, folder) => {
    await Deno.mkdir(`${folder}/gateway.jsonl`);
    const request = create(UpdateConfigRequestSchema, { name: "box", settingKey: "key" });
    await assert.rejects(async () => await changing.updateConfig(request, CONTEXT));
  });
});

Deno.test("auditChanges() records stop and start when they are done", async () => {
  await withAudit(async (changing, folder) => {
    await changing.stopSandbox(create(StopSandboxRequestSchema, { name: "box" }), CONTEXT);
    await changing.startSandbox(create(StartSandboxRequestSchema, { name: "box" }), CONTEXT);
    assert.deepEqual(await messages(folder), ["disabled: stopped by me", "enabled: started by me"]);
  });
});
