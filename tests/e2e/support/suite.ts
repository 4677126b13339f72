/**
 * A file of tests about real sandboxes: one world for all its steps, and nothing left behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findMissing } from "./requirements.ts";
import { World } from "./world.ts";

/** What a step has. */
export interface Suite {
  readonly world: World;
  /** Runs a step; a failure of it does not end the others. */
  step(name: string, body: () => Promise<void> | void): Promise<boolean>;
}

/** Declares a suite; where sandboxes cannot run, it is skipped and its name says why. */
export function sandboxSuite(name: string, body: (suite: Suite) => Promise<void>): void {
  const missing = findMissing();
  const reason = missing === null ? "" : ` (ignored: ${missing})`;
  Deno.test({
    name: `sandbox: ${name}${reason}`,
    ignore: missing !== null,
    async fn(t) {
      const world = await World.start();
      let isPassed = true;
      // The suite's own processes live across its steps: the suite as a whole is checked for leaks.
      const step = async (title: string, fn: () => Promise<void> | void) => {
        const isOk = await t.step({
          name: title,
          fn: () => fn(),
          sanitizeOps: false,
          sanitizeResources: false,
        });
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
