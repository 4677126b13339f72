/**
 * A file of tests about real sandboxes: one world for all its steps, and nothing left behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { makeOrdinaryUser, type OrdinaryUser } from "./ordinary_user.ts";
import { findMissing, findMissingForUser } from "./requirements.ts";
import { World } from "./world.ts";

/** What a step has. */
export interface Suite {
  readonly world: World;
  /** Whether an ordinary user runs everything. */
  readonly isRootless: boolean;
  /** Runs a step; a failure of it does not end the others. */
  step(name: string, body: () => Promise<void> | void): Promise<boolean>;
}

export interface SuiteOptions {
  /** False for what does not depend on who runs it, and takes long. */
  readonly alsoRootless?: boolean;
}

/** Declares a suite, as root and as an ordinary user; where it cannot run, its name says why. */
export function sandboxSuite(
  name: string,
  body: (suite: Suite) => Promise<void>,
  { alsoRootless = true }: SuiteOptions = {},
): void {
  declare(`sandbox: ${name}`, { missing: findMissing(), makeUser: () => null, body });
  if (!alsoRootless) return;
  const missing = findMissingForUser();
  declare(`sandbox, rootless: ${name}`, { missing, makeUser: makeOrdinaryUser, body });
}

interface Declaration {
  readonly missing: string | null;
  readonly makeUser: () => OrdinaryUser | null;
  readonly body: (suite: Suite) => Promise<void>;
}

function declare(name: string, { missing, makeUser, body }: Declaration): void {
  const reason = missing === null ? "" : ` (ignored: ${missing})`;
  Deno.test({
    name: `${name}${reason}`,
    ignore: missing !== null,
    async fn(t) {
      const user = makeUser();
      const world = await World.start(user);
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
        await body({ world, step, isRootless: user !== null });
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
