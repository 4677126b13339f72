/**
 * The authority of one sandbox, and the certificates that it shows to the sandbox's programs.
 *
 * Its key is made here, cannot be exported, and ends with the process. All leaves share one key,
 * which takes a third off the time of each: whoever could read one could read them all.
 *
 * The first key of a process takes some 40 ms, while the library gathers randomness on a thread of
 * its own: `create()` early, and do something else meanwhile. A leaf takes 0.8 ms.
 *
 * @module
 */

import { parseIp } from "../../../../policy-wasm/ip.ts";
import { TLS_LEAVES_MAX } from "../../../../proto/egress_limits.ts";
import {
  type Authority,
  createAuthority,
  issueCertificate,
  type IssuedCertificate,
} from "../../../system/pki/certificate.ts";
import { createSigningKey, type SigningKey } from "../../../system/pki/keys.ts";

/** Long enough for a sandbox that runs for months: its programs read the file once. */
const AUTHORITY_DAYS = 825;

/** Short, because a new one is made in a millisecond. */
const LEAF_DAYS = 7;

const DAY_MS = 86_400_000;

/** A leaf is made anew when less than this is left of it. */
const LEAF_RENEWAL_MS = DAY_MS;

interface Leaf {
  /** A promise, so that all who ask at once share one. */
  readonly certificate: Promise<IssuedCertificate>;
  readonly madeAtMs: number;
}

export interface SandboxAuthorityOptions {
  /** Now, in milliseconds. */
  readonly now?: () => number;
}

/** Signs for one sandbox. */
export class SandboxAuthority {
  readonly #authority: Authority;
  readonly #leafKey: SigningKey;
  readonly #now: () => number;
  /** The least used one first. */
  readonly #leaves = new Map<string, Leaf>();

  private constructor(authority: Authority, leafKey: SigningKey, now: () => number) {
    this.#authority = authority;
    this.#leafKey = leafKey;
    this.#now = now;
  }

  static async create({ now = Date.now }: SandboxAuthorityOptions = {}): Promise<SandboxAuthority> {
    const [authority, leafKey] = await Promise.all([
      createAuthority({
        commonName: "OpenShell Sandbox CA",
        organization: "OpenShell",
        days: AUTHORITY_DAYS,
        extractable: false,
        now: new Date(now()),
      }),
      createSigningKey({ extractable: true }),
    ]);
    return new SandboxAuthority(authority, leafKey, now);
  }

  /** The certificate that the sandbox's programs have to trust. */
  get caPem(): string {
    return this.#authority.certPem;
  }

  /**
   * Returns a certificate for a canonical host: a name, or an address without brackets.
   *
   * @throws {CertificateRequestError} When no certificate can be about the host.
   */
  async leafFor(host: string): Promise<IssuedCertificate> {
    const kept = this.#leaves.get(host);
    const leaf = kept !== undefined && this.#isFresh(kept) ? kept : this.#mint(host);
    this.#keep(host, leaf);
    try {
      return await leaf.certificate;
    } catch (error) {
      // What failed is not kept, unless somebody else has tried again already.
      if (this.#leaves.get(host) === leaf) this.#leaves.delete(host);
      throw error;
    }
  }

  #mint(host: string): Leaf {
    const isAddress = parseIp(host) !== null;
    const now = this.#now();
    const certificate = issueCertificate(this.#authority, {
      commonName: host,
      dnsNames: isAddress ? [] : [host],
      ipAddresses: isAddress ? [host] : [],
      usage: "server",
      days: LEAF_DAYS,
      key: this.#leafKey,
      now: new Date(now),
    });
    return { certificate, madeAtMs: now };
  }

  /** A clock that was set back makes a leaf that is not valid yet: it is not fresh either. */
  #isFresh({ madeAtMs }: Leaf): boolean {
    const age = this.#now() - madeAtMs;
    return age >= 0 && age < LEAF_DAYS * DAY_MS - LEAF_RENEWAL_MS;
  }

  #keep(host: string, leaf: Leaf): void {
    this.#leaves.delete(host);
    this.#leaves.set(host, leaf);
    if (this.#leaves.size <= TLS_LEAVES_MAX) return;
    for (const oldest of this.#leaves.keys()) {
      this.#leaves.delete(oldest);
      return;
    }
  }
}
