/**
 * What a person claims about a policy: something that never passes, or something that always does.
 *
 * @module
 */

import type { Level } from "../report.ts";
import type { Region } from "../space/member.ts";

/** One entry of `claims`. */
export interface Claim {
  /** Map key, part of the question's id. */
  readonly key: string;
  /**
   * `never`: no request of the region passes, whatever it holds. `always`: each request of the
   * region without query and body passes.
   */
  readonly kind: "never" | "always";
  readonly region: Region;
  /** Name of a provider whose credential has to be in scope; `null` where it does not matter. */
  readonly credential: string | null;
  readonly level: Level;
  /** Why it is claimed, `null` where nothing is written. */
  readonly reason: string | null;
}
