/**
 * Processes that are killed while there is work: ten points a run, each kind of process once.
 *
 * @module
 */

import { sandboxSuite } from "../support/suite.ts";
import { Kills, VICTIMS } from "./support/kills.ts";
import { seeded, shuffled } from "./support/seeded.ts";

const SEED = Number(Deno.env.get("OPENSHELL_FAULT_SEED") ?? 20_261_124);

sandboxSuite("killed processes", async ({ world, step }) => {
  const random = seeded(SEED);
  const kills = new Kills(world, random);
  await kills.begin();
  for (const victim of shuffled(VICTIMS, random)) {
    await step(`the ${victim} (seed ${SEED})`, async () => void await kills.round(victim));
  }
}, { alsoRootless: false });
