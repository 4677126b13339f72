/**
 * A file of tests about agents: one world for all its steps, and nothing left behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AgentWorld } from "./agent_world.ts";
import type { Installation } from "./installation.ts";

/** What a step has. */
export interface AgentSuite {
  readonly world: AgentWorld;
  /** Runs a step; a failure of it does not end the others. */
  step(name: string, body: () => Promise<void>): Promise<boolean>;
}

/** Declares a suite; where the agents are not installed, it is skipped and its name says why. */
export function agentSuite(
  name: string,
  installation: Installation,
  body: (suite: AgentSuite) => Promise<void>,
): void {
  const { kind } = installation;
  const reason = kind === "missing" ? ` (ignored: ${installation.reason})` : "";
  Deno.test({
    name: `agents: ${name}${reason}`,
    ignore: kind === "missing",
    async fn(t) {
      assert.ok(installation.kind === "installed");
      const world = await AgentWorld.start(installation.prefix);
      let isPassed = true;
      // The suite's own processes live across its steps: the whole is checked for leaks.
      const step = async (title: string, fn: () => Promise<void>) => {
        const options = { sanitizeOps: false, sanitizeResources: false };
        const isOk = await t.step({ name: title, fn: () => fn(), ...options });
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
