/**
 * The four categories of the reference prover, over what can really pass: deny rules, paths,
 * enforcement and callers count here, which the reference leaves out.
 *
 * @module
 */

import { canonicalHost } from "../../policy-wasm/canonical/host.ts";
import { classifyAddress } from "../../policy-wasm/destination.ts";
import { parseIp } from "../../policy-wasm/ip.ts";
import type { Caller, Target } from "../../policy-wasm/request.ts";
import { passing, type Verdict } from "../exact/verdict.ts";
import {
  type BinaryTraits,
  type Registry,
  traitsOfName,
  UNKNOWN_BINARY,
} from "../registry/registry.ts";
import type { Member } from "../space/member.ts";
import type { Matcher } from "../space/matcher.ts";
import type { MethodMask } from "../space/method_atoms.ts";
import type { Cell, Connection } from "../space/space.ts";
import { type RawFinding, show, type VisitContext } from "./visitor.ts";

/** Questions with the names of the reference's categories. */
export const REFERENCE_CATEGORIES = [
  "link_local_reach",
  "l7_bypass_credentialed",
  "credential_reach_expansion",
  "capability_expansion",
] as const;

export type ReferenceCategory = typeof REFERENCE_CATEGORIES[number];

/** One program that reaches one place, and how. */
type Shown = Pick<RawFinding, "witness" | "foretold">;

/** A request that passes, best one of the very program that the path is about. */
interface Example {
  readonly shown: Shown;
  readonly isOwn: boolean;
}

interface Reach {
  readonly binary: string;
  readonly member: Member;
  readonly host: string;
  readonly port: number;
  isOpaque: boolean;
  hasCredential: boolean;
  methods: MethodMask;
  example: Example;
  /** By bit: a request with that method. */
  readonly byMethod: Map<MethodMask, Example>;
}

/** A path of the reference: what it compares with the baseline, and the finding. */
export interface ReferencePath {
  readonly category: ReferenceCategory;
  readonly key: string;
  readonly finding: RawFinding;
}

/** What a reach is collected with. */
export interface ReachOptions {
  /** Indexes of the regions of credentials. */
  readonly credentials: ReadonlySet<number>;
  readonly matcher: Matcher;
  readonly side?: number;
}

/** Collects which programs reach what, by one of the policies of a space. */
export class ReferenceReach {
  readonly #context: VisitContext;
  readonly #credentials: ReadonlySet<number>;
  readonly #matcher: Matcher;
  readonly #side: number;
  readonly #reaches = new Map<string, Reach>();
  /** By connection and binary: whether a caller of its class is that program. */
  readonly #callers = new WeakMap<Connection, Map<string, Caller | null>>();

