import assert from "node:assert/strict";
import {
  GatewayStopError,
  isProcessAlive,
  stopLocalGateway,
  type StopPorts,
} from "./stop_gateway.ts";

const ENDPOINT = "https://127.0.0.1:5";

async function withRecord(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/gateway`);
  const record = JSON.stringify({ endpoint: ENDPOINT, pid: 77, version: "1" });
  await Deno.writeTextFile(`${folder}/gateway/endpoint.json`, record);
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A process that is there for so many looks. */
function portsFor(looks: number, killed: number[]): StopPorts {
  let left = looks;
  return {
    kill: (pid) => void killed.push(pid),
    isAlive: () => left-- > 0,
    sleep: () => Promise.resolve(),
  };
}

Deno.test("stopLocalGateway() ends the process that answered, and waits for it", async () => {
  await withRecord(async (folder) => {
    const killed: number[] = [];
    assert.equal(await stopLocalGateway(folder, ENDPOINT, portsFor(3, killed)), 77);
    assert.deepEqual(killed, [77]);
  });
});

Deno.test("stopLocalGateway() leaves a process alone that did not answer", async () => {
  await withRecord(async (folder) => {
    const killed: number[] = [];
    const stopping = stopLocalGateway(folder, "https://127.0.0.1:6", portsFor(0, killed));
    await assert.rejects(stopping, GatewayStopError);
    assert.deepEqual(killed, []);
  });
});

Deno.test("stopLocalGateway() says when the process goes on", async () => {
  await withRecord(async (folder) => {
    const stopping = stopLocalGateway(folder, ENDPOINT, portsFor(Infinity, []));
    await assert.rejects(stopping, /process 77 still runs/);
  });
});

Deno.test("isProcessAlive() tells one that runs from one that has ended", async () => {
  assert.equal(isProcessAlive(Deno.pid), true);
  const child = new Deno.Command("true").spawn();
  await child.status;
  assert.equal(isProcessAlive(child.pid), false);
});
