/**
 * What sandboxes ask of providers.
 *
 * @module
 */

import { STORE_ATTEMPTS_MAX } from "../../proto/limits.ts";
import type { ProofOutcome } from "../policy/policy_proofs.ts";
import { ConflictError } from "../store/contract.ts";
import type { SandboxRecord } from "./sandbox_record.ts";
import { PhaseError, SandboxNotFoundError, UnsupportedError } from "./sandbox_errors.ts";
import type { SandboxStateStore } from "./sandbox_state_store.ts";

/** Providers that a sandbox is to have: one that there is, or one that is made with a policy. */
export type HeldProviders =
  & { readonly workspace: string; readonly names: readonly string[] }
  & (
    | { readonly sandboxId: string }
    | { readonly sandboxId: null; readonly policy: Uint8Array }
  );

/** A policy that a sandbox is to have. */
export interface HeldPolicy {
  readonly sandboxId: string;
  readonly policy: string;
  /** Takes it although it is not proved. */
  readonly isForced: boolean;
}

export interface ProviderGuard {
  /**
   * Checks that a sandbox may have all of them together, and that none goes away while `work`
   * writes it down.
   *
   * @throws {CodedError}
   */
  hold<T>(providers: HeldProviders, work: () => Promise<T>): Promise<T>;

  /**
   * Checks that a policy goes together with the providers of its sandbox, and that they stay the
   * same while `work` writes it down. `work` is told of a proof that force has overruled.
   *
   * @throws {CodedError}
   */
  holdPolicy<T>(
    policy: HeldPolicy,
    work: (overruled: ProofOutcome | null) => Promise<T>,
  ): Promise<T>;
}

/** Does the work while the providers are held. @throws {UnsupportedError} where there are none. */
export async function holdProviders<T>(
  guard: ProviderGuard | undefined,
  providers: HeldProviders,
  work: () => Promise<T>,
): Promise<T> {
  if (providers.names.length === 0) return await work();
  if (guard !== undefined) return await guard.hold(providers, work);
  throw new UnsupportedError("providers", "this gateway has none");
}

/** Writes down the providers of a sandbox, while they are held. */
export async function changeProviders(
  { id, name }: SandboxRecord,
  change: (names: readonly string[]) => readonly string[],
  { states, hold }: {
    readonly states: SandboxStateStore;
    readonly hold: (
      names: readonly string[],
      work: () => Promise<SandboxRecord | null>,
    ) => Promise<SandboxRecord | null>;
  },
): Promise<SandboxRecord> {
  for (let attempt = 1;; attempt++) {
    const current = await states.get(id);
    if (current === null) throw new SandboxNotFoundError(name);
    if (current.state.phase === "deleting") {
      throw new PhaseError("change the providers of", name, "deleting");
    }
    const before = current.spec.providers;
    const names = change(before);
    if (names === before) return current;
    try {
      const changed = await hold(
        names,
        () => states.update(id, (record) => replace(record, before, names)),
      );
      if (changed === null) throw new SandboxNotFoundError(name);
      return changed;
    } catch (error) {
      // Another one was attached or detached meanwhile: what was checked is not what there would be.
      if (!(error instanceof ConflictError) || attempt === STORE_ATTEMPTS_MAX) throw error;
    }
  }
}

/** INVARIANT: only providers that were checked together are written. @throws {ConflictError} */
function replace(
  record: SandboxRecord,
  before: readonly string[],
  names: readonly string[],
): SandboxRecord {
  const { providers } = record.spec;
  const isSame = providers.length === before.length &&
    providers.every((name, index) => name === before[index]);
  if (!isSame) throw new ConflictError("changed", "sandbox", record.name);
  return { ...record, spec: { ...record.spec, providers: [...names] } };
}
