import assert from "node:assert/strict";
import { EventStore } from "./event_store.ts";
import { GatewayLog } from "./gateway_log.ts";
import { toLogLine } from "./stored_event.ts";

const CONTEXT = { sandboxId: "id-1", sandboxName: "box", hostname: "h", version: "0.1.0" };

Deno.test("GatewayLog writes what EventStore reads and verifies", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const log = GatewayLog.open({
      ...CONTEXT,
      folder,
      onFailure: (error) => {
        throw error;
      },
      now: () => 5,
    });
    const change = { version: 2, hash: "sha256:ab", source: "cli" };
    log.record({ state: "merged", message: "Rule docs added", ...change });
    log.record({ state: "rejected", message: "Rule web refused", failed: true });
    const store = new EventStore({ folder, sandboxId: "id-1" });
    const { events } = await store.read({ lines: 5 });
    assert.deepEqual(events.map((event) => toLogLine(event, "id-1").message), [
      "CONFIG:MERGED [INFO] Rule docs added [source:cli version:2 hash:sha256:ab]",
      "CONFIG:REJECTED [MED] Rule web refused",
    ]);
    const [, gateway] = await store.verify({ gateway: log.head });
    assert.deepEqual([gateway!.source, gateway!.intact, gateway!.events], ["gateway", true, 2]);
    assert.equal(log.failure, null);
    await log.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
