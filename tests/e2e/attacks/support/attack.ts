/**
 * What an attack is, and what shows that it failed.
 *
 * @module
 */

import type { WantedEvent } from "../../support/events.ts";
import type { World } from "../../support/world.ts";

/** Parts of the table. */
export type Area =
  | "network"
  | "names"
  | "tls"
  | "http"
  | "identity"
  | "files"
  | "process"
  | "kernel"
  | "resources"
  | "control"
  | "credentials";

/**
 * How the policy stands while it is tried: as written; with `enforcement: audit` on every endpoint;
 * just after a reload that took the permission of the twin away.
 */
export type Mode = "enforce" | "audit" | "after-reload";

/** A script of `bash` in the sandbox, and what it shows. `$CANARY` holds text that must not get out. */
export interface Trial {
  readonly script: string;
  /** What the output, errors included, matches. */
  readonly shows: RegExp;
}

/** One attack with its benign twin. */
export interface Attack {
  /** Unique, lower case with hyphens: `connect-ipv6-loopback`. */
  readonly id: string;
  /** What the attacker wants, in a few words, for the table. */
  readonly title: string;
  readonly area: Area;
  /** All three where the network decides; `enforce` alone where no network policy has a say. */
  readonly modes?: readonly Mode[];
  /** The attack, and how its failure shows. */
  readonly attack: Trial;
  /** The same thing done as permitted: it works. */
  readonly twin: Trial;
  /**
   * The one decision that is recorded; absent where nothing may reach the proxy at all. `§` in its
   * host is the canary.
   */
  readonly event?: WantedEvent;
  /** Finding that is recorded instead, where bytes name nothing to decide about: its `uid`. */
  readonly finding?: string;
  /** The host or path that is recorded holds the canary, as it has to: it is what was asked for. */
  readonly isCanaryNamed?: boolean;
  /** The connection was allowed first, as it should be, and is asked about again. */
  readonly isAskedTwice?: boolean;
  /** What `audit` lets through by design, on record: methods and paths of an allowed host. */
  readonly isAuditable?: boolean;
  /** Further proof from outside of the sandbox, after the attack. Throws where the attack worked. */
  readonly check?: (world: World, sandbox: string) => Promise<void>;
  /** Why this attack works, where it does: the heading of the threat model that says so. */
  readonly accepted?: string;
}
