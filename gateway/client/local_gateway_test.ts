import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fakeGateway } from "./fake_gateway.ts";
import {
  endpointFile,
  findLocalGateway,
  GatewayStartError,
  logFileOf,
  readLocalEndpoint,
  socketFile,
  spawnDetached,
  startLocalGateway,
  type StartPorts,
} from "./local_gateway.ts";
import { localTarget } from "./resolve_gateway.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function targetIn(folder: string) {
  return localTarget((name) => name === "XDG_STATE_HOME" ? folder : undefined);
}

/** Time moves on by `sleep` alone. */
function portsWith(ports: Partial<StartPorts>): StartPorts {
  let now = 0;
  return {
    spawn: () => Promise.resolve({ ended: new Promise<never>(() => {}) }),
    now: () => now,
    sleep(ms) {
      now += ms;
      return Promise.resolve();
    },
    onStart: () => {},
    find: () => Promise.resolve(null),
    ...ports,
  };
}

Deno.test("startLocalGateway() returns the gateway once it answers, and tells once", async () => {
  await inFolder(async (folder) => {
    const gateway = fakeGateway();
    const told: string[] = [];
    let looks = 0;
    const found = await startLocalGateway(
      targetIn(folder),
      portsWith({
        onStart: () => told.push("start"),
        find: () => Promise.resolve(++looks === 3 ? gateway : null),
      }),
    );
    assert.equal(found, gateway);
    assert.deepEqual(told, ["start"]);
  });
});

Deno.test("startLocalGateway() waits for another one that won the race", async () => {
  await inFolder(async (folder) => {
    const gateway = fakeGateway();
    let looks = 0;
    const found = await startLocalGateway(
      targetIn(folder),
      portsWith({
        spawn: () => Promise.resolve({ ended: Promise.resolve(1) }),
        find: () => Promise.resolve(++looks === 50 ? gateway : null),
      }),
    );
    assert.equal(found, gateway);
  });
});

Deno.test("startLocalGateway() says why it ended, without what an earlier one said", async () => {
  await inFolder(async (folder) => {
    const target = targetIn(folder);
    const log = logFileOf(target.stateFolder);
    await Deno.mkdir(`${target.stateFolder}/gateway`, { recursive: true });
    await Deno.writeTextFile(log, "an old line\n");
    const spawn = async (file: string) => {
      await Deno.writeTextFile(file, "error: no such thing\n", { append: true });
      return { ended: Promise.resolve(3) };
    };
    await assert.rejects(startLocalGateway(target, portsWith({ spawn })), (error) => {
      assert.ok(error instanceof GatewayStartError);
      assert.match(error.message, /ended with exit code 3$/);
      assert.match(error.hint ?? "", /no such thing\nRun "openshell doctor"/);
      assert.doesNotMatch(error.hint ?? "", /an old line/);
      return true;
    });
  });
});

Deno.test("startLocalGateway() gives up on one that never answers", async () => {
  await inFolder(async (folder) => {
    await assert.rejects(startLocalGateway(targetIn(folder), portsWith({})), /within 15 seconds$/);
  });
});

Deno.test.each([
  { text: '{"endpoint":"https://127.0.0.1:5","pid":77,"version":"1"}', want: 77 },
  { text: '{"endpoint":"https://127.0.0.1:5/x","pid":77}', want: null },
  { text: '{"endpoint":"https://127.0.0.1:5","pid":1}', want: null },
  { text: '{"endpoint":"https://127.0.0.1:5","pid":"77"}', want: null },
  { text: '{"endpoint":"https://127.0.0.1:5"}', want: null },
  { text: "{", want: null },
  { text: "null", want: null },
  { text: "", want: null },
])("readLocalEndpoint() of $text has process $want", async ({ text, want }) => {
  await inFolder(async (folder) => {
    assert.equal(await readLocalEndpoint(folder), null);
    await Deno.mkdir(`${folder}/gateway`);
    await Deno.writeTextFile(`${folder}/gateway/endpoint.json`, text);
    assert.equal((await readLocalEndpoint(folder))?.pid ?? null, want);
  });
});

Deno.test("findLocalGateway() finds none without certificates", async () => {
  await inFolder(async (folder) => {
    const target = targetIn(folder);
    await Deno.mkdir(`${target.stateFolder}/gateway`, { recursive: true });
    const record = { endpoint: "https://127.0.0.1:5", pid: 77, version: "1" };
    const file = `${target.stateFolder}/gateway/endpoint.json`;
    await Deno.writeTextFile(file, JSON.stringify(record));
    assert.equal(await findLocalGateway(target, false), null);
  });
});

Deno.test.each([
  { name: "of this user", mode: 0o700, ids: [null, null], want: true },
  { name: "in a folder that others may enter", mode: 0o755, ids: [null, null], want: false },
  { name: "in another user's folder", mode: 0o700, ids: [65_534, null], want: false },
  { name: "of another user", mode: 0o700, ids: [null, 65_534], want: false },
])("findLocalGateway() trusts a socket $name: $want", async ({ mode, ids, want }) => {
  // Only root can make what is another's.
  if (ids.some((id) => id !== null) && Deno.uid() !== 0) return;
  await inFolder(async (folder) => {
    const target = targetIn(folder);
    const socket = socketFile(target.stateFolder);
    await Deno.mkdir(dirname(socket), { recursive: true });
    const record = { endpoint: "https://127.0.0.1:5", pid: Deno.pid, version: "1" };
    await Deno.writeTextFile(endpointFile(target.stateFolder), JSON.stringify(record));
    const listener = Deno.listen({ transport: "unix", path: socket });
    try {
      await Deno.chmod(dirname(socket), mode);
      for (const [at, path] of [dirname(socket), socket].entries()) {
        const id = ids[at] ?? null;
        if (id !== null) await Deno.chown(path, id, id);
      }
      const gateway = await findLocalGateway(target, false);
      gateway?.close();
      assert.equal(gateway !== null, want);
    } finally {
      listener.close();
    }
  });
});

Deno.test("spawnDetached() runs in a session of its own, with its output in a private file", async () => {
  await inFolder(async (folder) => {
    const log = `${folder}/log`;
    const script = 'echo "out $1"; echo err >&2; cut -d" " -f6 "/proc/$$/stat"; echo $$; exit 3';
    const { pid, ended } = spawnDetached(["sh", "-c", script, "sh", "a b"], log);
    assert.equal(await ended, 3);
    const lines = (await Deno.readTextFile(log)).trim().split("\n");
    assert.deepEqual(lines, ["out a b", "err", String(pid), String(pid)]);
    assert.equal((await Deno.stat(log)).mode! & 0o777, 0o600);
  });
});

Deno.test("findLocalGateway() finds none whose process has gone, though its socket still accepts", async () => {
  await inFolder(async (folder) => {
    const target = targetIn(folder);
    const gone = new Deno.Command("true").spawn();
    await gone.status;
    await Deno.mkdir(`${target.stateFolder}/gateway`, { recursive: true, mode: 0o700 });
    using _listener = Deno.listen({ transport: "unix", path: socketFile(target.stateFolder) });
    for (const [pid, isFound] of [[gone.pid, false], [Deno.pid, true]] as const) {
      const endpoint = { endpoint: "https://127.0.0.1:1", pid, version: "1.2.3" };
      await Deno.writeTextFile(endpointFile(target.stateFolder), JSON.stringify(endpoint));
      const found = await findLocalGateway(target, false);
      assert.equal(found !== null, isFound);
      found?.close();
    }
  });
});
