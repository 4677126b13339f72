/**
 * Policies that change while a sandbox runs: what a revision is, and what it does to connections.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import type { TestMachine } from "../support/openshell.ts";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

const HOST = "keep.example.com";

function access(level: string): string {
  return policy({
    keep: {
      endpoints: [rest(HOST, 443, { access: level }), rest(HOST, 80, { access: level })],
      binaries: ANYONE,
    },
  });
}

const NOTHING = policy({});
const READ_ONLY = access("read-only");
const FULL = access("full");

/** Sends two requests in one tunnel, the second when told to, and shows both answers. */
const KEPT_OPEN = `
trap "" PIPE
exec 3<>/dev/tcp/127.0.0.1/3128
printf 'CONNECT ${HOST}:80 HTTP/1.1\\r\\nHost: ${HOST}:80\\r\\n\\r\\n' >&3
while IFS= read -r -t 5 line <&3 && [ "$line" != $'\\r' ]; do echo "tunnel $line"; done
printf 'GET /first HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n' >&3
IFS= read -r -t 5 line <&3; echo "first $line"
touch /sandbox/asked
until [ -e /sandbox/go ]; do sleep 0.05; done
printf 'GET /second HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n' >&3
timeout 5 cat <&3 | tr -d '\\r' | grep -E '^HTTP|second'
echo "closed"
`;

async function version(machine: TestMachine, name: string): Promise<number> {
  return JSON.parse(await machine.must(["policy", "get", name, "-o", "json"])).version;
}

sandboxSuite("policy revisions", async (suite) => {
  await suite.world.machine.create("rev", { policy: NOTHING });
  await stepsOfRevisions(suite);
  await stepsOfConnections(suite);
});

async function stepsOfRevisions({ world: { machine }, step }: Suite): Promise<void> {
  const status = async (...flags: string[]) => {
    const [seen] = await runScripts(machine, "rev", [curl(`https://${HOST}/now`, ...flags)]);
    return /status (\d+) connect (\d+)/.exec(seen!.output)?.slice(1).join();
  };

  await step("from no rules to some, at once", async () => {
    assert.equal(await status(), "000,403");
    assert.equal((await machine.setPolicy("rev", READ_ONLY)).code, 0);
    assert.equal(await status(), "200,200");
    assert.equal(await status("-d", "x"), "403,200");
    assert.equal(await version(machine, "rev"), 2);
  });

  await step("the same policy is no revision", async () => {
    assert.equal((await machine.setPolicy("rev", READ_ONLY)).code, 0);
    assert.equal((await machine.setPolicy("rev", `# A comment.\n${READ_ONLY}`)).code, 0);
    assert.equal(await version(machine, "rev"), 2);
  });

  await step("a policy that cannot be used is refused, and the old one stays", async () => {
    const bad = [
      READ_ONLY.replace("read-only", "reed-only"),
      READ_ONLY.replace("port: 443", "port: 443\n        rules: [ { allow: { method: GTE } } ]"),
      "version: 1\nnetwork_policies: [",
      "",
    ];
    for (const text of bad) {
      const { code, stdout, stderr } = await machine.setPolicy("rev", text);
      assert.notEqual(code, 0, text);
      assert.match(stdout + stderr, /error/);
    }
    assert.equal(await version(machine, "rev"), 2);
    assert.equal(await status(), "200,200");
  });

  await step("more is allowed, and no longer, without a new sandbox", async () => {
    assert.equal((await machine.setPolicy("rev", FULL)).code, 0);
    assert.equal(await status("-d", "x"), "200,200");
    assert.equal((await machine.setPolicy("rev", READ_ONLY)).code, 0);
    assert.equal(await status("-d", "x"), "403,200");
    assert.equal(await version(machine, "rev"), 4);
  });

  await step("the history is there", async () => {
    const list = await machine.must(["policy", "list", "rev"]);
    assert.equal(list.trim().split("\n").length, 5, list);
    const old = JSON.parse(
      await machine.must([
        ...["policy", "get", "rev", "--rev", "3", "-o", "json", "--full"],
      ]),
    );
    assert.equal(old.version, 3);
    assert.match(JSON.stringify(old), /full/);
  });
}

async function stepsOfConnections({ world: { machine, origins }, step }: Suite): Promise<void> {
  await step("what is no longer allowed is closed", async () => {
    await origins.clear();
    const running = machine.run(["sandbox", "exec", "-n", "rev", "--", "bash", "-c", KEPT_OPEN]);
    await waitFor("the first request", async () => {
      return (await machine.exec("rev", "test -e /sandbox/asked")).code === 0;
    });
    assert.equal((await machine.setPolicy("rev", NOTHING)).code, 0);
    await machine.exec("rev", "touch /sandbox/go");
    const { stdout } = await running;
    assert.match(stdout, /^tunnel HTTP\/1\.1 200[^]*first HTTP\/1\.1 200/);
    assert.match(stdout, /closed/);
    assert.doesNotMatch(stdout, /HTTP\/1\.1 200[^]*HTTP\/1\.1 200[^]*HTTP\/1\.1 200/);
    assert.equal(await origins.received("GET /first"), true);
    assert.equal(await origins.received("GET /second"), false);
  });

  await step("forward requests follow the same revision", async () => {
    const [seen] = await runScripts(machine, "rev", [curl(`http://${HOST}/forward`)]);
    assert.match(seen!.output, /status 403/);
    assert.equal((await machine.setPolicy("rev", READ_ONLY)).code, 0);
    const [again] = await runScripts(machine, "rev", [curl(`http://${HOST}/forward`)]);
    assert.match(again!.output, /status 200/);
  });

  await step("each revision that came into force has its event", async () => {
    const loaded = (await machine.events("rev")).filter(({ class_uid, state }) =>
      class_uid === 5019 && /loaded/i.test(String(state))
    );
    assert.ok(loaded.length >= 6, JSON.stringify(loaded));
  });
}
