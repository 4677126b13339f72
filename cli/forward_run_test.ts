import assert from "node:assert/strict";
import { fakeGateway, sampleSandbox } from "../gateway/client/fake_gateway.ts";
import { PROGRAM } from "./commands.ts";
import { type FakeContext, fakeContext, type FakeOptions } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

const FOLDER = "/home/me/.config/openshell/forwards";
const ID = sampleSandbox().id;

interface Ran {
  readonly code: number;
  readonly context: FakeContext;
  readonly ended: readonly number[];
}

/** Knows processes by what they were started with. */
async function run(
  line: string,
  processes: Readonly<Record<number, readonly string[]>> = {},
  options: FakeOptions = {},
): Promise<Ran> {
  const ended: number[] = [];
  const context = fakeContext({
    env: { HOME: "/home/me" },
    gateway: fakeGateway({ sandboxes: [sampleSandbox()] }),
    ...options,
    machine: {
      commandLine: (pid) => processes[pid] ?? null,
      terminate: (pid) => void ended.push(pid),
      ...options.machine,
    },
  });
  return { code: await runProgram(PROGRAM, line.split(" "), context), context, ended };
}

const FILES = {
  [`${FOLDER}/demo-8080.pid`]: `77\t${ID}\t127.0.0.1\n`,
  [`${FOLDER}/other-8080.pid`]: `78\t${ID}\t0.0.0.0\n`,
  [`${FOLDER}/demo-9090.pid`]: `79\t${ID}\t127.0.0.1\n`,
  [`${FOLDER}/demo-8080.log`]: "",
};

const PROCESSES = {
  77: ["openshell", "forward", "start", "127.0.0.1:8080", "demo"],
  // The number of a forward that has ended now belongs to another program.
  79: ["vi", "forward", "start"],
};

const OF_ANOTHER = {
  78: ["openshell", "forward", "start", "127.0.0.1:8080", "web"],
  79: ["openshell", "forward", "start", "127.0.0.1:9091", "demo"],
};

Deno.test("forward list tells those that run from those that have ended", async () => {
  const { context } = await run("forward list -o json", PROCESSES, { files: FILES });
  assert.deepEqual(JSON.parse(context.out()), [
    { sandbox: "demo", bind: "127.0.0.1", port: 8080, pid: 77, status: "running" },
    { sandbox: "demo", bind: "127.0.0.1", port: 9090, pid: 79, status: "dead" },
    { sandbox: "other", bind: "0.0.0.0", port: 8080, pid: 78, status: "dead" },
  ]);
  const others = await run("forward list", OF_ANOTHER, { files: FILES });
  assert.doesNotMatch(others.context.out(), /running/);
  const table = await run("forward list", PROCESSES, { files: FILES });
  assert.match(table.context.out(), /^SANDBOX +BIND +PORT +PID +STATUS\ndemo +127/);
});

Deno.test("forward stop ends a forward, and nothing else", async () => {
  const one = await run("forward stop 8080 demo", PROCESSES, { files: FILES });
  assert.deepEqual([one.code, one.ended], [0, [77]]);
  assert.equal(one.context.file(`${FOLDER}/demo-8080.pid`), undefined);
  assert.equal(one.context.file(`${FOLDER}/demo-8080.log`), undefined);
  const reused = await run("forward stop 9090", PROCESSES, { files: FILES });
  assert.deepEqual([reused.code, reused.ended], [0, []]);
  assert.equal(reused.context.file(`${FOLDER}/demo-9090.pid`), undefined);
  const several = await run("forward stop 8080", PROCESSES, { files: FILES });
  assert.equal(several.code, 1);
  assert.match(several.context.err(), /several sandboxes have it: demo, other/);
  assert.match((await run("forward stop 1")).context.err(), /No forward of port 1 found/);
});

Deno.test("sandbox delete ends the forwards of the sandbox", async () => {
  const { ended } = await run("sandbox delete demo", PROCESSES, { files: FILES });
  assert.deepEqual(ended, [77]);
});

Deno.test("forward start -d starts a process that listens, and writes down which", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  let second: Deno.Listener | null = null;
  let started: readonly string[] = [];
  const spawnDetached = (command: readonly string[]) => {
    started = command;
    second = Deno.listen({ hostname: "127.0.0.1", port });
    return Promise.resolve(4242);
  };
  const { code, context } = await run(
    `forward start ${port} demo -d --gateway work --gateway-insecure`,
    { 4242: ["openshell"] },
    { machine: { spawnDetached } },
  );
  (second as Deno.Listener | null)?.close();
  assert.equal(code, 0);
  assert.equal(
    started.join(" "),
    `openshell forward start 127.0.0.1:${port} demo --workspace default ` +
      "--gateway work --gateway-insecure",
  );
  assert.equal(context.out(), `http://127.0.0.1:${port}\n`);
  assert.equal(context.file(`${FOLDER}/demo-${port}.pid`), `4242\t${ID}\t127.0.0.1\n`);
});

Deno.test("forward start -d says when it does not start", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { code, context, ended } = await run(`forward start ${port} demo -d`);
  assert.equal(code, 1);
  assert.match(context.err(), /it did not start\nhint: Read ".*demo-\d+\.log"/);
  assert.deepEqual(ended, [4242]);
  assert.equal(context.file(`${FOLDER}/demo-${port}.pid`), undefined);
});

Deno.test("forward start refuses a port that is taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const flag of ["", " -d"]) {
    const { code, context } = await run(`forward start ${listener.addr.port} demo${flag}`);
    assert.equal(code, 1);
    assert.match(context.err(), /another program uses it/);
  }
  assert.equal((await run("forward start x demo")).code, 2);
});

Deno.test("forward start forwards until it is interrupted", async () => {
  const context = fakeContext({ gateway: fakeGateway({ sandboxes: [sampleSandbox()] }) });
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const running = runProgram(PROGRAM, ["forward", "start", String(port), "demo"], context);
  while (context.signal("SIGINT") === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(await running, 130);
  assert.equal(context.out(), `http://127.0.0.1:${port}\n`);
});