  constructor(context: VisitContext, { credentials, matcher, side = 0 }: ReachOptions) {
    this.#context = context;
    this.#credentials = credentials;
    this.#matcher = matcher;
    this.#side = side;
  }

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    const verdict = verdicts[this.#side]!;
    const mask = passing(verdict);
    if (mask === 0) return;
    const hasCredential = cell.regions.some((index) => this.#credentials.has(index));
    for (const member of passers(cell, verdict, this.#side)) {
      if (!hasCredential && !isLinkLocal(member.endpoint.host)) continue;
      for (const { path: binary } of member.rule.binaries) {
        // Each of them, since the other policy may have one and not the other.
        for (const target of cell.connection.place.targets) {
          const reach = this.#reachOf({ binary, member, target }, cell, { verdicts, mask });
          reach.isOpaque ||= verdict.isOpaque;
          reach.hasCredential ||= hasCredential;
          const caller = this.#callerOf(binary, cell.connection);
          const isOwn = caller !== null;
          const shown = (of: MethodMask): Example => ({
            shown: withCaller(this.#show(cell, { verdicts, mask: of, target }), caller),
            isOwn,
          });
          if (isOwn && !reach.example.isOwn) reach.example = shown(mask);
          for (let left = mask; left !== 0; left &= left - 1) {
            const bit = left & -left;
            const known = reach.byMethod.get(bit);
            const isWanted = known === undefined || (isOwn && !known.isOwn);
            if (isWanted) reach.byMethod.set(bit, shown(bit));
          }
          reach.methods |= mask;
        }
      }
    }
  }

  #reachOf(
    { binary, member, target }: {
      readonly binary: string;
      readonly member: Member;
      readonly target: Target;
    },
    cell: Cell,
    { verdicts, mask }: { readonly verdicts: readonly Verdict[]; readonly mask: MethodMask },
  ): Reach {
    const key = `${binary} ${target.host}:${target.port}`;
    let reach = this.#reaches.get(key);
    if (reach === undefined) {
      reach = {
        binary,
        member,
        ...target,
        isOpaque: false,
        hasCredential: false,
        methods: 0,
        example: { shown: this.#show(cell, { verdicts, mask, target }), isOwn: false },
        byMethod: new Map(),
      };
      this.#reaches.set(key, reach);
    }
    return reach;
  }

  #show(
    cell: Cell,
    { verdicts, mask, target }: {
      readonly verdicts: readonly Verdict[];
      readonly mask: MethodMask;
      readonly target: Target;
    },
  ): Shown {
    return show(cell, mask, { verdicts, context: this.#context, target, side: this.#side });
  }

  /** Returns a caller that is the program and that a connection treats as its own; else `null`. */
  #callerOf(binary: string, connection: Connection): Caller | null {
    let known = this.#callers.get(connection);
    if (known === undefined) this.#callers.set(connection, known = new Map());
    let caller = known.get(binary);
    if (caller === undefined) {
      caller = this.#findCaller(binary, connection);
      known.set(binary, caller);
    }
    return caller;
  }

  #findCaller(binary: string, { caller, place, admitted }: Connection): Caller | null {
    if (this.#isCovered(binary, caller.binary)) return caller;
    if (binary.includes("*")) return null;
    // The program itself is as good as the one that stands for its class, if it is in it.
    const isAlike = place.candidates.every((member) =>
      admitted.includes(member) ===
        member.rule.binaries.some(({ path }) => this.#isCovered(path, binary))
    );
    return isAlike ? { binary, ancestors: [] } : null;
  }

  #isCovered(pattern: string, binary: string): boolean {
    return pattern.includes("*")
      ? this.#matcher.matches(pattern, "path", binary)
      : pattern === binary;
  }

  /** Returns the paths of all categories. */
  paths(registry: Registry): readonly ReferencePath[] {
    return [...this.#reaches.values()].flatMap((reach) =>
      this.#pathsOf(reach, traitsOf(reach.binary, registry, this.#matcher))
    );
  }

  #pathsOf(reach: Reach, traits: readonly BinaryTraits[]): readonly ReferencePath[] {
    const place = `${reach.host}:${reach.port}`;
    const path = (category: ReferenceCategory, method: string | null): ReferencePath => {
      const { shown } = method === null
        ? reach.example
        : reach.byMethod.get(this.#context.methods.bit(method)) ?? reach.example;
      return {
        category,
        key: `${category} ${reach.binary} ${place} ${method ?? ""}`,
        finding: {
          message: `${method === null ? place : `${method} on ${place}`} via ${reach.binary}`,
          role: "policy",
          rule: reach.member.rule.key,
          endpoint: reach.member.index,
          requestRule: null,
          ...shown,
        },
      };
    };
    if (isLinkLocal(reach.member.endpoint.host)) return [path("link_local_reach", null)];
    if (!reach.hasCredential) return [];
    const { methods } = this.#context;
    const sends = traits.filter(({ exfiltrates }) => exfiltrates);
    const paths: ReferencePath[] = [];
    if (sends.some(({ hasOwnProtocol }) => hasOwnProtocol)) {
      paths.push(path("l7_bypass_credentialed", null));
    }
    const isUsable = reach.isOpaque || (reach.methods & methods.writes) !== 0;
    if (isUsable && sends.some(({ makesHttp, hasOwnProtocol }) => makesHttp && !hasOwnProtocol)) {
      paths.push(path("credential_reach_expansion", null));
      for (const method of methods.namesOf(reach.methods)) {
        if (COUNTED.has(method)) paths.push(path("capability_expansion", method));
      }
    }
    return paths;
  }
}

/** Returns the example with another caller of the same class. */
function withCaller({ witness, foretold }: Shown, caller: Caller | null): Shown {
  if (caller === null || witness === null) return { witness, foretold };
  return { witness: { ...witness, caller }, foretold };
}

/**
 * Returns the paths that the baseline does not have. A capability at a place that is reached anew
 * is part of that.
 */
export function newPaths(
  paths: readonly ReferencePath[],
  baseline: readonly ReferencePath[],
): readonly ReferencePath[] {
  const known = new Set(baseline.map(({ key }) => key));
  const fresh = paths.filter(({ key }) => !known.has(key));
  const reached = new Set(fresh.map(({ key }) => key));
  return fresh.filter(({ category, key }) => {
    if (category !== "capability_expansion") return true;
    const [, rest = ""] = /^\S+ (.*) \S*$/.exec(key) ?? [];
    return !reached.has(`credential_reach_expansion ${rest} `);
  });
}

/** Methods that the reference counts as capabilities. */
const COUNTED: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
);

/** Endpoints of one side through which something of the cell passes. */
function passers({ connection }: Cell, verdict: Verdict, of: number): readonly Member[] {
  if (verdict.isOpaque) return connection.admitted.filter(({ side }) => side === of);
  const members = new Set(
    verdict.allows.filter(({ mask }) => (mask & verdict.allowed) !== 0)
      .map(({ rule }) => rule.member),
  );
  if (verdict.driver !== null && (members.size === 0 || verdict.audited !== 0)) {
    members.add(verdict.driver);
  }
  return [...members];
}

function isLinkLocal(host: string): boolean {
  if (host === "metadata.google.internal") return true;
  const form = canonicalHost(host === "" ? "-" : host.replaceAll("*", "x"));
  const ip = form.ok && form.kind !== "name" ? parseIp(form.host) : null;
  if (ip === null) return false;
  const addressClass = classifyAddress(ip);
  return addressClass === "link_local" || addressClass === "metadata";
}

/** What the programs that a binary pattern covers can do: those that are known, and any other. */
function traitsOf(binary: string, registry: Registry, matcher: Matcher): readonly BinaryTraits[] {
  const last = binary.slice(binary.lastIndexOf("/") + 1);
  if (!binary.includes("*")) return [traitsOfName(registry, last)];
  // A brace may hold slashes, so that what follows the last one is no pattern.
  const isWhole = !/[{}[\]\\]/.test(last);
  const covered = [...registry].filter(([name]) =>
    (isWhole && matcher.matches(last, "path", name)) ||
    FOLDERS.some((folder) => matcher.matches(binary, "path", folder + name))
  );
  return [...covered.map(([, traits]) => traits), UNKNOWN_BINARY];
}

/** Where programs usually are. */
const FOLDERS: readonly string[] = ["/usr/bin/", "/usr/local/bin/", "/bin/", "/usr/lib/git-core/"];
