import assert from "node:assert/strict";
import {
  type FakeGateway,
  fakeGateway,
  type FakeGatewayOptions,
  sampleSandbox,
} from "../gateway/client/fake_gateway.ts";
import { GatewayError } from "../gateway/client/gateway_error.ts";
import type { SandboxEvent } from "../gateway/client/types.ts";
import { PROGRAM } from "./commands.ts";
import { type FakeContext, fakeContext, type FakeOptions } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

const HOME = { HOME: "/home/me" };
const LAST_FILE = "/home/me/.config/openshell/gateways/openshell/last_sandbox";
const POLICY = "version: 1\nfilesystem_policy:\n  read_only: [/usr]\n";

interface Ran {
  readonly code: number;
  readonly context: FakeContext;
  readonly gateway: FakeGateway;
}

async function run(
  line: string,
  gatewayOptions: FakeGatewayOptions = {},
  options: FakeOptions = {},
): Promise<Ran> {
  const gateway = fakeGateway(gatewayOptions);
  const context = fakeContext({ env: HOME, gateway, ...options });
  const words = line.split(" ").filter((word) => word !== "");
  return { code: await runProgram(PROGRAM, words, context), context, gateway };
}

const DEMO = sampleSandbox();
const WITH_LAST = { files: { [LAST_FILE]: "default\ndemo\n" } };

Deno.test("sandbox create runs a command, attaches, and returns its exit code", async () => {
  const { code, context, gateway } = await run(
    "sandbox create --name demo --label team=docs --env A=1 --cpu 2 --memory 4Gi --pids 9 -- make it",
    { output: "done\n", exitCode: 3 },
  );
  assert.equal(code, 3);
  assert.equal(context.out(), "done\n");
  assert.deepEqual(gateway.created, [{
    name: "demo",
    workspace: "default",
    isKept: true,
    labels: { team: "docs" },
    environment: { A: "1" },
    command: ["make", "it"],
    tty: false,
    policy: null,
    resources: { limits: { cpu: "2", memory: "4Gi", pids: 9 } },
    driverConfig: null,
    providers: [],
  }]);
  assert.deepEqual(gateway.log, ["create demo", `attach ${DEMO.id}`, "close"]);
  assert.equal(context.file(LAST_FILE), "default\ndemo\n");
});

Deno.test("sandbox create prints the name and returns with --detach", async () => {
  const { code, context, gateway } = await run("sandbox create --detach -- sleep 9");
  assert.deepEqual([code, context.out()], [0, "brave-otter\n"]);
  assert.match(context.err(), /sandbox connect brave-otter/);
  assert.deepEqual(gateway.log, ["create brave-otter", "close"]);
});

Deno.test("sandbox create returns without a terminal where there is no command", async () => {
  const { code, context, gateway } = await run("sandbox create --name demo");
  assert.deepEqual([code, context.out()], [0, "demo\n"]);
  assert.deepEqual(gateway.log, ["create demo", "close"]);
});

Deno.test("sandbox create attaches a person, with a terminal", async () => {
  const chunks = async function* () {};
  const terminal = { isTerminal: true, windowSize: { cols: 80, rows: 24 }, chunks };
  const { code, context, gateway } = await run("sandbox create", {}, terminal);
  assert.equal(code, 0);
  assert.equal(gateway.created[0]?.tty, true);
  assert.deepEqual(context.rawModes, [true, false]);
  assert.match(context.err(), /✓.* Starting sandbox brave-otter/);
});

Deno.test("sandbox create prints the sandbox alone with -o", async () => {
  const { code, context } = await run("sandbox create --name demo -o json");
  assert.equal(code, 0);
  assert.equal(context.err(), "");
  assert.deepEqual(JSON.parse(context.out()), {
    id: DEMO.id,
    name: "demo",
    workspace: "default",
    labels: {},
    annotations: {},
    resource_version: 3,
    created_at: "2026-11-24 09:30:05",
    phase: "Ready",
    current_policy_version: 1,
  });
  assert.match((await run("sandbox create --name demo -o table")).context.out(), /^NAME +CREATED/);
});

Deno.test("sandbox create deletes after the session with --no-keep", async () => {
  const { code, context, gateway } = await run("sandbox create --no-keep --name demo -- false", {
    exitCode: 1,
  });
  assert.equal(code, 1);
  assert.deepEqual(gateway.log, ["create demo", `attach ${DEMO.id}`, "delete demo", "close"]);
  assert.equal(context.file(LAST_FILE), undefined);
});

