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
  RESOLVES_HANGING_MAX,
  RESOLVES_HANGING_OF_HOST_MAX,
} from "../../../proto/egress_limits.ts";
import type { Resolution } from "./ports.ts";

/** Returns all addresses of a name, in the order of the answer; rejects where there are none. */
export type Lookup = (name: string) => Promise<readonly string[]>;

export interface HostResolverOptions {
  readonly lookup?: Lookup;
  readonly msMax?: number;
  readonly atOnceMax?: number;
  readonly hangingMax?: number;
}

/** One lookup, shared by all who ask for its host meanwhile. */
interface Shared {
  readonly host: string;
  readonly answer: PromiseWithResolvers<Resolution>;
  /** Nobody is told any more where it is 0. */
  waiting: number;
}

/**
 * A lookup cannot be cancelled, and a name server that is silent may hold it for minutes. So one
 * that is late makes place for others and counts among the hanging ones until it ends.
 */
export class HostResolver {
  readonly #lookup: Lookup;
  readonly #msMax: number;
  readonly #atOnceMax: number;
  readonly #hangingMax: number;
  /** What can still be joined, by host: waiting for a place, or asked. */
  readonly #shared = new Map<string, Shared>();
  readonly #queue: Shared[] = [];
  /** Lookups that were given up, by host. */
  readonly #hanging = new Map<string, number>();
  #hangingCount = 0;
  #running = 0;

  constructor(options: HostResolverOptions = {}) {
    this.#lookup = options.lookup ?? lookUp;
    this.#msMax = options.msMax ?? RESOLVE_MS_MAX;
    this.#atOnceMax = options.atOnceMax ?? RESOLVES_AT_ONCE_MAX;
    this.#hangingMax = options.hangingMax ?? RESOLVES_HANGING_MAX;
  }

  /** Returns the addresses of a canonical host. Never rejects. */
  async resolve(host: string): Promise<Resolution> {
    if (parseIp(host) !== null) return { ok: true, addresses: [host] };
    const shared = this.#join(host);
    if (shared === null) return fail("The host is not resolved: earlier lookups of it still hang");
    const late = Promise.withResolvers<Resolution>();
    const timer = setTimeout(
      () => late.resolve(fail("The host was not resolved in time")),
      this.#msMax,
    );
    shared.waiting += 1;
    try {
      return await Promise.race([shared.answer.promise, late.promise]);
    } finally {
      clearTimeout(timer);
      shared.waiting -= 1;
      if (shared.waiting === 0) this.#forget(shared);
    }
  }

  /** Returns the lookup of a host, a new one where there is none; `null` where there may be none. */
  #join(host: string): Shared | null {
    const existing = this.#shared.get(host);
    if (existing !== undefined) return existing;
    if ((this.#hanging.get(host) ?? 0) >= RESOLVES_HANGING_OF_HOST_MAX) return null;
    const shared = { host, answer: Promise.withResolvers<Resolution>(), waiting: 0 };
    this.#shared.set(host, shared);
    this.#queue.push(shared);
    this.#startNext();
    return shared;
  }

  /** What nobody waits for any more is not asked. */
  #forget(shared: Shared): void {
    const index = this.#queue.indexOf(shared);
    if (index === -1) return;
    this.#queue.splice(index, 1);
    this.#shared.delete(shared.host);
  }

  #startNext(): void {
    while (this.#running < this.#atOnceMax && this.#hangingCount < this.#hangingMax) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      void this.#ask(next);
    }
  }

  async #ask({ host, answer }: Shared): Promise<void> {
    this.#running += 1;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#leave(host);
      this.#countHanging(host, 1);
      answer.resolve(fail("The host was not resolved in time"));
      this.#startNext();
    }, this.#msMax);
    try {
      answer.resolve(judge(await this.#lookup(host)));
    } catch (error) {
      // Whatever the resolver says, there is no address; its text may name other things.
      answer.resolve(fail(`The host cannot be resolved (${codeOf(error)})`));
    } finally {
      clearTimeout(timer);
      if (isLate) this.#countHanging(host, -1);
      else this.#leave(host);
      this.#startNext();
    }
  }

  /** Gives the place back; who asks for the host from now on, asks anew. */
  #leave(host: string): void {
    this.#running -= 1;
    this.#shared.delete(host);
  }

  #countHanging(host: string, change: 1 | -1): void {
    this.#hangingCount += change;
    const count = (this.#hanging.get(host) ?? 0) + change;
    if (count === 0) this.#hanging.delete(host);
    else this.#hanging.set(host, count);
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
