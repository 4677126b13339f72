/**
 * All requests, as finitely many cells: places, callers at each, paths of each, contents on each.
 *
 * Two requests in one cell are treated alike by every policy of the space and by every region of
 * the questions. Only combinations that can matter are listed: a place knows its own endpoints, a
 * caller the paths of what it reaches, a path the conditions of what it selects.
 *
 * @module
 */

import type { Policy } from "../../policy-wasm/policy.ts";
import type { Caller, Target } from "../../policy-wasm/request.ts";
import { isInspected } from "../../policy-wasm/traits.ts";
import { ENCODED_SLASH_TAG } from "../atoms/language.ts";
import type { Budget } from "../atoms/limits.ts";
import { MachineTooLarge, splitIntoAtoms } from "../atoms/minterms.ts";
import { type ReadAtom, splitByReadings } from "../atoms/readings.ts";
import { type CallerClass, callerClasses } from "./caller_classes.ts";
import { type Content, contentClasses } from "./content.ts";
import { type HostAtom, hostAtoms } from "./host_atoms.ts";
import { Matcher } from "./matcher.ts";
import { type Member, membersOf, type Region } from "./member.ts";
import { MethodAtoms } from "./method_atoms.ts";

/** Hosts and ports with the same endpoints. */
export interface Place {
  /** At least one; the first is as good as all others unless an address matters. */
  readonly targets: readonly Target[];
  /** Endpoints of all policies that cover it, in the order of "first". */
  readonly candidates: readonly Member[];
  /** Indexes of the regions that hold it. */
  readonly regions: readonly number[];
  /** Some endpoint of the first policy reads and judges requests to the host, on whatever port. */
  readonly isInspectedHost: boolean;
}

/** What one caller reaches at a place. */
export interface Connection {
  readonly place: Place;
  readonly caller: Caller;
  /** Endpoints whose rules admit the caller. */
  readonly admitted: readonly Member[];
  /** Indexes of the regions that hold place and caller. */
  readonly regions: readonly number[];
}

/** What a path comes to: as it is written, or as a server may read it. */
export interface PathReading {
  readonly hasEncodedSlash: boolean;
  /** Patterns that match; of a reading, only those of endpoints and deny rules count. */
  readonly matched: ReadonlySet<string>;
}

/** Paths that the same patterns match, in each reading. */
export interface PathClass extends PathReading {
  readonly text: string;
  /** Readings other than the written one, where they can make a difference. */
  readonly readings: readonly PathReading[];
}

/** Requests on a connection that nothing tells apart but the method. */
export interface Cell {
  readonly connection: Connection;
  readonly path: PathClass;
  readonly content: Content;
  /** Indexes of the regions that hold it, whatever the method. */
  readonly regions: readonly number[];
}

/** The cells of one or more policies. */
export class Space {
  readonly policies: readonly Policy[];
  readonly regions: readonly Region[];
  readonly members: readonly Member[];
  readonly methods: MethodAtoms;
  readonly #matcher: Matcher;
  readonly #budget: Budget;
  readonly #callers = new Map<string, readonly CallerClass[]>();
  readonly #paths = new Map<string, readonly PathClass[]>();
  readonly #contents = new Map<string, readonly Content[]>();

  /** @throws {BudgetSpent} */
  constructor(
    policies: readonly Policy[],
    regions: readonly Region[],
    tools: { readonly matcher?: Matcher; readonly budget: Budget },
  ) {
    this.policies = policies;
    this.regions = regions;
    this.#matcher = tools.matcher ?? new Matcher();
    this.#budget = tools.budget;
    this.members = membersOf(policies);
    this.methods = new MethodAtoms(this.members, regions);
  }

  /** @throws {BudgetSpent} */
  *cells(): Generator<Cell> {
    for (const place of this.places()) {
      for (const connection of this.connections(place)) yield* this.cellsOf(connection);
    }
  }

