/**
 * The harness itself, without the product: what it claims about names, networks, recordings and
 * terminals holds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun, run } from "./commands.ts";
import { assertOneEvent } from "./events.ts";
import { writeHostNames } from "./host_names.ts";
import { findLeftovers, findMounts } from "./leftovers.ts";
import { isStale, namespaceNames, NetworkPair, uniqueName } from "./network_pair.ts";
import { Origins } from "./origins.ts";
import { policy, rest } from "./policies.ts";
import { curl, runScripts } from "./probes.ts";
import { findMissing, hasTool } from "./requirements.ts";
import { Terminal } from "./terminal.ts";
import { TestAuthority } from "./test_authority.ts";

const ADDRESS = "203.0.113.10";

function harnessTest(name: string, body: () => Promise<void>): void {
  const missing = findMissing();
  const isMissing = missing !== null && !missing.includes("not built");
  const reason = isMissing ? ` (ignored: ${missing})` : "";
  Deno.test({ name: `harness: ${name}${reason}`, ignore: isMissing, fn: body });
}

interface Setting {
  readonly folder: string;
  readonly pair: NetworkPair;
  readonly origins: Origins;
  readonly authority: TestAuthority;
  /** Runs a command where the machine is. */
  readonly onMachine: (command: readonly string[]) => readonly string[];
}

async function withSetting(body: (setting: Setting) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "openshell-harness-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const authority = await TestAuthority.create(`${folder}/authority`);
  const pair = stack.use(await NetworkPair.create([ADDRESS]));
  const tls = await authority.issue("api", ["api.example.com"]);
  const origins = stack.use(
    await Origins.start([
      { name: "plain", address: ADDRESS, port: 80, kind: "http" },
      { name: "tls", address: ADDRESS, port: 443, kind: "http", tls },
      { name: "echo", address: ADDRESS, port: 7000, kind: "echo" },
    ], (command) => pair.onInternet(command)),
  );
  const withNames = await writeHostNames(folder, { "api.example.com": ADDRESS });
  const onMachine = (command: readonly string[]) => pair.onMachine(withNames(command));
  await body({ folder, pair, origins, authority, onMachine });
}

harnessTest("names lead to origins on the machine, and nowhere on the host", async () => {
  await withSetting(async ({ onMachine, authority, origins }) => {
    const found = await mustRun(onMachine(["getent", "hosts", "api.example.com"]));
    assert.equal(found.trim().replace(/\s+/, " "), `${ADDRESS} api.example.com`);
    const unknown = await run(onMachine(["getent", "hosts", "unknown.example.com"]));
    assert.equal(unknown.code, 2);
    const url = "https://api.example.com/x?y=1";
    const trust = ["--noproxy", "*", "--cacert", authority.certificateFile];
    const answer = await mustRun(onMachine(["curl", "-sS", ...trust, url]));
    assert.equal(JSON.parse(answer).target, "/x?y=1");
    await run(["curl", "-sS", "-m", "1", "--noproxy", "*", `http://${ADDRESS}/from-outside`]);
    assert.equal(await origins.received("/from-outside"), false);
    assert.equal((await origins.recordings("tls")).length, 1);
  });
});

harnessTest("origins record each byte and answer by path", async () => {
  await withSetting(async ({ onMachine, origins }) => {
    const raw =
      "POST /one HTTP/1.1\\r\\nHost: a\\r\\nX-Odd:  b\\r\\nContent-Length: 3\\r\\n\\r\\nabc" +
      "GET /two HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n";
    const script = `exec 3<>/dev/tcp/${ADDRESS}/80; printf '${raw}' >&3; cat <&3`;
    await mustRun(onMachine(["bash", "-c", script]));
    const [connection] = await origins.recordings("plain");
    assert.equal(connection?.received, raw.replaceAll("\\r\\n", "\r\n"));
    assert.deepEqual(
      connection?.requests.map(({ method, target, body }) => [method, target, body]),
      [
        ["POST", "/one", "abc"],
        ["GET", "/two", ""],
      ],
    );
    assert.deepEqual(connection?.requests[0]?.headers[1], ["X-Odd", "b"]);
    assert.equal(await origins.received("X-Odd:  b"), true);
    await origins.clear();
    assert.deepEqual(await origins.recordings(), []);

    const get = (path: string, ...flags: string[]) =>
      run(onMachine(["curl", "-sS", "--noproxy", "*", ...flags, `http://api.example.com${path}`]));
    assert.equal((await get("/bulk/100000")).stdout.length, 100_000);
    assert.equal((await get("/drip/5/1")).stdout, "ooooo");
    assert.equal((await get("/truncated")).code, 18);
    const moved = await get("/redirect/b.example/c", "-o", "/dev/null", "-w", "%{redirect_url}");
    assert.equal(moved.stdout, "https://b.example/c");
    const sunk = JSON.parse(
      (await get("/sink", "-d", "abc", "-H", "Transfer-Encoding: chunked"))
        .stdout,
    );
    assert.deepEqual([sunk.bytes, sunk.sha256.slice(0, 8)], [3, "ba7816bf"]);
  });
});

