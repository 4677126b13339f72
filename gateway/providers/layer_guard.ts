/**
 * Lets changes happen to what providers bring to policies, one at a time, and only those that every
 * sandbox they are felt in can take: its policy says one thing, credentials do not go where nobody
 * reads, and where the operator has put documents, it is proved against them.
 *
 * A proof may take a while, in which nothing else is to wait. So what would be loaded is proved
 * first, and composed again when nothing else can change it any more.
 *
 * @module
 */

import { LAYER_PROOFS_MS_MAX } from "../../proto/provider_limits.ts";
import { STORE_ATTEMPTS_MAX } from "../../proto/limits.ts";
import { type ProofOutcome, type ProvePolicy, refuses } from "../policy/policy_proofs.ts";
import type { SettingChange } from "../policy/settings.ts";
import { KeyedGate } from "../sandbox/keyed_gate.ts";
import { judgeChange, type LayerPreflight, type SandboxChange } from "./layer_preflight.ts";
import { LAYERS_SETTING, type UpcomingProfiles } from "./layered_policies.ts";
import { ProviderRefusedError } from "./provider_errors.ts";

export interface LayerGuardPorts {
  readonly preflight: LayerPreflight;
  readonly prove: ProvePolicy;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A change that is to be checked. */
export interface GuardedChange {
  /** What cannot be done where it is refused, for a person. */
  readonly operation: string;
  /** Reads what the change would mean now. */
  readonly plan: () => Promise<readonly SandboxChange[]>;
  /** Takes it although it is not proved. */
  readonly isForced?: boolean;
}

/** Sandboxes that are named where a change is refused; further ones are counted. */
const NAMES_MAX = 3;

export class LayerGuard {
  readonly preflight: LayerPreflight;
  readonly #prove: ProvePolicy;
  readonly #now: () => number;
  readonly #gate = new KeyedGate();

  constructor({ preflight, prove, now }: LayerGuardPorts) {
    this.preflight = preflight;
    this.#prove = prove;
    this.#now = now;
  }

  /** Does work while nothing changes that a check was about. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    return await this.#gate.run("", work);
  }

  /**
   * Does work when it was checked what it means. It is told of a proof that force has overruled.
   *
   * @throws {ProviderRefusedError}
   */
  async change<T>(
    change: GuardedChange,
    work: (overruled: ProofOutcome | null) => Promise<T>,
  ): Promise<T> {
    const { operation, plan } = change;
    const known = new Map<string, ProofOutcome>();
    for (let attempt = 1; attempt <= STORE_ATTEMPTS_MAX; attempt++) {
      await this.#proveAll(change, judgeAll(operation, await plan()), known);
      const done = await this.exclusive(async () => {
        const texts = [...judgeAll(operation, await plan()).keys()];
        const outcomes = texts.map((text) => known.get(text));
        if (!outcomes.every((outcome) => outcome !== undefined)) return null;
        return { value: await work(outcomes.find(refuses) ?? null) };
      });
      if (done !== null) return done.value;
    }
    const detail = "others change the same again and again";
    throw new ProviderRefusedError("unavailable", operation, detail, "Try again in a while");
  }

  /** Does work that changes a setting. */
  async holdSetting<T>(change: SettingChange, work: () => Promise<T>): Promise<T> {
    if (change.key !== LAYERS_SETTING) return await work();
    const operation = `change ${LAYERS_SETTING}`;
    return await this.change({ operation, plan: () => this.preflight.ofSetting(change) }, work);
  }

  /** Does work that brings other profiles. */
  async holdProfiles<T>(upcoming: UpcomingProfiles, work: () => Promise<T>): Promise<T> {
    const operation = `take profile ${upcoming.profiles.map(({ id }) => `"${id}"`).join(", ")}`;
    return await this.change({ operation, plan: () => this.preflight.ofProfiles(upcoming) }, work);
  }

  /** Several sandboxes may have the same text, which is proved once. */
  async #proveAll(
    { operation, isForced = false }: GuardedChange,
    texts: ReadonlyMap<string, readonly string[]>,
    known: Map<string, ProofOutcome>,
  ): Promise<void> {
    const deadline = this.#now() + LAYER_PROOFS_MS_MAX;
    for (const [text, sandboxes] of texts) {
      if (known.has(text)) continue;
      if (this.#now() > deadline) {
        const detail = `${texts.size} policies are too many to prove at once`;
        const hint = `Set ${LAYERS_SETTING} for one sandbox after another`;
        throw new ProviderRefusedError("resource_exhausted", operation, detail, hint);
      }
      const outcome = await this.#prove(text);
      known.set(text, outcome);
      if (isForced || !refuses(outcome)) continue;
      const problem = outcome.refusal ?? "it is not proved";
      throw refused(operation, sandboxes, {
        problem: `with what providers add to the policy, ${problem}`,
        hint: "Narrow the policy or the profile, or leave the provider out",
      });
    }
  }
}

/**
 * Returns the texts that are to be proved, with the sandboxes that would have each.
 *
 * @throws {ProviderRefusedError} where something is wrong for any sandbox.
 */
export function judgeAll(
  operation: string,
  changes: readonly SandboxChange[],
): ReadonlyMap<string, readonly string[]> {
  const texts = new Map<string, string[]>();
  const failed: string[] = [];
  let first: { readonly problem: string; readonly hint: string } | null = null;
  for (const change of changes) {
    const judgement = judgeChange(change);
    if (judgement.kind === "refused") {
      first ??= judgement;
      failed.push(change.sandbox);
    } else if (judgement.kind === "prove") {
      texts.set(judgement.text, [...texts.get(judgement.text) ?? [], change.sandbox]);
    }
  }
  if (first !== null) throw refused(operation, failed, first);
  return texts;
}

function refused(
  operation: string,
  sandboxes: readonly string[],
  { problem, hint }: { readonly problem: string; readonly hint: string },
): ProviderRefusedError {
  const detail = `${nameAll(sandboxes)}${problem}`;
  return new ProviderRefusedError("failed_precondition", operation, detail, hint);
}

/** A sandbox that is being made needs no name: whoever asks is making it. */
function nameAll(sandboxes: readonly string[]): string {
  const named = sandboxes.filter((name) => name !== "");
  if (named.length === 0) return "";
  if (named.length === 1) return `in sandbox "${named[0]}", `;
  const names = named.slice(0, NAMES_MAX).map((name) => `"${name}"`).join(", ");
  const more = named.length > NAMES_MAX ? ` and ${named.length - NAMES_MAX} more` : "";
  return `in sandboxes ${names}${more}; of the first: `;
}
