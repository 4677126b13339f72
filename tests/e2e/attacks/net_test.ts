/**
 * Attacks by the network: what a program in a sandbox may try to get something out.
 *
 * @module
 */

import { sandboxSuite } from "../support/suite.ts";
import { NETWORK_ATTACKS } from "./net/attacks.ts";
import { AttackedNetwork } from "./net/world.ts";
import { runAttacks } from "./support/run_attacks.ts";

sandboxSuite("attacks by the network", async (suite) => {
  await using network = await AttackedNetwork.start(suite.world);
  await runAttacks(suite, network.sandbox(), NETWORK_ATTACKS);
});
