/**
 * Attacks by the network: what a program in a sandbox may try to get something out.
 *
 * @module
 */

import { sandboxSuite } from "../support/suite.ts";
import { NETWORK_ATTACKS } from "./net/attacks.ts";
import { AttackedNetwork } from "./net/world.ts";
import { attackAcrossReload } from "./net/reload_attacks.ts";
import { runAttacks } from "./support/run_attacks.ts";

sandboxSuite("attacks by the network", async (suite) => {
  await using network = await AttackedNetwork.start(suite.world);
  const sandbox = network.sandbox();
  await runAttacks(suite, sandbox, NETWORK_ATTACKS);
  await attackAcrossReload(suite, sandbox.name);
});
