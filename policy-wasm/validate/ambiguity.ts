/**
 * Refuses policies in which two endpoints take the same traffic and disagree about how it is
 * handled: whichever came first would decide, and no author chose that.
 *
 * Callers do not matter here: two endpoints conflict even when no program may use both. What
 * endpoints allow and deny may differ freely.
 *
 * - Two endpoints that share a port and a host have to agree about the connection.
 * - If both handle requests, some path belongs to both, and neither path is more specific, they
 *   have to agree about the requests as well.
 *
 * @module
 */

import { AMBIGUITY_UNITS_MAX } from "../../proto/limits.ts";
import { pathsIntersect } from "../glob/automaton.ts";
import type { Findings } from "../parse/findings.ts";
import { quote, rangeOf } from "../parse/source.ts";
import type { Endpoint } from "../policy.ts";
import { hasGraphqlRules, pathSpecificity } from "../traits.ts";
import type { CheckedEndpoint } from "./endpoint.ts";
import { Budget, overlappingPlaces, type Place } from "./overlap.ts";

/** Reports every pair of endpoints that disagrees. */
export function checkAmbiguity(endpoints: readonly CheckedEndpoint[], findings: Findings): void {
  const check = new AmbiguityCheck(findings);
  for (const [a, b] of overlappingPlaces(endpoints, check.budget)) {
    check.compareConnections(a, b);
    check.compareRequests(a, b);
    check.budget.spend(0, b);
    if (check.isOver) break;
  }
  if (!check.budget.isSpent) return;
  const message = "Too many endpoints overlap to compare them all; split the policy";
  const place = check.budget.spentAt?.field ?? { start: 0, end: 0 };
  findings.add("policy_too_complex", place, message);
}

/** Conflicts after which the rest says nothing new. */
const CONFLICTS_MAX = 1000;

/** What two endpoints have to agree about, by the key that a person writes. */
type Settings = Readonly<Record<string, unknown>>;

function connectionSettings(endpoint: Endpoint): Settings {
  return {
    "protocol: tcp": endpoint.protocol === "tcp",
    tls: endpoint.tls,
    allowed_ips: endpoint.allowedIps.join(", ") || "none",
  };
}

function requestSettings(endpoint: Endpoint): Settings {
  const rpcKey = endpoint.protocol === "mcp" ? "mcp.max_body_bytes" : "json_rpc.max_body_bytes";
  return {
    protocol: endpoint.protocol,
    enforcement: endpoint.enforcement,
    allow_encoded_slash: endpoint.allowEncodedSlash,
    websocket_credential_rewrite: endpoint.websocketCredentialRewrite,
    request_body_credential_rewrite: endpoint.requestBodyCredentialRewrite,
    "rules about GraphQL": endpoint.protocol === "websocket" && hasGraphqlRules(endpoint),
    credential_signing: endpoint.credentialSigning ?? "none",
    signing_service: endpoint.signingService ?? "none",
    signing_region: endpoint.signingRegion ?? "none",
    "credential_binding.provider": endpoint.credentialBindingProvider ?? "none",
    graphql_max_body_bytes: endpoint.graphqlMaxBodyBytes,
    [rpcKey]: endpoint.rpcMaxBodyBytes,
    "mcp.strict_tool_names": endpoint.mcpStrictToolNames,
  };
}

/** Endpoints of one place with equal request settings, by path. */
type ByPath = Map<string, CheckedEndpoint[]>;

/** A place with its endpoints sorted into groups that agree. */
interface Groups {
  readonly connections: ReadonlyMap<string, readonly CheckedEndpoint[]>;
  /** By specificity of the path, then by request settings. */
  readonly requests: ReadonlyMap<number, ReadonlyMap<string, ByPath>>;
}

