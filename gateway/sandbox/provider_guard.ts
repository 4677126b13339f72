/**
 * What sandboxes ask of providers.
 *
 * @module
 */

import type { SandboxRecord } from "./sandbox_record.ts";
import { PhaseError, SandboxNotFoundError, UnsupportedError } from "./sandbox_errors.ts";
import type { SandboxStateStore } from "./sandbox_state_store.ts";

/** Providers that a sandbox is to have. */
export interface HeldProviders {
  readonly workspace: string;
  readonly names: readonly string[];
  /** Id of the sandbox, `null` for one that is being made. */
  readonly sandboxId: string | null;
  /** The policy of its own. */
  readonly policy: Uint8Array;
}

export interface ProviderGuard {
  /**
   * Checks that a sandbox may have all of them together, and that none goes away while `work`
   * writes it down.
   *
   * @throws {CodedError}
   */
  hold<T>(providers: HeldProviders, work: () => Promise<T>): Promise<T>;
}

/** Does the work while the providers are held. @throws {UnsupportedError} where there are none. */
export async function holdProviders<T>(
  guard: ProviderGuard | undefined,
  providers: HeldProviders,
  work: () => Promise<T>,
): Promise<T> {
  if (guard !== undefined) return await guard.hold(providers, work);
  if (providers.names.length === 0) return await work();
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
  const current = await states.get(id);
  if (current === null) throw new SandboxNotFoundError(name);
  if (current.state.phase === "deleting") {
    throw new PhaseError("change the providers of", name, "deleting");
  }
  const names = change(current.spec.providers);
  if (names === current.spec.providers) return current;
  const changed = await hold(names, () =>
    states.update(id, (record) => ({
      ...record,
      spec: { ...record.spec, providers: [...change(record.spec.providers)] },
    })));
  if (changed === null) throw new SandboxNotFoundError(name);
  return changed;
}