harnessTest("what a crashed run left is removed", async () => {
  const gone = await new Deno.Command("true").spawn();
  await gone.status;
  const name = `osh-e2e-${gone.pid}-00000000`;
  assert.equal(isStale(name), true);
  assert.equal(isStale(uniqueName()), false);
  assert.equal(isStale("other"), false);
  await mustRun(["ip", "netns", "add", `${name}-machine`]);
  const command = ["nsenter", `--net=/run/netns/${name}-machine`, "sleep", "60"];
  const process = new Deno.Command(command[0]!, { args: command.slice(1) }).spawn();
  {
    await using _pair = await NetworkPair.create([ADDRESS]);
    assert.equal((await process.status).signal, "SIGKILL");
    assert.deepEqual(namespaceNames().filter((each) => each.startsWith(name)), []);
  }
});

harnessTest("leftovers are found: processes, mounts, files", async () => {
  const folder = await Deno.makeTempDir({ prefix: "openshell-left-" });
  const mount =
    `mkdir -p ${folder}/a && mount --bind ${folder}/a /mnt && echo ready && exec sleep 60`;
  const process = new Deno.Command("unshare", {
    args: ["--mount", "--propagation", "private", "sh", "-c", mount],
    stdout: "piped",
  }).spawn();
  try {
    const reader = process.stdout.getReader();
    await reader.read();
    await reader.cancel();
    assert.equal(findMounts(folder).length, 1);
    await Deno.mkdir(`${folder}/state/openshell/embedded/id-1`, { recursive: true });
    await Deno.mkdir(`${folder}/tmp`);
    await Deno.writeTextFile(`${folder}/tmp/left`, "");
    const found = findLeftovers({ folder, ids: ["id-1"], processes: [process.pid] });
    assert.deepEqual(found.map((line) => line.replace(/\d+/, "N").replace(/ N.*/, "")), [
      "process",
      "mount seen by process",
      "folder of the sandbox id-N",
      "temporary file left",
    ]);
  } finally {
    process.kill("SIGKILL");
    await process.status;
    await Deno.remove(folder, { recursive: true });
  }
});

harnessTest("a terminal shows, takes keys and ends", async () => {
  const env = { PATH: "/usr/bin:/bin" };
  const script = 'tty; stty size; read -r line; echo "got <$line>"; exit 7';
  const terminal = Terminal.start(["bash", "-c", script], { env });
  await terminal.waitFor(/\/dev\/pts\/\d+/);
  await terminal.waitFor(/40 120/);
  await terminal.type("it's me\r");
  await terminal.waitFor(/got <it's me>/);
  assert.equal(await terminal.end(), 7);
  await using other = Terminal.start(["sleep", "60"], { env });
  await assert.rejects(other.waitFor(/never/, 50), /Cannot see/);
});

harnessTest("probes tell each script's output and code", async () => {
  const machine = {
    exec: (_name: string, script: string) => run(["sh", "-c", script]),
  };
  const seen = await runScripts(machine, "any", ["echo one; exit 3", "echo two >&2", "cat"]);
  assert.deepEqual(seen, [
    { output: "one\n", code: 3 },
    { output: "two\n", code: 0 },
    { output: "", code: 0 },
  ]);
  const { stderr } = await run(["bash", "-c", curl("http://127.0.0.1:1/it's")]);
  assert.match(stderr, /Failed to connect/);
});

Deno.test("harness: assertOneEvent() wants exactly one, with its outcome", () => {
  const event = {
    class_uid: 4002,
    action: "Denied",
    dst_endpoint: { domain: "api.example.com", port: 443 },
    http_request: { http_method: "POST", url: { path: "/x" } },
    unmapped: { reason: "request_not_allowed" },
  };
  const want = {
    kind: "request",
    host: "api.example.com",
    port: 443,
    method: "POST",
    path: "/x",
    verdict: "denied",
    reason: "request_not_allowed",
  } as const;
  assert.equal(assertOneEvent([event, { class_uid: 1007 }], want), event);
  assert.throws(() => assertOneEvent([], want), /one event/);
  assert.throws(() => assertOneEvent([event, event], want), /one event/);
  assert.throws(() => assertOneEvent([event], { ...want, verdict: "allowed" }), /verdict/);
  assert.throws(() => assertOneEvent([event], { ...want, path: "/y" }), /one event/);
});

Deno.test({
  name: "harness: policies of the tests are good policies",
  ignore: !hasTool("sh") || findMissing() === "dist/openshell is not built",
  async fn() {
    const { parsePolicy } = await import("../../../policy-wasm/parse_policy.ts");
    const text = policy({
      api: { endpoints: [rest("api.example.com", 443, { access: "read-only" })] },
    });
    const { diagnostics } = parsePolicy(new TextEncoder().encode(text));
    assert.deepEqual(diagnostics, []);
  },
});