  /** @throws {BudgetSpent} */
  places(): readonly Place[] {
    const byHost = new Map<string, Member[]>();
    for (const member of this.members) {
      const list = byHost.get(member.endpoint.host) ?? [];
      byHost.set(member.endpoint.host, list);
      list.push(member);
    }
    const written = [...byHost.keys(), ...this.regions.flatMap(({ host }) => host ?? [])];
    const hosts = hostAtoms(written.filter((host) => host !== ""), this.#matcher, this.#budget);
    const found = new Map<string, { targets: Target[]; place: Place }>();
    for (const atom of hosts) this.#placesOf(atom, byHost, found);
    return [...found.values()].map(({ place }) => place);
  }

  #placesOf(
    atom: HostAtom,
    byHost: ReadonlyMap<string, readonly Member[]>,
    found: Map<string, { targets: Target[]; place: Place }>,
  ): void {
    const named = ["", ...atom.written].flatMap((host) => byHost.get(host) ?? []);
    const members = named.toSorted((a, b) => a.id - b.id);
    const regions = this.regions.flatMap(({ host }, index) =>
      host === null || atom.written.includes(host) ? [index] : []
    );
    const ports = new Set(members.flatMap(({ endpoint }) => endpoint.ports));
    const complete = regions.filter((index) => this.regions[index]!.isComplete);
    for (const index of complete) {
      for (const port of this.regions[index]!.ports ?? []) ports.add(port);
    }
    if (complete.some((index) => this.regions[index]!.ports === null)) ports.add(unusedPort(ports));
    const isInspectedHost = members.some(({ side, endpoint }) =>
      side === 0 && endpoint.host !== "" && isInspected(endpoint.protocol)
    );
    for (const port of ports) {
      const candidates = members.filter(({ endpoint }) => endpoint.ports.includes(port));
      const here = regions.filter((index) => this.regions[index]!.ports?.includes(port) ?? true);
      const isWanted = here.some((index) => this.regions[index]!.isComplete);
      if (candidates.length === 0 && !isWanted) continue;
      const key = `${candidates.map(({ id }) => id).join()};${here.join()};${isInspectedHost}`;
      const known = found.get(key);
      const target = { host: atom.host, port };
      if (known !== undefined) {
        known.targets.push(target);
        continue;
      }
      const targets = [target];
      found.set(key, { targets, place: { targets, candidates, regions: here, isInspectedHost } });
    }
  }

  /** @throws {BudgetSpent} */
  *connections(place: Place): Generator<Connection> {
    const rules = [...new Set(place.candidates.map(({ rule }) => rule))];
    const named = place.regions.flatMap((index) => this.regions[index]!.binary ?? []);
    const question = { lists: rules.map(({ binaries }) => binaries), named };
    const key = JSON.stringify(question);
    let classes = this.#callers.get(key);
    if (classes === undefined) {
      classes = callerClasses(question, this.#matcher, this.#budget);
      this.#callers.set(key, classes);
    }
    for (const { caller, admitted, named: matched } of classes) {
      const reached = new Set(admitted.map((index) => rules[index]!));
      const names = new Set(matched.map((index) => named[index]!));
      const regions = place.regions.filter((index) => {
        const { binary } = this.regions[index]!;
        return binary === null || names.has(binary);
      });
      const isWanted = regions.some((index) => this.regions[index]!.isComplete);
      if (reached.size === 0 && !isWanted) continue;
      const members = place.candidates.filter(({ rule }) => reached.has(rule));
      yield { place, caller, admitted: members, regions };
    }
  }

  /** @throws {BudgetSpent} */
  *cellsOf(connection: Connection): Generator<Cell> {
    const inspected = connection.admitted.filter(({ endpoint }) => isInspected(endpoint.protocol));
    for (const path of this.#pathsOf(connection, inspected)) {
      const readings = [path, ...path.readings];
      const selected = inspected.filter(({ endpoint }) =>
        readings.some(({ matched }) => matched.has(endpoint.path))
      );
      const regions = connection.regions.filter((index) => {
        const pattern = this.regions[index]!.path;
        return pattern === null || path.matched.has(pattern);
      });
      for (const content of this.#contentsOf(selected, path)) {
        this.#budget.combine(1);
        yield { connection, path, content, regions };
      }
    }
  }

  /** Paths of the whole place are cut once, and then seen through the patterns of a connection. */
  #pathsOf({ regions, place }: Connection, inspected: readonly Member[]): readonly PathClass[] {
    const own = pathQuestion(inspected, regions.map((index) => this.regions[index]!));
    const readers = place.candidates.filter(({ endpoint }) => isInspected(endpoint.protocol));
    const wide = pathQuestion(readers, place.regions.map((index) => this.regions[index]!));
    // Where nothing reads the connection, paths pass that no endpoint of the place would take.
    if (own.takesSlash && !wide.takesSlash) return this.#cutPaths(own);
    try {
      return own.key === wide.key ? this.#cutPaths(own) : project(this.#cutPaths(wide), own);
    } catch (thrown) {
      if (!(thrown instanceof MachineTooLarge)) throw thrown;
      return this.#cutPaths(own);
    }
  }

