/**
 * Resolves hosts as the machine does: its hosts file first, then its name servers.
 *
 * Only what the policy allows gets here, so that no name that a sandbox makes up reaches a name
 * server. An address is itself.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { parseIp } from "../../../policy-wasm/ip.ts";
import {
  HOST_ADDRESSES_MAX,
  RESOLVE_MS_MAX,
  RESOLVES_AT_ONCE_MAX,
} from "../../../proto/egress_limits.ts";
import type { Resolution } from "./ports.ts";

/** Returns all addresses of a name, in the order of the answer; rejects where there are none. */
export type Lookup = (name: string) => Promise<readonly string[]>;

export interface HostResolverOptions {
  readonly lookup?: Lookup;
  readonly msMax?: number;
  readonly atOnceMax?: number;
}

export class HostResolver {
  readonly #lookup: Lookup;
  readonly #msMax: number;
  readonly #atOnceMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: HostResolverOptions = {}) {
    this.#lookup = options.lookup ?? lookUp;
    this.#msMax = options.msMax ?? RESOLVE_MS_MAX;
    this.#atOnceMax = options.atOnceMax ?? RESOLVES_AT_ONCE_MAX;
  }

  /** Returns the addresses of a canonical host. Never rejects. */
  async resolve(host: string): Promise<Resolution> {
    if (parseIp(host) !== null) return { ok: true, addresses: [host] };
    const late = Promise.withResolvers<Resolution>();
    const timer = setTimeout(
      () => late.resolve(fail("The host was not resolved in time")),
      this.#msMax,
    );
    try {
      return await Promise.race([this.#inTurn(host), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A lookup cannot be cancelled, so it keeps its place until it ends, wanted or not. */
  async #inTurn(host: string): Promise<Resolution> {
    if (this.#running >= this.#atOnceMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return judge(await this.#lookup(host));
    } catch (error) {
      // Whatever the resolver says, there is no address; its text may name other things.
      return fail(`The host cannot be resolved (${codeOf(error)})`);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

function judge(addresses: readonly string[]): Resolution {
  const unique = [...new Set(addresses)];
  if (unique.length === 0) return fail("The host has no address");
  if (unique.length > HOST_ADDRESSES_MAX) {
    return fail(`The host has more than ${HOST_ADDRESSES_MAX} addresses`);
  }
  if (unique.some((address) => parseIp(address) === null)) {
    return fail("The host has an address that cannot be read");
  }
  return { ok: true, addresses: unique };
}

async function lookUp(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Z_]{1,32}$/.test(code) ? code : "failed";
}

function fail(detail: string): Resolution {
  return { ok: false, detail };
}