Deno.test("sandbox create goes on waiting when the gateway is killed and comes back", async () => {
  const gone = new GatewayError("unavailable", "Cannot watch: gone");
  let watches = 0;
  let looks = 0;
  const starting = sampleSandbox({ name: "demo", phase: "Provisioning" });
  const { code, context, gateway } = await run("sandbox create --name demo --detach", {
    createdPhase: "Provisioning",
    async *watchSandbox() {
      await Promise.resolve();
      if (++watches === 1) throw gone;
      yield { kind: "sandbox", sandbox: { ...starting, phase: "Ready" } };
    },
    getSandbox: () => ++looks === 1 ? Promise.reject(gone) : Promise.resolve(starting),
  });
  assert.equal(code, 0, context.err());
  assert.equal(context.out(), "demo\n");
  assert.deepEqual([watches, looks], [2, 1]);
  assert.equal(gateway.log.filter((call) => call === "close").length, 3, "each look is closed");
});

Deno.test("sandbox create checks the policy before it asks for anything", async () => {
  const bad = { files: { "p.yaml": "version: 9\n" } };
  const { code, context, gateway } = await run("sandbox create --policy p.yaml", {}, bad);
  assert.equal(code, 2);
  assert.match(context.err(), /p\.yaml:1/);
  assert.deepEqual(gateway.log, []);
  const good = { files: { "p.yaml": POLICY } };
  const sent = await run("sandbox create --policy p.yaml", {}, good);
  assert.equal(sent.gateway.created[0]?.policy, POLICY);
  const env = { ...HOME, OPENSHELL_SANDBOX_POLICY: "p.yaml" };
  const byEnv = await run("sandbox create", {}, { ...good, env });
  assert.equal(byEnv.gateway.created[0]?.policy, POLICY);
});

Deno.test("sandbox create sends binds as they are meant", async () => {
  const files = { "/data/x": "", "/home/me/x": "" };
  const { gateway } = await run(
    "sandbox create --bind . --bind /data:/mnt:ro --unprotect /home/me/.git/hooks",
    {},
    { files },
  );
  const target = "/sandbox/me";
  assert.deepEqual(gateway.created[0]?.driverConfig, {
    embedded: {
      binds: [
        { source: "/home/me", target, read_only: false, unprotect: [".git/hooks"] },
        { source: "/data", target: "/mnt", read_only: true, unprotect: [] },
      ],
    },
  });
  const config = '{"embedded":{"x":1},"docker":{}}';
  const merged = await run(`sandbox create --bind . --driver-config-json ${config}`, {}, { files });
  assert.deepEqual(merged.gateway.created[0]?.driverConfig, {
    docker: {},
    embedded: {
      x: 1,
      binds: [{ source: "/home/me", target, read_only: false, unprotect: [] }],
    },
  });
});

Deno.test("sandbox create tells of variables that look like secrets, once", async () => {
  const { context } = await run("sandbox create --env GITHUB_TOKEN=x --env A=b");
  assert.match(context.err(), /^! GITHUB_TOKEN looks like a secret/);
  assert.doesNotMatch(context.err(), /=x/);
  const silent = await run("sandbox create --env GITHUB_TOKEN=x --no-credential-warnings");
  assert.doesNotMatch(silent.context.err(), /secret/);
});

Deno.test.each([
  { line: "--from base", says: /"--from": it is not in this build yet/ },
  { line: "--gpu 1", says: /"--gpu": it is not in this build yet/ },
  { line: "--editor vscode", says: /"--editor": it is not in this build yet/ },
  { line: "--no-keep --detach", says: /"--no-keep" and "--detach" together/ },
  { line: "--no-keep --keep", says: /"--no-keep" and "--keep" together/ },
  { line: "--no-keep -o json", says: /"--no-keep" and "--output" together/ },
  { line: "--no-keep --forward 80", says: /"--no-keep" and "--forward" together/ },
  { line: "-o json --forward 80", says: /"--output" and "--forward" together/ },
  { line: "-o json -- ls", says: /"--output" and a command together/ },
  { line: "--upload x -- ls", says: /"--upload" and a command together/ },
  { line: "--tty --no-tty", says: /"--tty" and "--no-tty" together/ },
  { line: "--no-git-ignore", says: /without "--upload"/ },
  { line: "--unprotect x", says: /without "--bind"/ },
  { line: "--bind /nowhere", says: /"\/nowhere": it should be a folder/ },
  { line: "--bind . --unprotect /etc/x", says: /none of the bound folders/ },
  { line: "--cpu 0", says: /amount of processors/ },
  { line: "--memory 1.5Gi", says: /amount of memory/ },
  { line: "--pids 7", says: /from 8 to/ },
  { line: "--env OPENSHELL_X=1", says: /reserved/ },
  { line: "--driver-config-json {", says: /it is not JSON/ },
  { line: "--driver-config-json []", says: /should be an object/ },
  { line: '--bind . --driver-config-json {"embedded":1}', says: /embedded should be an object/ },
  { line: '--bind . --driver-config-json {"embedded":{"binds":[]}}', says: /cannot go together/ },
  { line: "--forward x", says: /as a port/ },
])("sandbox create $line is refused", async ({ line, says }) => {
  const files = { "/home/me/x": "" };
  const { code, context, gateway } = await run(`sandbox create ${line}`, {}, { files });
  assert.equal(code, 2);
  assert.match(context.err(), says);
  assert.deepEqual(gateway.created, []);
});

