/**
 * The exact engine: what one policy says about a cell, for all methods at once.
 *
 * The steps are those of `architecture/policy.md`, section "Request", with sets of methods where a
 * request has one.
 *
 * @module
 */

import { hasGraphqlRules, isInspected, pathSpecificity } from "../../policy-wasm/traits.ts";
import { isRpc } from "../space/content.ts";
import type { Member, MemberRule } from "../space/member.ts";
import type { MethodAtoms, MethodMask } from "../space/method_atoms.ts";
import { TOOLS_CALL } from "../space/rpc_classes.ts";
import type { Cell, PathReading } from "../space/space.ts";

/** A rule, and the methods for which it speaks in a cell. */
export interface Applied {
  readonly rule: MemberRule;
  readonly mask: MethodMask;
  /** 0 for the path as it is written; otherwise the reading in which it matches. */
  readonly reading: number;
}

/** What one policy says about a cell. */
export interface Verdict {
  /** The caller may open the connection. */
  readonly isConnected: boolean;
  /** Nothing reads the connection: every request passes, and so does what is no request. */
  readonly isOpaque: boolean;
  /** Methods that rules allow. */
  readonly allowed: MethodMask;
  /** Methods that pass as violations in audit mode. */
  readonly audited: MethodMask;
  readonly driver: Member | null;
  /** Methods that pass but for the other readings of the path. */
  readonly literal: MethodMask;
  /** Methods that pass as violations where no rule allows them. */
  readonly lenient: MethodMask;
  /** Allow and deny rules that match, by reading, then in the order of "first". */
  readonly allows: readonly Applied[];
  readonly denies: readonly Applied[];
  /** Methods that an endpoint allows without a rule: responses, streams and the MCP profile. */
  readonly unruled: MethodMask;
}

/** Methods that pass, by a rule or in audit mode. */
export function passing({ allowed, audited }: Verdict): MethodMask {
  return allowed | audited;
}

const NOTHING: Verdict = {
  isConnected: false,
  isOpaque: false,
  allowed: 0,
  audited: 0,
  driver: null,
  literal: 0,
  lenient: 0,
  allows: [],
  denies: [],
  unruled: 0,
};

/** Judges a cell by the endpoints of one policy. */
export function judge(cell: Cell, side: number, methods: MethodAtoms): Verdict {
  const admitted = cell.connection.admitted.filter((member) => member.side === side);
  if (admitted.length === 0) return NOTHING;
  const inspected = admitted.filter(({ endpoint }) => isInspected(endpoint.protocol));
  if (inspected.length === 0) {
    return { ...NOTHING, isConnected: true, isOpaque: true, allowed: methods.all };
  }
  const connected = { ...NOTHING, isConnected: true };
  const layers = [cell.path, ...cell.path.readings].map((path, reading) =>
    layerOf({ path, content: cell.content, reading }, inspected, methods)
  );
  const { selected, driver } = layers[0]!;
  if (driver === null) return connected;
  // What no reading of the path can be read as is denied, whatever else holds.
  const read = layers.reduce((mask, layer) => mask & layer.read, methods.all);
  if (read === 0) return { ...connected, driver };
  const denies = layers.flatMap((layer) => layer.denies)
    .map((applied) => ({ ...applied, mask: applied.mask & read }))
    .filter(({ mask }) => mask !== 0);
  const speakers = selected.filter(({ endpoint }) =>
    endpoint.protocol === driver.endpoint.protocol
  );
  const seen: Seen = { ...cell, reading: 0 };
  const allows = appliedRules(seen, speakers, { isDeny: false, driver, methods, read });
  const unruled = speakers.some((member) => isUnruled(cell, member)) ? read : 0;
  const granted = union(allows) | unruled;
  const literal = read & granted & ~union(denies.filter(({ reading }) => reading === 0));
  const lenient = driver.endpoint.enforcement === "audit" ? read : 0;
  // In audit mode, that of whoever drives in a reading, a deny rule marks what it would deny.
  const isAudit = ({ reading }: Applied) =>
    layers[reading]!.driver?.endpoint.enforcement === "audit";
  const others = denies.filter(({ reading }) => reading > 0);
  const stops = union(others.filter((applied) => !isAudit(applied)));
  const marks = union(others.filter(isAudit));
  return {
    isConnected: true,
    isOpaque: false,
    allowed: literal & ~stops & ~marks,
    audited: ((lenient & ~literal) | (literal & marks)) & ~stops,
    driver,
    literal,
    lenient,
    allows,
    denies,
    unruled,
  };
}

/** What one reading of the path of a cell comes to. */
interface Layer {
  readonly selected: readonly Member[];
  /** `null` where no endpoint covers it: then it is silent. */
  readonly driver: Member | null;
  /** Methods of requests that can be read. */
  readonly read: MethodMask;
  readonly denies: readonly Applied[];
}

