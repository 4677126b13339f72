/**
 * Attacks on credentials, in a sandbox that has one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ANYONE, policy, rest } from "../../support/policies.ts";
import { findMissing, PROGRAM } from "../../support/requirements.ts";
import { sandboxSuite } from "../../support/suite.ts";
import { runAttacks } from "../support/run_attacks.ts";
import { BOUND, CREDENTIAL_ATTACKS, OTHER } from "./attacks.ts";

const FULL = { access: "full" } as const;
const BINDING = { credential_binding: { provider: "service" } };

const POLICY = policy({
  bound: {
    endpoints: [
      rest(BOUND, 443, { ...FULL, ...BINDING }),
      rest(BOUND, 80, FULL),
      rest(OTHER, 443, FULL),
      rest(OTHER, 80, FULL),
    ],
    binaries: ANYONE,
  },
});

Deno.test("CREDENTIAL_ATTACKS names each attack once, and enough of them", () => {
  const ids = new Set(CREDENTIAL_ATTACKS.map(({ id }) => id));
  assert.equal(ids.size, CREDENTIAL_ATTACKS.length);
  assert.ok(ids.size >= 25, String(ids.size));
});

/** Whether the program that was built can be given credentials. */
function knowsProviders(): boolean {
  if (findMissing() !== null) return true;
  const { success } = new Deno.Command(PROGRAM, {
    args: ["provider", "create", "--help"],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success;
}

if (!knowsProviders()) {
  Deno.test.ignore("sandbox: attacks on credentials (needs `openshell provider create`)", () => {});
} else {
  sandboxSuite("attacks on credentials", async (suite) => {
    const { machine } = suite.world;
    const secret = `secret-${crypto.randomUUID()}`;
    const create = ["provider", "create", "--name", "service", "--type", "generic"];
    await machine.must([...create, "--credential", "SERVICE_TOKEN"], {
      env: { SERVICE_TOKEN: secret },
    });
    await runAttacks(suite, {
      name: "attack-cred",
      policies: { enforce: POLICY },
      flags: ["--provider", "service"],
    }, CREDENTIAL_ATTACKS);
    await suite.step("the value went to its host, and is nowhere in the sandbox", async () => {
      assert.ok(await suite.world.origins.received(`Bearer ${secret}`));
      const events = JSON.stringify(await machine.events("attack-cred"));
      assert.ok(!events.includes(secret));
      const script = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'";
      const { stdout } = await machine.exec("attack-cred", script);
      assert.ok(!stdout.includes(secret));
      assert.match(stdout, /SERVICE_TOKEN=openshell:resolve:env:SERVICE_TOKEN/);
    });
  });
}
