/**
 * Gives supervisors the credentials of their sandboxes, as they are now.
 *
 * Nothing is cached: what was revoked is not in the next answer.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Endpoint } from "../../policy-wasm/policy.ts";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import { SandboxNotFoundError } from "../sandbox/sandbox_errors.ts";
import type { CredentialVault } from "./credential_vault.ts";
import type { ProfileCatalogue } from "./profile_catalogue.ts";
import type { ProviderStore } from "./provider_store.ts";
import { type SandboxEnvironment, sandboxEnvironment } from "./sandbox_environment.ts";

export interface DeliveryPorts {
  readonly providers: ProviderStore;
  readonly vault: CredentialVault;
  readonly profiles: ProfileCatalogue;
  /** Document of the policy that a sandbox has for itself, or that is for all. */
  readonly policyOf: (sandboxId: string) => Promise<Uint8Array>;
  /** Stable handles of what is made anew by itself, by key. */
  readonly handlesOf?: (
    sandboxId: string,
    providerId: string,
  ) => Promise<ReadonlyMap<string, string>>;
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
    const { providers, vault, profiles, handlesOf } = this.#ports;
    const sandbox = await providers.sandbox(sandboxId);
    if (sandbox === null) throw new SandboxNotFoundError(sandboxId);
    const records = await providers.attached(sandbox);
    const attached = await Promise.all(records.map(async (record) => ({
      record,
      profile: (await profiles.find(record.workspace, record.type))?.profile ?? null,
      values: await vault.resolve(record),
      handles: await handlesOf?.(sandboxId, record.id) ?? new Map<string, string>(),
    })));
    const needsPolicy = attached.some(({ profile }) => (profile?.endpoints.length ?? 0) === 0);
    const endpoints = needsPolicy ? await this.#endpointsOf(sandboxId) : [];
    const environment = sandboxEnvironment(attached, endpoints);
    return { ...environment, providerEnvRevision: this.#revise(sandboxId, environment) };
  }

  /** Forgets what it knows of a sandbox. */
  forget(sandboxId: string): void {
    this.#known.delete(sandboxId);
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