Deno.test("sandbox create refuses what it cannot upload, before it asks for anything", async () => {
  const { code, context, gateway } = await run("sandbox create --upload /nowhere/at/all");
  assert.equal(code, 1);
  assert.match(context.err(), /it does not exist/);
  assert.deepEqual(gateway.log, []);
});

Deno.test("sandbox create says what to do when the name is taken", async () => {
  const { code, context } = await run("sandbox create --name demo", {
    createSandbox: () => Promise.reject(new GatewayError("already_exists", "Cannot create: taken")),
  });
  assert.equal(code, 1);
  assert.match(context.err(), /taken\nhint: Choose another --name/);
});

/** A gateway whose sandbox never gets further than a phase. */
function stuck(events: readonly SandboxEvent[] = []): FakeGatewayOptions {
  return {
    createdPhase: "Provisioning",
    async *watchSandbox(_id, signal) {
      yield* events;
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new GatewayError("unavailable", "ended")), {
          once: true,
        })
      );
    },
  };
}

Deno.test("sandbox create deletes what it has made when it is interrupted", async () => {
  const gateway = fakeGateway(stuck());
  const context = fakeContext({ env: HOME, gateway });
  const running = runProgram(PROGRAM, ["sandbox", "create", "--name", "demo"], context);
  while (context.signal("SIGINT") === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(await running, 130);
  assert.deepEqual(gateway.log, ["create demo", "delete demo", "close"]);
  assert.match(context.err(), /Interrupted: deleted sandbox "demo"/);
  assert.equal(context.file(LAST_FILE), "\n");
});

const FAILED = sampleSandbox({
  phase: "Error",
  conditions: [{
    type: "Ready",
    status: "False",
    reason: "IsolationFailed",
    message: "no Landlock",
  }],
});

Deno.test("sandbox create says why a sandbox did not start, and keeps it to look at", async () => {
  const events = [{ kind: "sandbox" as const, sandbox: FAILED }];
  const { code, context, gateway } = await run("sandbox create --name demo", stuck(events));
  assert.equal(code, 1);
  assert.match(context.err(), /Cannot start sandbox "demo": no Landlock\nhint: .*logs demo/);
  assert.ok(!gateway.log.includes("delete demo"));
  const unkept = await run("sandbox create --no-keep --name demo -- ls", stuck(events));
  assert.equal(unkept.code, 1);
  assert.ok(unkept.gateway.log.includes("delete demo"));
});

Deno.test("sandbox create attaches to a program that has ended already", async () => {
  const ended = { ...FAILED, exitCode: 4 };
  const events = [{ kind: "sandbox" as const, sandbox: ended }];
  const { code, context } = await run("sandbox create --name demo -- ls", {
    ...stuck(events),
    output: "late\n",
    exitCode: 4,
  });
  assert.deepEqual([code, context.out()], [4, "late\n"]);
  const detached = await run("sandbox create --detach -- ls", stuck(events));
  assert.equal(detached.code, 1);
  assert.match(detached.context.err(), /has ended with 4/);
});

Deno.test("sandbox create gives up where there is no progress", async () => {
  let now = 0;
  const machine = {
    now: () => now,
    every(_ms: number, call: () => void) {
      const timer = setInterval(() => {
        now += 1_000;
        call();
      }, 1);
      return () => clearInterval(timer);
    },
  };
  const env = { ...HOME, OPENSHELL_PROVISION_TIMEOUT: "5" };
  const metadata = { "openshell.progress.active_step": "pulling_image" };
  const events = [{ kind: "event" as const, event: { reason: "", message: "", metadata } }];
  const failing = stuck(events);
  const gateway = fakeGateway(failing);
  const context = fakeContext({ env, gateway, machine });
  assert.equal(await runProgram(PROGRAM, ["sandbox", "create", "--name", "demo"], context), 1);
  assert.match(context.err(), /\] Pulling image\n/);
  assert.match(context.err(), /it is Provisioning, not Ready, and there was no progress for 5/);
  const bad = fakeContext({ env: { ...HOME, OPENSHELL_PROVISION_TIMEOUT: "soon" }, gateway });
  assert.equal(await runProgram(PROGRAM, ["sandbox", "create"], bad), 2);
});

