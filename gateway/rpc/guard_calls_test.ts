import assert from "node:assert/strict";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { CodedError } from "../../proto/errors.ts";
import { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { UnauthenticatedError } from "../auth/principal.ts";
import { ConflictError } from "../store/contract.ts";
import { sandboxOf } from "./call_context.ts";
import { guardCalls } from "./guard_calls.ts";
import { toConnectError } from "./to_connect_error.ts";

class Fault extends CodedError {
  override readonly code = "unavailable";
}

/** A gateway in which sandbox `s` calls, or nobody without a token. */
function clientOf(token: string | null, faults: unknown[] = []) {
  const transport = createRouterTransport((router) => {
    router.service(OpenShell, {
      async *connectSupervisor(messages, context) {
        for await (const { payload } of messages) {
          if (payload.case === "relayClose") throw new Fault("it is away");
          if (payload.case === "relayOpenResult") throw new TypeError("a secret of ours");
          yield { payload: { case: "sessionAccepted", value: { sessionId: sandboxOf(context) } } };
        }
      },
      async pushSandboxLogs(messages) {
        for await (const _ of messages);
        return {};
      },
    });
  }, {
    router: {
      interceptors: [guardCalls({
        verifyToken: (shown) => Promise.resolve(shown),
        sandboxExists: (id) => Promise.resolve(id === "s"),
        findSandboxId: () => Promise.resolve(null),
        onFault: (error) => void faults.push(error),
      })],
    },
  });
  const client = createClient(OpenShell, transport);
  const headers: Record<string, string> = token === null
    ? {}
    : { authorization: `Bearer ${token}` };
  type Message = Parameters<typeof client.connectSupervisor>[0] extends AsyncIterable<infer T> ? T
    : never;
  const session = async (...messages: readonly Message[]) => {
    const answers: string[] = [];
    for await (const { payload } of client.connectSupervisor(stream(messages), { headers })) {
      if (payload.case === "sessionAccepted") answers.push(payload.value.sessionId);
    }
    return answers;
  };
  return { client, headers, session };
}

async function* stream<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) yield await Promise.resolve(value);
}

function hello(sandboxId: string) {
  return { payload: { case: "hello", value: { sandboxId, instanceId: "i" } } } as const;
}

function failed(code: Code, text: RegExp) {
  return (error: unknown) =>
    error instanceof ConnectError && error.code === code && text.test(error.rawMessage);
}

Deno.test("guardCalls() lets a sandbox open its own session", async () => {
  assert.deepEqual(
    await clientOf("s").session(hello("s"), { payload: { case: "heartbeat", value: {} } }),
    [
      "s",
      "s",
    ],
  );
});

Deno.test.each([
  { name: "for another sandbox", messages: [hello("t")] },
  { name: "for no sandbox", messages: [hello("")] },
  { name: "for another sandbox later on", messages: [hello("s"), hello("t")] },
])("guardCalls() ends a stream $name", async ({ messages }) => {
  const session = clientOf("s").session(...messages);
  await assert.rejects(session, failed(Code.PermissionDenied, /about itself alone/));
});

Deno.test("guardCalls() looks at each message of a client's stream", async () => {
  const { client, headers } = clientOf("s");
  await client.pushSandboxLogs(stream([{ sandboxId: "s" }, { sandboxId: "s" }]), { headers });
  const mixed = client.pushSandboxLogs(stream([{ sandboxId: "s" }, { sandboxId: "t" }]), {
    headers,
  });
  await assert.rejects(mixed, failed(Code.PermissionDenied, /about itself alone/));
});

Deno.test("guardCalls() refuses a stream of who is nobody, or gone", async () => {
  await assert.rejects(clientOf(null).session(hello("s")), failed(Code.Unauthenticated, /token/));
  await assert.rejects(
    clientOf("t").session(hello("t")),
    failed(Code.Unauthenticated, /not exist/),
  );
});

Deno.test("guardCalls() gives errors in the middle of a stream their code", async () => {
  const faults: unknown[] = [];
  const { session } = clientOf("s", faults);
  const coded = session({ payload: { case: "relayClose", value: {} } });
  await assert.rejects(coded, failed(Code.Unavailable, /^it is away$/));
  assert.deepEqual(faults, []);
  const bare = session({ payload: { case: "relayOpenResult", value: {} } });
  await assert.rejects(bare, failed(Code.Internal, /^The gateway failed/));
  assert.equal(faults.length, 1);
});

Deno.test.each([
  { error: new ConflictError("exists", "sandbox", "x"), want: Code.AlreadyExists },
  { error: new ConflictError("changed", "sandbox", "x"), want: Code.Aborted },
  { error: new ConflictError("missing", "sandbox", "x"), want: Code.Aborted },
  { error: new UnauthenticatedError("x"), want: Code.Unauthenticated },
  { error: new Fault("x"), want: Code.Unavailable },
  { error: new ConnectError("x", Code.Canceled), want: Code.Canceled },
  { error: "x", want: Code.Internal },
])("toConnectError() of $error", ({ error, want }) => {
  assert.equal(toConnectError(error, () => {}).code, want);
});

Deno.test("toConnectError() keeps texts within a header", () => {
  const { rawMessage } = toConnectError(new Fault("x".repeat(100_000)), () => {});
  assert.equal(rawMessage.length, 4096);
});
