/**
 * Providers with real sandboxes: a program uses a credential that it never has.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import type { TestMachine } from "../support/openshell.ts";
import { CURL, policy, rest } from "../support/policies.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

/** Found again wherever it should not be. */
const CANARY = `canary-${crypto.randomUUID()}`;
const ROTATED = `canary-${crypto.randomUUID()}`;

const HOST = "api.example.com";

const POLICY = policy({
  bound: {
    endpoints: [
      rest(HOST, 443, { access: "full", credential_binding: { provider: "service" } }),
      rest("other.example.com", 443, { access: "full" }),
    ],
    binaries: [CURL],
  },
});

const WITH_TOKEN = curl(`https://${HOST}/use`, "-H", "authorization: Bearer $SERVICE_TOKEN")
  .replaceAll("'authorization: Bearer $SERVICE_TOKEN'", '"authorization: Bearer $SERVICE_TOKEN"');

async function ask(machine: TestMachine, script: string): Promise<string> {
  const [seen] = await runScripts(machine, "box", [script]);
  return seen!.output;
}

sandboxSuite("providers", async (suite) => {
  const { machine } = suite.world;
  await stepsOfRecords(suite);
  await machine.create("box", { policy: POLICY, flags: ["--provider", "service"] });
  await stepsOfUse(suite);
  await stepsOfChanges(suite);
  await stepsOfCanary(suite);
});

async function stepsOfRecords({ world: { machine }, step }: Suite): Promise<void> {
  await step("create takes a value from the environment", async () => {
    const args = ["provider", "create", "--name", "service", "--type", "generic"];
    const made = await machine.run([...args, "--credential", "SERVICE_TOKEN"], {
      env: { SERVICE_TOKEN: CANARY },
    });
    assert.equal(made.code, 0, made.stderr);
    assert.ok(!`${made.stdout}${made.stderr}`.includes(CANARY));
    const listed = JSON.parse(await machine.must(["provider", "list", "-o", "json"]));
    assert.deepEqual(listed[0].credential_keys, ["SERVICE_TOKEN"]);
    const again = await machine.run([...args, "--credential", "SERVICE_TOKEN=x"]);
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /one of this name exists/);
  });
}

async function stepsOfUse({ world, step }: Suite): Promise<void> {
  const { machine, origins } = world;
  await step("a program has a placeholder", async () => {
    assert.match(
      await ask(machine, "echo $SERVICE_TOKEN"),
      /^openshell:resolve:env:SERVICE_TOKEN$/m,
    );
  });

  await step("the origin gets the value", async () => {
    assert.match(await ask(machine, WITH_TOKEN), /status 200/);
    assert.ok(await origins.received(`Bearer ${CANARY}`));
  });
}

async function stepsOfChanges({ world, step }: Suite): Promise<void> {
  const { machine, origins } = world;
  await step("delete is refused while a sandbox has it", async () => {
    const refused = await machine.run(["provider", "delete", "service"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /sandbox "box" has it/);
  });

  await step("another value is in force for programs that run already", async () => {
    const args = ["provider", "update", "service", "--credential", "SERVICE_TOKEN"];
    await machine.must(args, { env: { SERVICE_TOKEN: ROTATED } });
    await waitFor("the new value", async () => {
      await ask(machine, WITH_TOKEN);
      return await origins.received(`Bearer ${ROTATED}`);
    });
  });

  await step("what is detached is gone at once, and may come back", async () => {
    await machine.must(["sandbox", "provider", "detach", "box", "service"]);
    const script = WITH_TOKEN.replaceAll("$SERVICE_TOKEN", "openshell:resolve:env:SERVICE_TOKEN");
    await waitFor("the revocation", async () => {
      await origins.clear();
      await ask(machine, script);
      return !await origins.received(ROTATED);
    });
    assert.match(await ask(machine, 'echo "<$SERVICE_TOKEN>"'), /<>/);
    await machine.must(["sandbox", "provider", "attach", "box", "service"]);
    await waitFor("the value", async () => /status 200/.test(await ask(machine, WITH_TOKEN)));
  });
}

async function stepsOfCanary({ world: { machine }, step }: Suite): Promise<void> {
  await step("no value is in the sandbox", async () => {
    const environ = await ask(machine, "cat /proc/[0-9]*/environ | tr '\\0' '\\n'");
    assert.match(environ, /SERVICE_TOKEN=openshell:resolve/);
    assert.ok(!environ.includes(CANARY) && !environ.includes(ROTATED));
  });
}
