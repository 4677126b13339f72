import assert from "node:assert/strict";
import { create, equals } from "@bufbuild/protobuf";
import { SandboxSpecSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { newState, type Phase } from "./phase.ts";
import { fromStored, type SandboxRecord, toMessage, toStored } from "./sandbox_record.ts";

const PHASES: readonly Phase[] = [
  "provisioning",
  "ready",
  "error",
  "deleting",
  "unknown",
  "stopping",
  "stopped",
  "starting",
];

Deno.test.each(
  PHASES.map((phase) => ({ phase })),
)("fromStored() gives back what toStored() took in $phase", ({ phase }) => {
  const spec = create(SandboxSpecSchema, {
    logLevel: "debug",
    command: ["a", ""],
    environment: { A: "1" },
    template: { resources: { limits: { cpu: "1" } } },
  });
  const record: SandboxRecord = {
    id: "i",
    name: "n",
    workspace: "w",
    labels: { a: "b" },
    annotations: { c: "d" },
    createdAtMs: 1,
    resourceVersion: 2,
    deletionTimestampMs: 3,
    spec,
    state: { ...newState(new Date(4)), phase, instanceId: "run", exitCode: 0 },
    policyVersion: 5,
  };
  const object = { ...toStored(record), createdAtMs: 1, updatedAtMs: 9, resourceVersion: 2 };
  const back = fromStored(object);
  assert.ok(equals(SandboxSpecSchema, back.spec, spec));
  assert.deepEqual({ ...back, spec }, record);
});

Deno.test("toMessage() leaves the exit code out until there is one, 0 included", () => {
  const record = {
    ...fromStored({
      id: "i",
      type: "sandbox",
      workspace: "w",
      name: "n",
      scope: null,
      version: null,
      status: "ready",
      payload: new Uint8Array(),
      labels: {},
      createdAtMs: 0,
      updatedAtMs: 0,
      resourceVersion: 1,
    }),
  };
  assert.equal(toMessage(record).status?.exitCode, undefined);
  const ended = { ...record, state: { ...record.state, exitCode: 0 } };
  assert.equal(toMessage(ended).status?.exitCode, 0);
});
