/**
 * Values of providers, kept with the credential driver: all of a change or none.
 *
 * A record that cannot be written leaves no value behind; what a crash leaves is swept when the
 * gateway starts next.
 *
 * @module
 */

import type { CredentialDriver } from "../../drivers/credentials/contract.ts";
import { ProviderRefusedError } from "./provider_errors.ts";
import type { CredentialHandle, ProviderRecord } from "./provider_record.ts";

type Handles = Readonly<Record<string, CredentialHandle>>;

export interface VaultPorts {
  readonly driver: CredentialDriver;
  /** Handles of all that the driver keeps. */
  readonly handles: () => Promise<readonly string[]>;
  /** Told of a value that could not be removed: it is swept later. */
  readonly onProblem: (error: unknown) => void;
}

export class CredentialVault {
  readonly #ports: VaultPorts;

  constructor(ports: VaultPorts) {
    this.#ports = ports;
  }

  /**
   * Keeps values while `work` writes the record that names them. Where either fails nothing of
   * them stays.
   */
  async withStored<T>(
    providerId: string,
    values: Readonly<Record<string, string>>,
    work: (handles: Handles) => Promise<T>,
  ): Promise<T> {
    const { driver } = this.#ports;
    const handles: Record<string, CredentialHandle> = {};
    try {
      for (const [key, value] of Object.entries(values)) {
        const handle = await driver.store({ providerId, key }, value);
        handles[key] = { driver: driver.name, handle };
      }
      return await work(handles);
    } catch (error) {
      await this.remove(handles);
      throw error;
    }
  }

  /** Returns the values of a provider by key. @throws {CodedError} where one cannot be read. */
  async resolve({ id, handles }: Pick<ProviderRecord, "id" | "handles">) {
    const { driver } = this.#ports;
    const values = new Map<string, string>();
    for (const [key, handle] of Object.entries(handles)) {
      if (handle.driver !== driver.name) {
        throw new ProviderRefusedError(
          "failed_precondition",
          `read credential "${key}"`,
          `driver "${handle.driver}" keeps it, and "${driver.name}" is in use`,
          "Set it again",
        );
      }
      values.set(key, await driver.resolve({ providerId: id, key }, handle.handle));
    }
    return values;
  }

  /** Forgets values that no record names any more. */
  async remove(handles: Handles): Promise<void> {
    const { driver, onProblem } = this.#ports;
    for (const { handle } of Object.values(handles)) {
      await driver.delete(handle).catch(onProblem);
    }
  }

  /** Forgets everything that is not among these. Returns how many that were. */
  async sweep(used: ReadonlySet<string>): Promise<number> {
    const left = (await this.#ports.handles()).filter((handle) => !used.has(handle));
    for (const handle of left) await this.#ports.driver.delete(handle);
    return left.length;
  }
}
