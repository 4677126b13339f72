/**
 * Gives supervisors the credentials of their sandboxes, as they are now.
 *
 * Nothing is cached: what was revoked is not in the next answer.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Endpoint } from "../../policy-wasm/policy.ts";
import { CredentialError } from "../../drivers/credentials/contract.ts";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import { SandboxNotFoundError } from "../sandbox/sandbox_errors.ts";
import type { CredentialVault } from "./credential_vault.ts";
import type { ProfileCatalogue } from "./profile_catalogue.ts";
import type { ProviderStore } from "./provider_store.ts";
import type { RefreshStore } from "./refresh/refresh_store.ts";
import {
  type AttachedProvider,
  type SandboxEnvironment,
  sandboxEnvironment,
} from "./sandbox_environment.ts";

/** Attempts to read what is changed at the same time. */
const READS_MAX = 5;

export interface DeliveryPorts {
  readonly providers: ProviderStore;
  readonly vault: CredentialVault;
  readonly profiles: ProfileCatalogue;
  /** Document of the policy that a sandbox has for itself, or that is for all. */
  readonly policyOf: (sandboxId: string) => Promise<Uint8Array>;
  readonly refreshes: RefreshStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What a supervisor is given. It holds real values. */
export interface DeliveredEnvironment extends SandboxEnvironment {
  /** Grows with each change. */
  readonly providerEnvRevision: bigint;
}

interface Known {
  readonly fingerprint: string;
  readonly revision: bigint;
}

export class CredentialDelivery {
  readonly #ports: DeliveryPorts;
  /** Last answer to each sandbox, by its fingerprint. */
  readonly #known = new Map<string, Known>();

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
  }

  /** @throws {CodedError} where the sandbox is gone, or a value cannot be read. */
  async environmentOf(sandboxId: string): Promise<DeliveredEnvironment> {
    const attached = await this.#attached(sandboxId);
    const needsPolicy = attached.some(({ profile }) => (profile?.endpoints.length ?? 0) === 0);
    const endpoints = needsPolicy ? await this.#endpointsOf(sandboxId) : [];
    const environment = sandboxEnvironment(sandboxId, attached, endpoints);
    return { ...environment, providerEnvRevision: this.#revise(sandboxId, environment) };
  }

  /** Forgets what it knows of a sandbox. */
  forget(sandboxId: string): void {
    this.#known.delete(sandboxId);
  }

  /** Reads it again where a value was replaced between its record and itself. */
  async #attached(sandboxId: string): Promise<readonly AttachedProvider[]> {
    for (let reads = 1;; reads++) {
      try {
        return await this.#readAttached(sandboxId);
      } catch (error) {
        const isReplaced = error instanceof CredentialError && error.code === "not_found";
        if (!isReplaced || reads === READS_MAX) throw error;
      }
    }
  }

  async #readAttached(sandboxId: string): Promise<readonly AttachedProvider[]> {
    const { providers, vault, profiles, refreshes } = this.#ports;
    const sandbox = await providers.sandbox(sandboxId);
    if (sandbox === null) throw new SandboxNotFoundError(sandboxId);
    const records = await providers.attached(sandbox);
    return await Promise.all(records.map(async (record) => ({
      record,
      profile: (await profiles.find(record.workspace, record.type))?.profile ?? null,
      values: await vault.resolve(record),
      epochs: new Map(
        [...await refreshes.ownersOf(record.id)].map(([key, { epoch }]) => [key, epoch]),
      ),
    })));
  }

  async #endpointsOf(sandboxId: string): Promise<readonly Endpoint[]> {
    const { policy } = parsePolicy(await this.#ports.policyOf(sandboxId));
    return policy?.rules.flatMap(({ endpoints }) => endpoints) ?? [];
  }

  /** The clock makes it grow also over a restart of the gateway. */
  #revise(sandboxId: string, environment: SandboxEnvironment): bigint {
    const fingerprint = createHash("sha256").update(
      JSON.stringify(
        environment,
        (_key, value) => typeof value === "bigint" ? String(value) : value,
      ),
    ).digest("hex");
    const known = this.#known.get(sandboxId);
    if (known?.fingerprint === fingerprint) return known.revision;
    const now = BigInt(this.#ports.now());
    const next = known === undefined || now > known.revision ? now : known.revision + 1n;
    this.#known.set(sandboxId, { fingerprint, revision: next });
    return next;
  }
}
