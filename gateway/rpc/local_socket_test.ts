import assert from "node:assert/strict";
import { openShellMethods } from "./openshell_service.ts";
import { mintPki } from "../pki/mint_pki.ts";
import { UnauthenticatedError } from "../auth/principal.ts";
import { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { openFixture } from "../../tests/conformance/sandbox_fixture.ts";
import { type LocalSocket, localSocketAt } from "./local_socket.ts";
import { startServer } from "./server.ts";

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Scene {
  readonly socket: string;
  readonly close: () => Promise<void>;
  readonly call: (method: string, headers?: Record<string, string>) => Promise<Answer>;
}

/** Serves on a socket to who is called `peer` there. */
async function withSocket(
  peer: LocalSocket["peer"],
  use: (scene: Scene) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/gateway.sock`;
  const files = await mintPki({ sans: ["localhost"], now: new Date() });
  const pki = new Map(files.map(({ path, text }) => [path, text]));
  const fixture = openFixture();
  const { sandboxes, store, driver } = fixture;
  const logs = {
    read: () => Promise.resolve({ lines: [], total: 0 }),
    async *follow() {},
  };
  const methods = openShellMethods({ ...fixture, version: "1.2.3", logs });
  // What a gateway that was killed leaves is replaced.
  await Deno.writeTextFile(socket, "");
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    tls: {
      ca: pki.get("ca.crt")!,
      cert: pki.get("server/tls.crt")!,
      key: pki.get("server/tls.key")!,
    },
    routes: (router) => void router.service(OpenShell, methods),
    guard: {
      verifyToken: () => Promise.reject(new UnauthenticatedError("no token holds here")),
      sandboxExists: (id) => sandboxes.exists(id),
      findSandboxId: () => Promise.resolve(null),
      onFault: () => {},
    },
    health: { version: "1.2.3", store },
    local: { path: socket, peer },
  });
  const proxy = { transport: "unix", path: socket } as const;
  const client = Deno.createHttpClient({ proxy, http1: false, http2: true });
  const call = async (method: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://openshell/openshell.v1.OpenShell/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: "{}",
      client,
    });
    return { status: response.status, body: await response.json() };
  };
  try {
    await use({ socket, call, close: () => server.close() });
  } finally {
    client.close();
    await server.close();
    await fixture.close();
    await driver.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const PERSON = { commonName: "openshell-client", units: ["openshell-user"] };

Deno.test("startServer() serves on a socket that its owner alone may use, as the person", async () => {
  await withSocket(PERSON, async ({ socket, call }) => {
    const { isSocket, mode } = await Deno.lstat(socket);
    assert.equal(isSocket, true);
    assert.equal(mode! & 0o777, 0o600);
    assert.deepEqual(await call("ListSandboxes"), { status: 200, body: {} });
  });
});

Deno.test("startServer() on a socket grants nobody more than who calls there may do", async () => {
  await withSocket({ commonName: "openshell-supervisor", units: ["openshell-supervisor"] }, async (
    { call },
  ) => {
    assert.equal((await call("ListSandboxes")).status, 401);
  });
});

Deno.test("startServer() on a socket refuses a token that does not hold, whoever calls", async () => {
  await withSocket(PERSON, async ({ call }) => {
    const answer = await call("ListSandboxes", { authorization: "Bearer x" });
    assert.notEqual(answer.status, 200);
  });
});

Deno.test("startServer() ends the connections of its socket when it closes", async () => {
  await withSocket(PERSON, async ({ call, close }) => {
    assert.equal((await call("Health")).status, 200);
    await close();
    await assert.rejects(call("Health"));
  });
});

Deno.test.each([
  { name: "root has a folder of its own", mode: 0o700, uid: 0, file: "s", isGiven: true },
  { name: "others may enter the folder", mode: 0o710, uid: 0, file: "s", isGiven: false },
  { name: "others may list the folder", mode: 0o704, uid: 0, file: "s", isGiven: false },
  { name: "sandboxes may be the person", mode: 0o700, uid: 1000, file: "s", isGiven: false },
  { name: "nobody is known", mode: 0o700, uid: null, file: "s", isGiven: false },
  { name: "its path is too long", mode: 0o700, uid: 0, file: "s".repeat(108), isGiven: false },
])("localSocketAt() where $name", async ({ mode, uid, file, isGiven }) => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.chmod(folder, mode);
    const found = await localSocketAt(`${folder}/${file}`, uid);
    assert.equal(found !== null, isGiven && (await Deno.stat(folder)).uid === 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