Deno.test("sandbox list prints a table, names, ids or JSON", async () => {
  const sandboxes = [DEMO, sampleSandbox({ name: "b\x1b[2J", phase: "Stopped" })];
  const lines = async (flags: string) =>
    (await run(`sandbox list ${flags}`, { sandboxes })).context.out();
  assert.equal(
    await lines(""),
    "NAME      CREATED              PHASE\n" +
      "demo      2026-11-24 09:30:05  Ready\n" +
      "b\\x1b[2J  2026-11-24 09:30:05  Stopped\n",
  );
  assert.equal(await lines("--names"), "demo\nb\\x1b[2J\n");
  assert.equal(await lines("--ids --limit 1"), `${DEMO.id}\n`);
  assert.equal(await lines("--names --all-workspaces --limit 1"), "default/demo\n");
  assert.match(await lines("--all-workspaces"), /^WORKSPACE +NAME/);
  assert.equal(JSON.parse(await lines("-o json")).length, 2);
  assert.equal((await run("sandbox list --names --ids")).code, 2);
  assert.equal((await run("sandbox list --names -o json")).code, 2);
});

Deno.test("sandbox get shows a sandbox and its policy", async () => {
  const sandbox = { ...FAILED, exitCode: 7, labels: { team: "docs" } };
  const json = await run("sandbox get demo -o json", { sandboxes: [sandbox] });
  const value = JSON.parse(json.context.out());
  assert.deepEqual([value.exit_code, value.policy_source, value.revision, value.policy], [
    7,
    "sandbox",
    2,
    { version: 1 },
  ]);
  const text = await run("sandbox get demo", { sandboxes: [sandbox] });
  assert.match(text.context.out(), /Phase: +Error \(IsolationFailed: no Landlock\)/);
  assert.match(text.context.out(), /Exit code: +7\n[^]*team=docs[^]*\nversion: 1\n$/);
  const only = await run("sandbox get --policy-only", { sandboxes: [sandbox] }, WITH_LAST);
  assert.equal(only.context.out(), "version: 1\n");
  assert.match(only.context.err(), /Using sandbox "demo"/);
});

Deno.test("sandbox get without a name and without a last one is refused", async () => {
  const { code, context } = await run("sandbox get", { sandboxes: [DEMO] });
  assert.equal(code, 2);
  assert.match(context.err(), /NAME is missing/);
  const files = { [LAST_FILE]: "other\ndemo\n" };
  assert.equal((await run("sandbox get", { sandboxes: [DEMO] }, { files })).code, 2);
});

Deno.test("sandbox delete deletes those that are there, and tells of the others", async () => {
  const { code, context, gateway } = await run(
    "sandbox delete demo nope",
    { sandboxes: [DEMO] },
    WITH_LAST,
  );
  assert.equal(code, 0);
  assert.match(context.err(), /✓ Deleted sandbox "demo"\n! Sandbox "nope" not found\n/);
  assert.deepEqual(gateway.log, ["delete demo", "delete nope", "close"]);
  assert.equal(context.file(LAST_FILE), "\n");
});

Deno.test("sandbox delete --all deletes every page", async () => {
  const sandboxes = Array.from(
    { length: 1_500 },
    (_, index) => sampleSandbox({ name: `s${index}` }),
  );
  let offset = 0;
  const { code, gateway } = await run("sandbox delete --all", {
    sandboxes,
    listSandboxes(query) {
      assert.equal(query.offset, offset);
      offset += query.limit;
      return Promise.resolve(sandboxes.slice(query.offset, query.offset + query.limit));
    },
  });
  assert.equal(code, 0);
  assert.equal(gateway.log.length, 1_501);
  assert.match((await run("sandbox delete --all")).context.err(), /There are no sandboxes/);
});

Deno.test("sandbox delete goes on after one that fails", async () => {
  const deleteSandbox = ({ name }: { readonly name: string }) =>
    name === "b"
      ? Promise.resolve(true)
      : Promise.reject(new GatewayError("internal", `No ${name}`));
  const { code, context } = await run("sandbox delete a b", { deleteSandbox });
  assert.equal(code, 1);
  assert.match(context.err(), /error: No a\n✓ Deleted sandbox "b"\n/);
  assert.equal((await run("sandbox delete", {})).code, 2);
  assert.equal((await run("sandbox delete a --all", {})).code, 2);
});

