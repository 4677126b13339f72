import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { DriverReport, DriverSandbox } from "../contract.ts";
import { EmbeddedDriver } from "./embedded_driver.ts";
import { firstIdentity } from "./sandbox_folders.ts";

const MISSING = Deno.build.os !== "linux" ? "needs Linux" : Deno.uid() !== 0 ? "needs root" : null;

/** A supervisor of shell: what it does is its sandbox's name. */
const SUPERVISOR = `
read -r gateway || exit 0
read -r assignment || exit 0
folder=$(printf '%s' "$assignment" | sed 's/.*"folder":"\\([^"]*\\)".*/\\1/')
case $assignment in
  *'"name":"fails"'*)
    echo '{"state":"failed","reason":"IsolationFailed","message":"no landlock","hint":"newer kernel"}'
    exit 1 ;;
  *'"name":"dies"'*) exit 3 ;;
  *'"name":"exits"'*)
    echo '{"state":"running"}'
    echo '{"code":7,"reported":true}' > "$folder/exit.json"
    exit 0 ;;
  *'"name":"crashes"'*) echo '{"state":"running"}'; exit 9 ;;
esac
echo '{"state":"starting","step":"confining"}'
echo '{"state":"running"}'
trap 'exit 0' TERM
while :; do sleep 0.05; done
`;

function sandbox(name: string): DriverSandbox {
  return {
    id: `id-${name}`,
    name,
    workspace: "default",
    command: [],
    tty: false,
    environment: {},
    resources: { memoryBytesMax: null, cpuMax: null, processesMax: null },
    binds: [],
    token: "t",
    policy: new TextEncoder().encode("version: 1\n"),
  };
}

interface Context {
  readonly driver: EmbeddedDriver;
  readonly folder: string;
  readonly reports: DriverReport[];
  /** Another driver on the same folder, as after a restart of the gateway. */
  readonly again: () => EmbeddedDriver;
}

function driverTest(
  name: string,
  body: (context: Context) => Promise<void>,
  findMissing: () => readonly string[] = () => [],
): void {
  const reason = MISSING === null ? "" : ` (ignored: ${MISSING})`;
  Deno.test({
    name: `EmbeddedDriver ${name}${reason}`,
    ignore: MISSING !== null,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "openshell-driver-" });
      const script = `${folder}.sh`;
      await Deno.writeTextFile(script, SUPERVISOR);
      const drivers: EmbeddedDriver[] = [];
      const again = () => {
        const driver = new EmbeddedDriver({
          folder,
          gateway: { endpointFile: "", caFile: "", certificateFile: "", keyFile: "" },
          command: ["/bin/sh", script],
          env: {},
          version: "1",
          subordinateIds: null,
          findMissing,
        });
        drivers.push(driver);
        return driver;
      };
      const driver = again();
      const reports: DriverReport[] = [];
      driver.watch((report) => void reports.push(report));
      try {
        await body({ driver, folder, reports, again });
      } finally {
        for (const report of await driver.list()) await driver.delete(report.id);
        for (const each of drivers) await each.close();
        await Deno.remove(folder, { recursive: true });
        await Deno.remove(script);
      }
    },
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 300, "it does not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Processes that run a script. */
function processesOf(script: string): readonly string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => {
    try {
      return Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(script);
    } catch (error) {
      // No process, or one that has ended.
      if (error instanceof Error) return false;
      throw error;
    }
  });
}

async function identityOf(folder: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(`${folder}/identity.json`)).uid;
}

driverTest("starts, lists, stops and deletes a sandbox", async ({ driver, folder, reports }) => {
  await driver.start(sandbox("runs"));
  await driver.start(sandbox("runs"));
  assert.deepEqual(await driver.list(), [{ id: "id-runs", state: "running" }]);
  assert.equal(await identityOf(`${folder}/id-runs`), firstIdentity(folder));
  await Deno.writeTextFile(`${folder}/id-runs/workspace/kept`, "x");
  await driver.stop("id-runs");
  assert.deepEqual(await driver.list(), [{ id: "id-runs", state: "stopped" }]);
  assert.equal(await Deno.readTextFile(`${folder}/id-runs/workspace/kept`), "x");
  assert.equal(await driver.delete("id-runs"), true);
  assert.equal(await driver.delete("id-runs"), false);
  assert.deepEqual(await driver.list(), []);
  assert.deepEqual(reports.map(({ state }) => state).slice(0, 3), [
    "starting",
    "starting",
    "running",
  ]);
});

