/**
 * A file of tests that follows a journey: one world for all its steps, and nothing left behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findMissing } from "../../support/requirements.ts";
import { type JourneyOptions, JourneyWorld } from "./journey_world.ts";

/** What a step has. */
export interface Journey {
  readonly world: JourneyWorld;
  /** Runs a step; a failure of it does not end the others. */
  step(name: string, body: () => Promise<void>): Promise<boolean>;
}

export interface JourneyNeeds extends JourneyOptions {
  /** Why the journey cannot be followed here, beside what every sandbox needs. */
  readonly missing?: string | null;
}

/** Declares a journey; where it cannot be followed, its name says why. */
export function journeySuite(
  name: string,
  { missing = null, ...options }: JourneyNeeds,
  body: (journey: Journey) => Promise<void>,
): void {
  const reason = findMissing() ?? missing;
  Deno.test({
    name: `journey: ${name}${reason === null ? "" : ` (ignored: ${reason})`}`,
    ignore: reason !== null,
    async fn(t) {
      const world = await JourneyWorld.start(options);
      let isPassed = true;
      // The suite's own processes live across its steps: the whole is checked for leaks.
      const step = async (title: string, fn: () => Promise<void>) => {
        const sanitizers = { sanitizeOps: false, sanitizeResources: false };
        const isOk = await t.step({ name: title, fn: () => fn(), ...sanitizers });
        isPassed &&= isOk;
        return isOk;
      };
      try {
        await body({ world, step });
      } catch (error) {
        isPassed = false;
        throw error;
      } finally {
        if (!isPassed) console.error(`gateway:\n${await world.machine.gatewayLog()}`);
        const leftovers = await world.close();
        if (isPassed) assert.deepEqual(leftovers, [], "nothing is left behind");
      }
    },
  });
}