  #cutPaths({ key, patterns, read, deniers, takesSlash }: PathQuestion): readonly PathClass[] {
    let classes = this.#paths.get(key);
    if (classes === undefined) {
      const globs = patterns.map((pattern) => this.#matcher.glob(pattern, "path"));
      const language = this.#matcher.language(takesSlash ? "slashPath" : "path");
      const budget = this.#budget;
      const atoms = splitIntoAtoms(globs, language, { budget, preferred: ["/"] });
      const readGlobs = read.map((pattern) => this.#matcher.glob(pattern, "path"));
      const refined = read.length === 0
        ? atoms.map((atom): ReadAtom => ({ ...atom, readings: [] }))
        : splitByReadings(atoms, { globs, language }, {
          budget,
          readGlobs,
          canDeny: (found) => found.some((index) => deniers.has(read[index]!)),
        });
      classes = refined.map((atom) => ({
        text: atom.witness,
        hasEncodedSlash: atom.tag === ENCODED_SLASH_TAG,
        matched: new Set(atom.patterns.map((index) => patterns[index]!)),
        readings: atom.readings.map(({ patterns: matched, hasEncodedSlash }) => ({
          hasEncodedSlash,
          matched: new Set(matched.map((index) => read[index]!)),
        })),
      }));
      this.#paths.set(key, classes);
    }
    return classes;
  }

  #contentsOf(selected: readonly Member[], path: PathClass): readonly Content[] {
    const onPath = selected.flatMap(({ rules }) => rules).filter(({ rule }) =>
      rule.kind === "http" && rule.query.length > 0 &&
      [path, ...path.readings].some(({ matched }) => matched.has(rule.path))
    );
    const bodies = selected.filter(({ rules, endpoint }) =>
      endpoint.protocol !== "rest" && rules.every(({ rule }) => rule.kind !== "sql")
    );
    const key = `${bodies.map(({ id }) => id).join()};${onPath.map(({ id }) => id).join()}`;
    let classes = this.#contents.get(key);
    if (classes === undefined) {
      classes = contentClasses(bodies, onPath, { matcher: this.#matcher, budget: this.#budget });
      this.#contents.set(key, classes);
    }
    return classes;
  }
}

/** Patterns that tell paths apart, sorted. */
interface PathQuestion {
  readonly key: string;
  readonly patterns: readonly string[];
  /** Those that matter to readings; none where readings can make no difference. */
  readonly read: readonly string[];
  /** Those of them without which a reading denies nothing. */
  readonly deniers: ReadonlySet<string>;
  readonly takesSlash: boolean;
}

function pathQuestion(members: readonly Member[], regions: readonly Region[]): PathQuestion {
  const patterns = new Set(regions.flatMap(({ path }) => path ?? []));
  for (const { endpoint, rules } of members) {
    patterns.add(endpoint.path);
    for (const { rule } of rules) if (rule.kind === "http") patterns.add(rule.path);
  }
  const isUnread = members.length === 0;
  const takesSlash = members.some(({ endpoint }) => endpoint.allowEncodedSlash) ||
    (isUnread && regions.some(({ path }) => path !== null));
  const list = [...patterns].sort();
  const { read, deniers } = readPatterns(members);
  const key = [takesSlash, ...list, "", ...read, "", ...deniers].join("\0");
  return { key, patterns: list, read, deniers, takesSlash };
}

/**
 * Returns the patterns that can make a reading of a path differ from the path itself: those of what
 * denies. An endpoint denies by itself where it cannot take a request that another takes.
 */
function readPatterns(members: readonly Member[]): Pick<PathQuestion, "read" | "deniers"> {
  const denied = members.flatMap(({ rules }) =>
    rules.flatMap(({ rule, isDeny }) => isDeny && rule.kind === "http" ? [rule.path] : [])
  );
  const endpoints = new Set(members.map(({ endpoint }) => endpoint.path));
  const isAlike = endpoints.size <= 1 ||
    new Set(
            members.map(({ endpoint: { protocol, allowEncodedSlash } }) =>
              protocol === "rest" ? String(allowEncodedSlash) : protocol
            ),
          ).size === 1 && members[0]!.endpoint.protocol === "rest";
  if (denied.length === 0 && isAlike) return { read: [], deniers: new Set() };
  return {
    read: [...new Set([...denied, ...endpoints])].sort(),
    deniers: isAlike ? new Set(denied) : endpoints,
  };
}

/** Joins classes that fewer patterns do not tell apart. */
function project(
  classes: readonly PathClass[],
  { patterns, read, deniers, takesSlash }: PathQuestion,
): readonly PathClass[] {
  const kept = new Set(patterns);
  const found = new Map<string, PathClass>();
  for (const { text, hasEncodedSlash, matched, readings } of classes) {
    if (hasEncodedSlash && !takesSlash) continue;
    const seen = { hasEncodedSlash, matched: keep(matched, kept) };
    const others = readings
      .map((reading) => ({ ...reading, matched: keep(reading.matched, new Set(read)) }))
      .filter((reading) => [...reading.matched].some((pattern) => deniers.has(pattern)));
    const key = [seen, ...others].map(({ hasEncodedSlash: slash, matched: list }) =>
      `${slash} ${[...list].join("\0")}`
    ).join("\n");
    if (!found.has(key)) found.set(key, { text, ...seen, readings: others });
  }
  return [...found.values()];
}

function keep(matched: ReadonlySet<string>, kept: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...matched].filter((pattern) => kept.has(pattern)));
}

/** Returns a port that no endpoint of the place has. */
function unusedPort(ports: ReadonlySet<number>): number {
  let port = 8443;
  while (ports.has(port)) port++;
  return port;
}
