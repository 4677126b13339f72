/**
 * Attacks by the network: what a program in a sandbox may try to get something out.
 *
 * @module
 */

import { sandboxSuite } from "../support/suite.ts";
import { HTTP_ATTACKS } from "./net/http.ts";
import { networkSandbox } from "./net/world.ts";
import { runAttacks } from "./support/run_attacks.ts";

sandboxSuite("attacks by the network", async (suite) => {
  await runAttacks(suite, networkSandbox(), HTTP_ATTACKS);
});
