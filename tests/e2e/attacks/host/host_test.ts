/**
 * Attacks on what holds a sandbox on the host. The table is `attacks.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { sandboxSuite } from "../../support/suite.ts";
import { HOST_ATTACKS } from "./attacks.ts";
import type { Attack } from "../support/attack.ts";
import { runHostAttacks } from "./run_host_attacks.ts";
import { ATTACKER, setTheScene, SMALL } from "./scene.ts";
import { CALLS_PROCESSOR } from "./scripts.ts";

/** Only a control group holds these: an ordinary user is refused `--memory` and `--cpu` here. */
const OF_A_GROUP: ReadonlySet<string> = new Set(["memory-bomb", "processor"]);

/** At least so many: an attack that is dropped is noticed. */
const ATTACKS_MIN = 60;

Deno.test("HOST_ATTACKS names each attack once, and enough of them", () => {
  const ids = HOST_ATTACKS.map(({ id }) => id);
  assert.deepEqual(ids.filter((id, at) => ids.indexOf(id) !== at), []);
  assert.ok(ids.length >= ATTACKS_MIN, String(ids.length));
});

if (Deno.build.arch === CALLS_PROCESSOR) {
  sandboxSuite("attacks on the host", async (suite) => {
    await setTheScene(suite.world);
    const isHeld = ({ id }: Attack) => !(suite.isRootless && OF_A_GROUP.has(id));
    const small = HOST_ATTACKS.filter(({ area }) => area === "resources").filter(isHeld);
    const others = HOST_ATTACKS.filter(({ area }) => area !== "resources");
    const outcomes = [
      ...await runHostAttacks(suite, ATTACKER, others),
      ...await runHostAttacks(suite, SMALL, small),
    ];
    await suite.step("nothing reached the loopback of the machine", async () => {
      assert.deepEqual(await suite.world.loopback.recordings(), []);
    });
    for (const { area, held, accepted, failed } of outcomes) {
      const title = `${area}: ${held} held, ${accepted} accepted, ${failed} failed`;
      await suite.step(title, () => assert.equal(failed, 0));
    }
  });
}