Deno.test("sandbox stop and start wait for their phase", async () => {
  const stopped = await run("sandbox stop demo", { sandboxes: [DEMO] });
  assert.deepEqual([stopped.code, stopped.gateway.log], [0, ["stop demo", "close"]]);
  assert.match(stopped.context.err(), /✓ Stopped sandbox "demo"/);
  const started = await run("sandbox start", { sandboxes: [DEMO] }, WITH_LAST);
  assert.deepEqual([started.code, started.gateway.log], [0, ["start demo", "close"]]);
  assert.equal((await run("sandbox stop nope")).code, 1);
});

Deno.test("sandbox exec runs a program with its input, and remembers the sandbox", async () => {
  const { code, context, gateway } = await run(
    "sandbox exec -n demo --timeout 5 --env A=1 --workdir /tmp -- sh -c x",
    { sandboxes: [DEMO], output: "out", exitCode: 124 },
    { stdin: "in" },
  );
  assert.deepEqual([code, context.out()], [124, "out"]);
  assert.deepEqual(gateway.log, ["exec sh -c x", "close"]);
  assert.deepEqual(gateway.inputs.map(({ kind }) => kind), ["stdin", "end"]);
  assert.equal(context.file(LAST_FILE), "default\ndemo\n");
});

Deno.test.each([
  { line: "sandbox exec -n demo ls -la", says: /"-l": "openshell sandbox exec" has no such flag/ },
  { line: "sandbox exec -n demo --tty --no-tty ls", says: /together/ },
  { line: "sandbox exec -n demo --env OPENSHELL_A=1 ls", says: /reserved/ },
  { line: "sandbox exec -n demo", says: /COMMAND is missing/ },
  { line: "sandbox connect demo --editor vscode", says: /not in this build yet/ },
])("$line is refused", async ({ line, says }) => {
  const { code, context, gateway } = await run(line, { sandboxes: [DEMO] });
  assert.equal(code, 2);
  assert.match(context.err(), says);
  assert.deepEqual(gateway.log.filter((call) => call !== "close"), []);
});

Deno.test("sandbox exec gives a terminal where both ends are one", async () => {
  const requests: unknown[] = [];
  const exec: FakeGateway["exec"] = async function* (request) {
    requests.push(request.terminal);
    await Promise.resolve();
    yield { kind: "exit", code: 0 };
  };
  const terminal = { isTerminal: true, windowSize: { cols: 100, rows: 30 } };
  const options = { sandboxes: [DEMO], exec };
  await run("sandbox exec -n demo ls", options, terminal);
  await run("sandbox exec -n demo --no-tty ls", options, terminal);
  await run("sandbox exec -n demo --tty ls", options);
  await run("sandbox exec -n demo ls", options, { ...terminal, isStdinTerminal: false });
  assert.deepEqual(requests, [{ cols: 100, rows: 30 }, null, { cols: 80, rows: 24 }, null]);
});

Deno.test("sandbox connect attaches to the last one", async () => {
  const { code, context, gateway } = await run("sandbox connect", {
    sandboxes: [DEMO],
    output: "hi",
    exitCode: 9,
  }, WITH_LAST);
  assert.deepEqual([code, context.out()], [9, "hi"]);
  assert.deepEqual(gateway.log, [`attach ${DEMO.id}`, "close"]);
});

Deno.test("sandbox connect tells how a program has ended that cannot be attached to", async () => {
  const failing: FakeGateway["attach"] = async function* () {
    yield { kind: "stdout", bytes: new Uint8Array() };
    throw new GatewayError("unavailable", "Cannot attach: it is gone");
  };
  const ended = sampleSandbox({ phase: "Error", exitCode: 6 });
  const { code, context } = await run("sandbox connect demo", {
    sandboxes: [ended],
    attach: failing,
  });
  assert.equal(code, 6);
  assert.match(context.err(), /! The main process of "demo" has ended with 6\n/);
  const running = await run("sandbox connect demo", { sandboxes: [DEMO], attach: failing });
  assert.equal(running.code, 1);
  assert.match(running.context.err(), /Cannot attach: it is gone/);
  const message = 'a control is no longer in force: "/p/.git/config" was replaced';
  const conditions = [{ type: "Ready", status: "False", reason: "ControlLost", message }];
  const lost = await run("sandbox connect demo", {
    sandboxes: [sampleSandbox({ phase: "Error", conditions })],
    attach: failing,
  });
  assert.equal(lost.code, 1);
  assert.ok(lost.context.err().includes(`Cannot attach to sandbox "demo": ${message}`));
});
