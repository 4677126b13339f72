/**
 * The answer of the policy core.
 *
 * @module
 */

import type { Reason } from "../proto/reason.ts";

/** A verdict about one connection or one request, with the reason and who gave it. */
export interface Decision {
  /** What happens on the wire: `allow` is forwarded, `deny` is not. */
  readonly verdict: "allow" | "deny";
  /**
   * True for a violation that an endpoint in audit mode lets through: `verdict` is `allow`,
   * `reason` says what enforcement would have denied.
   */
  readonly audited: boolean;
  /** Key of the deciding rule, `null` where no rule came into play. */
  readonly rule: string | null;
  /** Index of the deciding endpoint in that rule, `null` where none came into play. */
  readonly endpoint: number | null;
  readonly reason: Reason;
  /** Hash of the policy image that decided, `sha256:` and 64 hex digits. */
  readonly generation: string;
}