/** A path in one reading, with what the request holds. */
interface Seen {
  readonly path: PathReading;
  readonly content: Cell["content"];
  readonly reading: number;
}

function layerOf(seen: Seen, inspected: readonly Member[], methods: MethodAtoms): Layer {
  const selected = inspected.filter(({ endpoint }) => seen.path.matched.has(endpoint.path));
  if (selected.length === 0) return { selected, driver: null, read: methods.all, denies: [] };
  const driver = driverOf(selected);
  const read = readable(seen, driver, methods);
  const denies = appliedRules(seen, selected, { isDeny: true, driver, methods, read });
  return { selected, driver, read, denies };
}

function union(applied: readonly Applied[]): MethodMask {
  return applied.reduce((mask, next) => mask | next.mask, 0);
}

/** The selected endpoint of the highest rank; the earlier of two that tie. */
export function driverOf(selected: readonly Member[]): Member {
  return selected.reduce((best, next) => rankOf(next) > rankOf(best) ? next : best);
}

/** Rank of an endpoint among the selected: higher drives. Equal ranks tie. */
export function rankOf({ endpoint }: Member): number {
  const { protocol } = endpoint;
  const isSpecific = protocol === "graphql" || isRpc(protocol) ||
    (protocol === "websocket" && hasGraphqlRules(endpoint));
  return pathSpecificity(endpoint.path) + (isSpecific ? 1 << 20 : 0);
}

/** Methods of requests that the driver can read: step 4, which audit mode does not soften. */
function readable({ path, content }: Seen, { endpoint }: Member, methods: MethodAtoms): MethodMask {
  if (path.hasEncodedSlash && !endpoint.allowEncodedSlash) return 0;
  const get = methods.bit("GET");
  const post = methods.bit("POST");
  const text = methods.bit("WEBSOCKET_TEXT");
  switch (endpoint.protocol) {
    case "websocket":
      return hasGraphqlRules(endpoint) && content.graphql === null ? get : get | text;
    case "graphql":
      return content.graphql === null ? 0 : get | post;
    case "json-rpc":
    case "mcp": {
      const { rpc } = content;
      if (rpc === null) return 0;
      if (rpc.kind === "response" && endpoint.protocol === "json-rpc") return 0;
      if (rpc.kind === "call" && rpc.method === TOOLS_CALL && endpoint.protocol === "mcp") {
        if (rpc.tool === undefined) return 0;
        if (endpoint.mcpStrictToolNames && !content.hasPlainTool) return 0;
      }
      return rpc.kind === "stream" ? get : post;
    }
    default:
      return methods.all;
  }
}

interface Applying {
  readonly isDeny: boolean;
  readonly driver: Member;
  readonly methods: MethodAtoms;
  readonly read: MethodMask;
}

function appliedRules(
  seen: Seen,
  members: readonly Member[],
  { isDeny, driver, methods, read }: Applying,
): Applied[] {
  const applied: Applied[] = [];
  for (const { rules } of members) {
    for (const rule of rules) {
      if (rule.isDeny !== isDeny) continue;
      const speaks = isDeny ? methods.all : speaking(rule, driver, methods);
      const mask = matching(rule, seen, methods) & speaks & read;
      if (mask !== 0) applied.push({ rule, mask, reading: seen.reading });
    }
  }
  return applied;
}

/** At a WebSocket, the upgrade is for HTTP rules; messages, where operations are judged, are not. */
function speaking(
  { rule }: MemberRule,
  { endpoint }: Member,
  methods: MethodAtoms,
): MethodMask {
  if (endpoint.protocol !== "websocket") return methods.all;
  const operations = hasGraphqlRules(endpoint) ? methods.bit("WEBSOCKET_TEXT") : 0;
  return rule.kind === "graphql" ? operations : methods.all & ~operations;
}

/** Methods for which a rule matches. */
function matching(
  { id, rule }: MemberRule,
  { path, content }: Seen,
  methods: MethodAtoms,
): MethodMask {
  switch (rule.kind) {
    case "http":
      if (!path.matched.has(rule.path)) return 0;
      return rule.query.length === 0 || content.met.has(id) ? methods.ofRule(rule.method) : 0;
    case "graphql":
    case "rpc":
      return content.met.has(id) ? methods.all : 0;
    case "sql":
      return 0;
  }
}

/** What an `mcp` endpoint allows beside its rules. */
function isUnruled({ content }: Cell, { endpoint, rules }: Member): boolean {
  const { rpc } = content;
  if (endpoint.protocol !== "mcp" || rpc === null) return false;
  if (rpc.kind !== "call") return true;
  if (!endpoint.mcpAllowAllKnownMethods) return false;
  const namesTools = rules.some(({ rule, isDeny }) =>
    !isDeny && rule.kind === "rpc" && rule.tool !== null
  );
  return rpc.method !== TOOLS_CALL || !namesTools;
}
