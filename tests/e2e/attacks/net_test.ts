/**
 * Attacks by the network: what a program in a sandbox may try to get something out.
 *
 * @module
 */

import assert from "node:assert/strict";
import { hasTool } from "../support/requirements.ts";
import { sandboxSuite } from "../support/suite.ts";
import { NETWORK_ATTACKS } from "./net/attacks.ts";
import { AttackedNetwork } from "./net/world.ts";
import { attackAcrossReload } from "./net/reload_attacks.ts";
import { runAttacks } from "./support/run_attacks.ts";

/** The scripts are written in it. */
const hasPython = hasTool("python3");

Deno.test("NETWORK_ATTACKS are at least as many as they were", () => {
  assert.ok(NETWORK_ATTACKS.length >= 300, String(NETWORK_ATTACKS.length));
});

if (!hasPython) Deno.test.ignore("sandbox: attacks by the network (needs python3)", () => {});
else {
  sandboxSuite("attacks by the network", async (suite) => {
    await using network = await AttackedNetwork.start(suite.world);
    const sandbox = network.sandbox();
    await runAttacks(suite, sandbox, NETWORK_ATTACKS);
    await attackAcrossReload(suite, sandbox.name);
  });
}