driverTest("gives a supervisor nothing that this process has open", async ({ driver, folder }) => {
  const server = createServer();
  server.listen(`${folder}.socket`);
  await once(server, "listening");
  try {
    await driver.start(sandbox("runs"));
    const { pid } = JSON.parse(await Deno.readTextFile(`${folder}/id-runs/supervisor.json`));
    const open = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => Number(name));
    // The script that it runs is beyond what it was given.
    const given = open.filter((descriptor) =>
      !Deno.readLinkSync(`/proc/${pid}/fd/${descriptor}`).endsWith(".sh")
    );
    assert.deepEqual(given.toSorted(), [0, 1, 2]);
  } finally {
    const closed = once(server, "close");
    server.close();
    await closed;
  }
});

driverTest("gives each sandbox an identity of its own", async ({ driver, folder }) => {
  await Promise.all([driver.start(sandbox("a")), driver.start(sandbox("b"))]);
  const owners = await Promise.all(
    ["a", "b"].map((name) => identityOf(`${folder}/id-${name}`)),
  );
  const first = firstIdentity(folder);
  assert.deepEqual(owners.toSorted(), [first, first + 2]);
});

driverTest("says why a sandbox did not start", async ({ driver, reports }) => {
  await assert.rejects(driver.start(sandbox("fails")), {
    name: "SandboxStartError",
    message: "no landlock",
    hint: "newer kernel",
  });
  const failed = reports.find(({ state }) => state === "failed");
  assert.equal(failed?.state === "failed" && failed.reason, "IsolationFailed");
});

driverTest("leaves no supervisor of a sandbox that cannot be noted", async ({ driver, folder }) => {
  await Deno.mkdir(`${folder}/id-runs/supervisor.json.new`, { recursive: true });
  await assert.rejects(driver.start(sandbox("runs")));
  assert.deepEqual(processesOf(`${folder}.sh`), []);
});

driverTest("says that a supervisor ended before its sandbox ran", async ({ driver }) => {
  await assert.rejects(driver.start(sandbox("dies")), { name: "SandboxStartError" });
});

driverTest("reports a supervisor that crashes", async ({ driver, reports }) => {
  await driver.start(sandbox("crashes"));
  await until(() => reports.some(({ state }) => state === "failed"));
  const failed = reports.find(({ state }) => state === "failed");
  assert.equal(failed?.state === "failed" && failed.reason, "SupervisorEnded");
});

driverTest("does not report an exit that the supervisor has told", async ({ driver, reports }) => {
  await driver.start(sandbox("exits"));
  await until(() => reports.some(({ state }) => state === "running"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(reports.some(({ state }) => state === "failed"), false);
});

driverTest("finds what an earlier gateway started, and sees its end", async ({ driver, again }) => {
  await driver.start(sandbox("runs"));
  const later = again();
  const reports: DriverReport[] = [];
  later.watch((report) => void reports.push(report));
  assert.deepEqual(await later.list(), [{ id: "id-runs", state: "running" }]);
  await driver.stop("id-runs");
  await until(() => reports.some(({ state }) => state === "failed"));
});

driverTest("says what an ended supervisor has left that cannot be removed", async (context) => {
  const { driver, folder, reports, again } = context;
  await driver.start(sandbox("runs"));
  const { pid } = JSON.parse(await Deno.readTextFile(`${folder}/id-runs/supervisor.json`));
  const notes = `${folder}/id-runs/placeholders.json`;
  await Deno.mkdir(notes);
  Deno.kill(pid, "SIGKILL");
  await until(() => reports.some(({ state }) => state === "failed"));
  const failed = [...reports, ...await again().list()].filter(({ state }) => state === "failed");
  const reasons = failed.map((report) => report.state === "failed" && report.reason);
  assert.deepEqual(reasons, ["LeftoversRemain", "LeftoversRemain"]);
  await Deno.remove(notes);
});

driverTest("removes a sandbox whose notes a crash has cut off", async ({ driver, folder }) => {
  await driver.start(sandbox("runs"));
  await Deno.writeTextFile(`${folder}/id-runs/placeholders.json`, '["/a');
  assert.equal(await driver.delete("id-runs"), true);
});

driverTest("uses a supervisor that was started ahead", async ({ driver }) => {
  driver.warm();
  driver.warm();
  await driver.start(sandbox("runs"));
  assert.deepEqual(await driver.list(), [{ id: "id-runs", state: "running" }]);
});

driverTest("refuses a machine that lacks something", async ({ driver }) => {
  await assert.rejects(driver.start(sandbox("runs")), {
    name: "MachineError",
    message: "Cannot run a sandbox on this machine: Landlock is missing",
  });
}, () => ["Landlock is missing"]);

Deno.test({
  name: "EmbeddedDriver.warm() does without a spare that cannot be started",
  ignore: MISSING !== null,
  async fn() {
    const driver = new EmbeddedDriver({
      folder: "/none",
      gateway: { endpointFile: "", caFile: "", certificateFile: "", keyFile: "" },
      command: ["/none/openshell"],
      env: {},
      version: "1",
      subordinateIds: null,
      findMissing: () => [],
    });
    driver.warm();
    await driver.close();
  },
});
