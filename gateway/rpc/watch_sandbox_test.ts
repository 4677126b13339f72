import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { idOf, openFixture, requestOf } from "../../tests/conformance/sandbox_fixture.ts";
import { WatchSandboxRequestSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { WATCH_CHANGES_MAX } from "../../proto/limits.ts";
import type { LogSource } from "./log_source.ts";
import { watchMethods } from "./watch_sandbox.ts";

const NO_LOGS: LogSource = {
  read: () => Promise.resolve({ lines: [], total: 0 }),
  async *follow() {},
};

Deno.test("watchSandbox() cuts off who does not read", async () => {
  const fixture = openFixture();
  const { sandboxes } = fixture;
  try {
    await sandboxes.create(requestOf("box"));
    await sandboxes.settled();
    const request = create(WatchSandboxRequestSchema, { id: idOf(1), followEvents: true });
    const { signal } = new AbortController();
    const context = { signal } as HandlerContext;
    const watch = watchMethods(sandboxes, NO_LOGS).watchSandbox(request, context);
    const events = watch[Symbol.asyncIterator]();
    assert.equal((await events.next()).done, false);
    for (let count = 0; count <= WATCH_CHANGES_MAX; count++) {
      await sandboxes.driverReported({ id: idOf(1), state: "starting", step: "confining" });
    }
    await assert.rejects(
      events.next(),
      (error) => error instanceof ConnectError && error.code === Code.ResourceExhausted,
    );
  } finally {
    await fixture.close();
  }
});

Deno.test("watchSandbox() ends when its caller goes, and stops listening", async () => {
  const fixture = openFixture();
  const { sandboxes } = fixture;
  try {
    await sandboxes.create(requestOf("box"));
    await sandboxes.settled();
    const controller = new AbortController();
    const request = create(WatchSandboxRequestSchema, { id: idOf(1), followStatus: true });
    const context = { signal: controller.signal } as HandlerContext;
    const watch = watchMethods(sandboxes, NO_LOGS).watchSandbox(request, context);
    const events = watch[Symbol.asyncIterator]();
    assert.equal((await events.next()).done, false);
    const rest = events.next();
    controller.abort();
    assert.equal((await rest).done, true);
  } finally {
    await fixture.close();
  }
});