class AmbiguityCheck {
  readonly budget = new Budget(AMBIGUITY_UNITS_MAX);
  readonly #findings: Findings;
  readonly #groups = new Map<Place, Groups>();
  /** Pairs that were reported, since one pair may share many ports. */
  readonly #reported = new Set<string>();
  readonly #numbers = new Map<CheckedEndpoint, number>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  get isOver(): boolean {
    return this.budget.isSpent || this.#reported.size >= CONFLICTS_MAX;
  }

  compareConnections(a: Place, b: Place): void {
    const first = [...this.#groupsOf(a).connections];
    const second = a === b ? first : [...this.#groupsOf(b).connections];
    for (const [index, [signature, members]] of first.entries()) {
      for (const [other, others] of a === b ? second.slice(index + 1) : second) {
        if (signature === other) continue;
        this.#reportAll(members, others, CONNECTION);
        if (this.isOver) return;
      }
    }
  }

  compareRequests(a: Place, b: Place): void {
    const second = this.#groupsOf(b).requests;
    for (const [specificity, bySettings] of this.#groupsOf(a).requests) {
      const first = [...bySettings];
      const others = a === b ? first : [...second.get(specificity) ?? []];
      for (const [index, [signature, paths]] of first.entries()) {
        for (const [other, otherPaths] of a === b ? others.slice(index + 1) : others) {
          if (signature === other) continue;
          this.#comparePaths(paths, otherPaths);
          if (this.isOver) return;
        }
      }
    }
  }

  #comparePaths(a: ByPath, b: ByPath): void {
    for (const [path, other] of candidatePairs([...a.keys()], [...b.keys()], this.budget)) {
      if (this.isOver) return;
      if (path !== other) {
        this.budget.spend(pathUnits(path, other));
        if (!pathsIntersect(path, other)) continue;
      }
      this.#reportAll(a.get(path)!, b.get(other)!, REQUEST);
    }
  }

  #reportAll(
    first: readonly CheckedEndpoint[],
    second: readonly CheckedEndpoint[],
    kind: ConflictKind,
  ): void {
    for (const a of first) {
      for (const b of second) {
        if (this.isOver) return;
        this.#report(a, b, kind);
      }
    }
  }

  #report(a: CheckedEndpoint, b: CheckedEndpoint, { code, what, settings }: ConflictKind): void {
    const key = [this.#numberOf(a), this.#numberOf(b)].sort((x, y) => x - y).join() + code;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    const [earlier, later] = a.field.node.start <= b.field.node.start ? [a, b] : [b, a];
    const earlierSettings = settings(earlier.endpoint);
    const laterSettings = settings(later.endpoint);
    const differences = Object.keys(laterSettings)
      .filter((name) => name in earlierSettings && laterSettings[name] !== earlierSettings[name])
      .map((name) => `${name} (${earlierSettings[name]}, here ${laterSettings[name]})`);
    const { line } = rangeOf(this.#findings.source, earlier.field.span);
    const message = `Endpoints of rules ${quote(earlier.ruleKey)} (line ${line}) and ` +
      `${quote(later.ruleKey)} take the same ${what} and differ in ${differences.join(", ")}`;
    this.#findings.add(code, later.field, message);
  }

  #numberOf(endpoint: CheckedEndpoint): number {
    const number = this.#numbers.get(endpoint) ?? this.#numbers.size;
    this.#numbers.set(endpoint, number);
    return number;
  }

  #groupsOf(place: Place): Groups {
    const known = this.#groups.get(place);
    if (known !== undefined) return known;
    const groups = groupsOf(place);
    this.#groups.set(place, groups);
    return groups;
  }
}

interface ConflictKind {
  readonly code: "ambiguous_connection" | "ambiguous_request";
  readonly what: string;
  readonly settings: (endpoint: Endpoint) => Settings;
}

const CONNECTION: ConflictKind = {
  code: "ambiguous_connection",
  what: "connection",
  settings: connectionSettings,
};

const REQUEST: ConflictKind = {
  code: "ambiguous_request",
  what: "request",
  settings: requestSettings,
};

function groupsOf({ members }: Place): Groups {
  const connections = new Map<string, CheckedEndpoint[]>();
  const requests = new Map<number, Map<string, ByPath>>();
  for (const member of members) {
    const { endpoint } = member;
    append(connections, JSON.stringify(connectionSettings(endpoint)), member);
    if (!member.hasRequestSettings) continue;
    const specificity = pathSpecificity(endpoint.path);
    const bySettings = requests.get(specificity) ?? new Map<string, ByPath>();
    requests.set(specificity, bySettings);
    const signature = JSON.stringify(requestSettings(endpoint));
    const byPath = bySettings.get(signature) ?? new Map<string, CheckedEndpoint[]>();
    bySettings.set(signature, byPath);
    append(byPath, endpoint.path, member);
  }
  return { connections, requests };
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/**
 * Yields the pairs of paths that can have a value in common at all: the literal start of one has
 * to begin with that of the other.
 */
function* candidatePairs(
  a: readonly string[],
  b: readonly string[],
  budget: Budget,
): Generator<readonly [string, string]> {
  const byStart = new Map<string, string[]>();
  for (const path of b) append(byStart, literalStart(path), path);
  const starts = [...byStart.keys()].sort();
  for (const path of a) {
    const start = literalStart(path);
    budget.spend(start.length);
    for (let length = 0; length < start.length; length++) {
      for (const other of byStart.get(start.slice(0, length)) ?? []) yield [path, other];
    }
    for (let i = lowerBound(starts, start); starts[i]?.startsWith(start); i++) {
      budget.spend(1);
      for (const other of byStart.get(starts[i]!)!) yield [path, other];
    }
  }
}

/**
 * Estimates what an intersection of two patterns costs. It builds an automaton whose states can
 * grow with the product of their wildcards and alternatives.
 */
function pathUnits(a: string, b: string): number {
  return 500 + 20 * (a.length + b.length) + 500 * choicesOf(a) * choicesOf(b);
}

function choicesOf(pattern: string): number {
  return pattern.match(/\*+|[?[{,]/g)?.length ?? 0;
}

/** Returns the first index whose text does not come before the given one. */
function lowerBound(sorted: readonly string[], text: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

function literalStart(path: string): string {
  const end = path.search(/[*?[{\\]/);
  return end < 0 ? path : path.slice(0, end);
}
