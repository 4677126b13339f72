/**
 * Request methods as bits: those that some policy or question names, and two that stand for all
 * others, one for those that write and one for those that read.
 *
 * @module
 */

import { KNOWN_METHODS } from "../../policy-wasm/methods.ts";
import { BudgetSpent } from "../atoms/limits.ts";
import type { Member, Region } from "./member.ts";

/** A set of methods, as bits of {@link MethodAtoms}. */
export type MethodMask = number;

/** Named in any case, so that witnesses use methods that people know. */
const COMMON: readonly string[] = ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS"];

/** Methods that read, of the HTTP method registry; all others may carry data or change it. */
const SAFE: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"],
);

/** No requests to judge. */
const NEVER_JUDGED: ReadonlySet<string> = new Set(["CONNECT", "PRI"]);

/** No method on the wire, so it stands for no other. */
const TEXT_MESSAGE = "WEBSOCKET_TEXT";

/** Bits of a mask that a number holds without a sign. */
const METHODS_MAX = 31;

/** Numbers the methods of one space. */
export class MethodAtoms {
  /** By bit. The last two stand for all that are not named. */
  readonly names: readonly string[];
  readonly all: MethodMask;
  /** Methods that may change something or carry data. */
  readonly writes: MethodMask;
  readonly #bits: ReadonlyMap<string, MethodMask>;

  /** @throws {BudgetSpent} */
  constructor(members: readonly Member[], regions: readonly Region[]) {
    const named = new Set(COMMON);
    for (const { endpoint, rules } of members) {
      if (endpoint.protocol === "websocket") named.add(TEXT_MESSAGE);
      for (const { rule } of rules) {
        if (rule.kind === "http" && rule.method !== "*") named.add(rule.method);
      }
    }
    for (const { methods } of regions) for (const method of methods ?? []) named.add(method);
    for (const method of NEVER_JUDGED) named.delete(method);
    const rest = KNOWN_METHODS.filter((name) => !named.has(name) && !NEVER_JUDGED.has(name));
    // Any token can be asked for, so there is always one that nobody knows and that may write.
    const write = rest.find((name) => !SAFE.has(name) && name !== TEXT_MESSAGE) ?? "OTHER";
    this.names = [...named, write, ...rest.filter((name) => SAFE.has(name)).slice(0, 1)];
    if (this.names.length > METHODS_MAX) {
      throw new BudgetSpent(`More than ${METHODS_MAX} methods are named`);
    }
    this.#bits = new Map(this.names.map((name, bit) => [name, 1 << bit]));
    this.all = 2 ** this.names.length - 1;
    this.writes = this.names.reduce(
      (mask, name, bit) => SAFE.has(name) ? mask : mask | 1 << bit,
      0,
    );
  }

  /** Bit of one method, 0 for one that is no request. */
  bit(name: string): MethodMask {
    return this.#bits.get(name) ?? 0;
  }

  /** Methods that a rule's method covers: `GET` implies `HEAD`. */
  ofRule(method: string): MethodMask {
    if (method === "*") return this.all;
    return method === "GET" ? this.bit("GET") | this.bit("HEAD") : this.bit(method);
  }

  /** Methods of a region. */
  ofRegion({ methods }: Region): MethodMask {
    return methods === null ? this.all : methods.reduce((mask, name) => mask | this.bit(name), 0);
  }

  /** Name of the first method of a set that is not empty. */
  first(mask: MethodMask): string {
    return this.names[31 - Math.clz32(mask & -mask)]!;
  }

  /** Names of a set. */
  namesOf(mask: MethodMask): string[] {
    return this.names.filter((_, bit) => (mask & (1 << bit)) !== 0);
  }
}
