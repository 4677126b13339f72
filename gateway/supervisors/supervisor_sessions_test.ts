import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import {
  type ExecSandboxEvent,
  ExecSandboxRequestSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { processMethods } from "./process_service.ts";
import { SupervisorSessions } from "./supervisor_sessions.ts";

const QUIET = { supervisorConnected: () => {}, supervisorDisconnected: () => {} };

Deno.test("SupervisorSessions keeps no session that was refused", async () => {
  const sessions = new SupervisorSessions({
    ...QUIET,
    supervisorConnected: () => Promise.reject(new TypeError("the store is full")),
  });
  await assert.rejects(sessions.open("box", "1"), /the store is full/);
  assert.equal(sessions.isConnected("box"), false);
});

Deno.test("SupervisorSessions keeps the session that came after a refused one", async () => {
  const first = Promise.withResolvers<void>();
  const answers = [first.promise, Promise.resolve()];
  const sessions = new SupervisorSessions({
    ...QUIET,
    supervisorConnected: () => answers.shift() ?? Promise.resolve(),
  });
  const refused = sessions.open("box", "1");
  const session = await sessions.open("box", "2");
  first.reject(new TypeError("late"));
  await assert.rejects(refused, /late/);
  assert.equal(sessions.isConnected("box"), true);
  await sessions.end(session);
});

Deno.test("execSandbox() of a client that has gone meanwhile starts nothing that stays", async () => {
  const sessions = new SupervisorSessions(QUIET);
  const session = await sessions.open("box", "1");
  const gone = new AbortController();
  const ports = { sessions, checkReady: () => {}, checkExists: () => {} };
  const { execSandbox } = processMethods(ports);
  const context = { signal: gone.signal } as HandlerContext;
  const request = create(ExecSandboxRequestSchema, { sandboxId: "box", command: ["sleep", "1"] });
  const events = execSandbox(request, context) as AsyncIterable<ExecSandboxEvent>;
  const end = assert.rejects(Array.fromAsync(events), /ended before the program/);
  for await (const { payload } of session.outgoing) {
    if (payload.case !== "relayOpen") continue;
    gone.abort();
    const relay = sessions.joinRelay("box", payload.value.channelId);
    assert.ok(relay !== null);
    await relay.closed;
    break;
  }
  await end;
  await sessions.end(session);
});
