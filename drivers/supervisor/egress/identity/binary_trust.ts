/**
 * Trust on first use: a path means the content that it had when it was first used.
 *
 * An unchanged file is not read again; one that changed is, and has to have the same content.
 * Restoring the time of the last change does not hide one, because the kernel keeps another (ctime).
 *
 * @module
 */

import { TRUSTED_BINARIES_MAX } from "../../../../proto/egress_limits.ts";
import type { FileIdentity } from "./process_table.ts";

export type TrustVerdict = "trusted" | "changed" | "gone" | "full";

interface Trusted {
  readonly hash: string;
  /** Last version of the file that had this content. */
  version: string;
  /** Last version that had another content. */
  refusedVersion: string | null;
}

/** What one sandbox has used. */
export class BinaryTrust {
  readonly #byPath = new Map<string, Trusted>();
  readonly #hashing = new Map<string, Promise<string | null>>();
  readonly #pathsMax: number;

  constructor(pathsMax: number = TRUSTED_BINARIES_MAX) {
    this.#pathsMax = pathsMax;
  }

  /** Returns what is known without reading the file, `null` where it has to be read. */
  recall(path: string, { version }: FileIdentity): TrustVerdict | null {
    const trusted = this.#byPath.get(path);
    // INVARIANT: nothing is forgotten to make room, or a path could be made to be trusted anew.
    if (trusted === undefined) return this.#byPath.size < this.#pathsMax ? null : "full";
    if (trusted.version === version) return "trusted";
    return trusted.refusedVersion === version ? "changed" : null;
  }

  /** Reads the file, once for all who ask at the same time. `hash` is `null` where it is gone. */
  async check(
    path: string,
    identity: FileIdentity,
    hash: () => Promise<string | null>,
  ): Promise<TrustVerdict> {
    const { version } = identity;
    let hashing = this.#hashing.get(version);
    if (hashing === undefined) {
      hashing = hash().finally(() => this.#hashing.delete(version));
      this.#hashing.set(version, hashing);
    }
    const found = await hashing;
    if (found === null) return "gone";
    // Another connection may have been first in the meantime.
    const known = this.recall(path, identity);
    if (known !== null) return known;
    const trusted = this.#byPath.get(path);
    if (trusted === undefined) {
      this.#byPath.set(path, { hash: found, version, refusedVersion: null });
      return "trusted";
    }
    if (trusted.hash === found) trusted.version = version;
    else trusted.refusedVersion = version;
    return trusted.hash === found ? "trusted" : "changed";
  }
}
