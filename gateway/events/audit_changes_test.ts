import assert from "node:assert/strict";
import type { HandlerContext } from "@connectrpc/connect";
import { create } from "@bufbuild/protobuf";
import {
  CreateSandboxRequestSchema,
  StartSandboxRequestSchema,
  StopSandboxRequestSchema,
  UpdateConfigRequestSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { auditChanges } from "./audit_changes.ts";
import { changeRecorder } from "./change_recorder.ts";
import { EventStore } from "./event_store.ts";

const SANDBOX = { id: "7d3c1c4e-0000-4000-8000-000000000001", name: "box" };
const CONTEXT = {} as HandlerContext;

async function withAudit(
  body: (changing: ReturnType<typeof auditChanges>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const changing = auditChanges({
    createSandbox: () => ({ sandbox: { metadata: SANDBOX } }),
    updateConfig: ({ settingKey }) => {
      if (settingKey === "bad") throw new TypeError("no");
      return { version: 2, policyHash: "sha256:x" };
    },
    stopSandbox: () => ({}),
    startSandbox: () => ({}),
  }, {
    find: (_workspace, name) => Promise.resolve(name === SANDBOX.name ? SANDBOX : null),
    whoCalls: () => "me",
    record: changeRecorder({ folderOf: () => folder, hostname: "host", version: "1" }),
  });
  try {
    await body(changing, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function messages(folder: string): Promise<readonly string[]> {
  const store = new EventStore({ folder, sandboxId: SANDBOX.id });
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

Deno.test("auditChanges() leaves a change of no sandbox alone", async () => {
  await withAudit(async (changing, folder) => {
    const request = create(UpdateConfigRequestSchema, { global: true, settingKey: "key" });
    await changing.updateConfig(request, CONTEXT);
    assert.deepEqual(await messages(folder), []);
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
