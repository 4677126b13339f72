import assert from "node:assert/strict";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { Supervisors } from "../../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { OpenShell } from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import type { GatewayConnection } from "./gateway_connection.ts";
import { openRelay } from "./relay_channel.ts";

const BYTES = (text: string) => new TextEncoder().encode(text);

/** A gateway that sends `frames`, then whatever it gets, until that ends. */
function connectionTo(frames: readonly string[]): GatewayConnection {
  const transport = createRouterTransport(({ service }) => {
    service(OpenShell, {
      async *relayStream(requests) {
        for (const text of frames) yield { payload: { case: "data", value: BYTES(text) } };
        for await (const { payload } of requests) {
          if (payload.case === "data") yield { payload };
        }
      },
    });
  });
  return {
    openshell: createClient(OpenShell, transport),
    supervisors: createClient(Supervisors, transport),
    close: () => {},
  };
}

async function textOf(received: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const data of received) found.push(new TextDecoder().decode(data));
  return found;
}

Deno.test("openRelay() passes on every frame, in order, both ways", async () => {
  const relay = openRelay(connectionTo(["a", "b"]), "channel");
  assert.ok(await relay.send(BYTES("c")));
  relay.endSend();
  assert.deepEqual(await textOf(relay.received), ["a", "b", "c"]);
  assert.equal(await relay.send(BYTES("d")), false);
});

// A failure that nobody handles would end the process, and with it the sandbox: so would these tests.
Deno.test("openRelay() can be closed before anybody reads", async () => {
  for (const frames of [[], ["a"]]) {
    const relay = openRelay(connectionTo(frames), "channel");
    relay.close();
    await new Promise((resolve) => setTimeout(resolve));
    await assert.rejects(textOf(relay.received), /aborted|canceled/);
  }
});

Deno.test("openRelay() survives a gateway that has gone before anybody reads", async () => {
  const { openshell, supervisors, close } = connectionTo([]);
  const gone: GatewayConnection["openshell"] = {
    ...openshell,
    relayStream: () => {
      const failure = Promise.reject(new Error("gone"));
      return {
        [Symbol.asyncIterator]: () => ({ next: () => failure }),
      };
    },
  };
  const relay = openRelay({ openshell: gone, supervisors, close }, "channel");
  await new Promise((resolve) => setTimeout(resolve));
  await assert.rejects(textOf(relay.received), /gone/);
});
