/**
 * Cells: all endpoints of one host and port whose rules admit the same callers. Whoever reaches
 * one of them reaches all, so one automaton over the path judges them together, and its accepting
 * states carry the finished rows of `architecture/image.md`.
 *
 * @module
 */

import {
  FLAG_ENCODED_SLASH,
  FLAG_INSPECTED,
  FLAG_QUERY,
  PROTOCOL_GRAPHQL,
  PROTOCOL_JSON_RPC,
  PROTOCOL_MCP,
  PROTOCOL_REST,
  PROTOCOL_SQL,
  PROTOCOL_WEBSOCKET,
  PROTOCOL_WEBSOCKET_GRAPHQL,
  TRAIT_AUDIT,
  TRAIT_ENCODED_SLASH,
  TRAIT_STRICT_TOOLS,
  TRAIT_WEBSOCKET_GRAPHQL,
} from "../assembly/format.ts";
import type { AutomatonBuilder } from "../glob/automaton.ts";
import { parseGlob } from "../glob/glob.ts";
import type { MethodSet } from "../methods.ts";
import { ALL_METHODS, isEmptySet, methodSet, without } from "../methods.ts";
import type { Endpoint, Protocol, RequestRule, RpcRule, SqlRule } from "../policy.ts";
import { hasGraphqlRules, isInspected, pathSpecificity } from "../traits.ts";
import { writeAutomaton } from "./automata.ts";
import { ConditionWriter } from "./conditions.ts";
import { PatternError } from "./pattern_error.ts";
import type { ImageWriter } from "./writer.ts";

const CELL_BYTES = 20;
const EVERY_PATH = "**";

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = {
  l4: 0,
  tcp: 0,
  rest: PROTOCOL_REST,
  websocket: PROTOCOL_WEBSOCKET,
  graphql: PROTOCOL_GRAPHQL,
  "json-rpc": PROTOCOL_JSON_RPC,
  mcp: PROTOCOL_MCP,
  sql: PROTOCOL_SQL,
};

/** An endpoint with its number among all endpoints of the policy. */
export interface NumberedEndpoint {
  readonly order: number;
  readonly endpoint: Endpoint;
}

/** One allow or deny rule, or several that were joined. */
interface Entry {
  readonly order: number;
  readonly protocol: number;
  readonly isDeny: boolean;
  /** Path pattern of the endpoint. */
  readonly scope: string;
  /** Path pattern of the rule. */
  readonly path: string;
  readonly methods: MethodSet;
  readonly condition: number;
}

/** Writes cells, each distinct one once. */
export class CellWriter {
  readonly #writer: ImageWriter;
  readonly #builder: AutomatonBuilder;
  readonly #conditions: ConditionWriter;
  readonly #cells = new Map<string, readonly number[]>();
  /** Entries of an endpoint by its number. */
  readonly #entries = new Map<number, readonly Entry[]>();

  constructor(writer: ImageWriter, builder: AutomatonBuilder) {
    this.#writer = writer;
    this.#builder = builder;
    this.#conditions = new ConditionWriter(writer, builder);
  }

  /**
   * Returns the cells of these endpoints, ascending by number: one, unless their paths together
   * are too much for one automaton.
   *
   * @throws {PatternError} The paths of one endpoint alone are too much.
   */
  write(endpoints: readonly NumberedEndpoint[]): readonly number[] {
    const key = endpoints.map(({ order }) => order).join();
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const cell = this.#writeCell(endpoints);
    if (cell !== null) {
      this.#cells.set(key, [cell]);
      return [cell];
    }
    if (endpoints.length === 1 || this.#builder.isSpent) {
      const [{ endpoint, order }] = endpoints as [NumberedEndpoint];
      throw PatternError.tooComplex(patternsOf(endpoint)).of(order);
    }
    const middle = endpoints.length >> 1;
    const cells = [
      ...this.write(endpoints.slice(0, middle)),
      ...this.write(endpoints.slice(middle)),
    ];
    this.#cells.set(key, cells);
    return cells;
  }

  #writeCell(endpoints: readonly NumberedEndpoint[]): number | null {
    const inspected = endpoints.filter(({ endpoint }) => isInspected(endpoint.protocol));
    // SQL has no paths.
    const sql = endpoints.filter(({ endpoint }) => endpoint.protocol === "sql")
      .map(({ order, endpoint }) => ({ order, endpoint: { ...endpoint, path: EVERY_PATH } }));
    const rows = new RowWriter(this.#writer, inspected, inspected.flatMap((e) => this.#of(e)));
    // In front of what it leads to, so that they share lines of the processor's cache.
    const cell = this.#writer.reserve(CELL_BYTES);
    const automaton = this.#writePaths(rows);
    if (automaton === null) return null;
    let sqlRow = 0;
    if (sql.length > 0) {
      sqlRow = new RowWriter(this.#writer, sql, sql.flatMap((e) => this.#of(e))).base();
    }
    const words = [
      endpoints[0]!.order,
      flagsOf(inspected.map(({ endpoint }) => endpoint)),
      automaton,
      rows.base(),
      sqlRow,
    ];
    words.forEach((word, index) => this.#writer.setWord(cell + index * 4, word));
    return cell;
  }

  /** Returns 0 when every path leads to the base row, `null` when there would be too many states. */
  #writePaths(rows: RowWriter): number | null {
    const patterns = rows.patterns;
    if (patterns.length === 0) return 0;
    const globs = patterns.map((pattern) => {
      const parsed = parseGlob(pattern, "path");
      if (!parsed.ok) throw new PatternError(pattern, parsed.code, parsed.message);
      return parsed.glob;
    });
    const automaton = this.#builder.build(globs);
    if (automaton === null) return null;
    return writeAutomaton(
      this.#writer,
      automaton,
      (matched) => rows.row(matched.map((index) => patterns[index]!)),
    );
  }

  #of(numbered: NumberedEndpoint): readonly Entry[] {
    let entries = this.#entries.get(numbered.order);
    if (entries === undefined) {
      entries = this.#makeEntries(numbered);
      this.#entries.set(numbered.order, entries);
    }
    return entries;
  }

  #makeEntries(numbered: NumberedEndpoint): readonly Entry[] {
    try {
      return [...this.#side(numbered, true), ...this.#side(numbered, false)];
    } catch (error) {
      throw error instanceof PatternError ? error.of(numbered.order) : error;
    }
  }

  /** Entries of the deny or the allow rules of one endpoint. */
  #side({ order, endpoint }: NumberedEndpoint, isDeny: boolean): Entry[] {
    const rules = isDeny ? endpoint.deny : endpoint.allow;
    const protocol = PROTOCOL_NUMBERS[endpoint.protocol];
    const common = { order, protocol, isDeny, scope: endpoint.path };
    const everything = { ...common, path: EVERY_PATH, methods: ALL_METHODS };
    const entries: Entry[] = [];
    const rpc: RpcRule[] = [];
    const sql: SqlRule[] = [];
    for (const rule of rules) {
      if (rule.kind === "http") {
        const condition = this.#conditions.query(rule, isDeny);
        const methods = methodSet(rule.method);
        entries.push({ ...common, path: rule.path, methods, condition });
      } else if (rule.kind === "graphql") {
        const condition = this.#conditions.graphql(rule, isDeny, endpoint);
        const kind = protocol === PROTOCOL_WEBSOCKET ? PROTOCOL_WEBSOCKET_GRAPHQL : protocol;
        entries.push({ ...everything, protocol: kind, condition });
      } else if (rule.kind === "rpc") {
        rpc.push(rule);
      } else {
        sql.push(rule);
      }
    }
    const conditions = this.#conditions.rpc(rpc, isDeny);
    if (!isDeny && endpoint.mcpAllowAllKnownMethods) {
      conditions.push(this.#conditions.rpcProfile(namesTools(endpoint.allow)));
    }
    if (sql.length > 0) conditions.push(this.#conditions.sql(sql.map((rule) => rule.command)));
    for (const condition of conditions) entries.push({ ...everything, condition });
    return entries;
  }
}

/** Rows of one cell, by the set of path patterns that a path matches. */
class RowWriter {
  /** Path patterns that decide between rows. */
  readonly patterns: readonly string[];
  readonly #writer: ImageWriter;
  /** Entries that apply to every path, without those that earlier ones make idle. */
  readonly #always: readonly Entry[];
  /** Further entries, by a pattern that a path has to match for them. */
  readonly #byPattern: ReadonlyMap<string, readonly Entry[]>;
  readonly #byScope: ReadonlyMap<string, readonly NumberedEndpoint[]>;
  readonly #rows = new Map<string, number>();

  constructor(
    writer: ImageWriter,
    endpoints: readonly NumberedEndpoint[],
    entries: readonly Entry[],
  ) {
    this.#writer = writer;
    this.#byScope = Map.groupBy(endpoints, ({ endpoint }) => endpoint.path);
    const groups = Map.groupBy(
      entries,
      ({ path, scope }) => path === EVERY_PATH ? scope : path,
    );
    this.#always = dropIdle(groups.get(EVERY_PATH) ?? []);
    groups.delete(EVERY_PATH);
    this.#byPattern = groups;
    const patterns = new Set([...groups.keys(), ...this.#byScope.keys()]);
    for (const entry of entries) patterns.add(entry.scope);
    patterns.delete(EVERY_PATH);
    this.patterns = [...patterns].sort();
  }

  /** Returns the row of a path that matches no pattern but `**`; 0 when no endpoint is selected. */
  base(): number {
    return this.row([]);
  }

  /** Returns the row of a path that matches exactly these patterns, and `**`. */
  row(matched: readonly string[]): number {
    const key = matched.join("\0");
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = this.#write(new Set([EVERY_PATH, ...matched]));
      this.#rows.set(key, row);
    }
    return row;
  }

  #write(matched: ReadonlySet<string>): number {
    const selected = [...matched].flatMap((pattern) => this.#byScope.get(pattern) ?? []);
    if (selected.length === 0) return 0;
    const driver = selected.reduce((best, next) => leads(next, best) ? next : best);
    const further = [...matched].flatMap((pattern) => this.#byPattern.get(pattern) ?? [])
      .filter((entry) => matched.has(entry.scope) && matched.has(entry.path));
    const entries = further.length === 0 ? this.#always : dropIdle([...this.#always, ...further]);
    const denies = entries.filter((entry) => entry.isDeny);
    const allows = entries.filter((entry) => !entry.isDeny);
    return this.#writer.words([
      rankOf(driver.endpoint),
      driver.order,
      traitsOf(driver.endpoint),
      denies.length,
      allows.length,
      ...[...denies, ...allows].flatMap((entry) => [
        entry.order,
        entry.protocol,
        entry.methods.low,
        entry.methods.high,
        entry.condition,
      ]),
    ]);
  }
}

/** Sorts entries by endpoint and drops methods that an earlier one already decides. */
function dropIdle(entries: readonly Entry[]): Entry[] {
  const sorted = [...entries].sort((a, b) => a.order - b.order);
  const decided = new Map<number, MethodSet>();
  const kept: Entry[] = [];
  for (const entry of sorted) {
    // Denies of all protocols count alike, allows only within one.
    const side = entry.isDeny ? 0 : entry.protocol;
    const earlier = decided.get(side) ?? { low: 0, high: 0 };
    const methods = without(entry.methods, earlier);
    if (isEmptySet(methods)) continue;
    kept.push({ ...entry, methods });
    if (entry.condition !== 0) continue;
    decided.set(side, {
      low: (earlier.low | methods.low) >>> 0,
      high: (earlier.high | methods.high) >>> 0,
    });
  }
  return kept;
}

/** The patterns of an endpoint that its cell has to tell apart, for a message. */
function patternsOf({ path, allow, deny }: Endpoint): string {
  const paths = [...allow, ...deny].map((rule) => rule.kind === "http" ? rule.path : EVERY_PATH);
  return [...new Set([path, ...paths])].filter((pattern) => pattern !== EVERY_PATH).join(" ");
}

function leads(a: NumberedEndpoint, b: NumberedEndpoint): boolean {
  const difference = rankOf(a.endpoint) - rankOf(b.endpoint);
  return difference === 0 ? a.order < b.order : difference > 0;
}

/** Larger leads: a specific protocol first, then a longer fixed part of the path. */
function rankOf(endpoint: Endpoint): number {
  const isSpecific = endpoint.protocol === "graphql" || endpoint.protocol === "json-rpc" ||
    endpoint.protocol === "mcp" || (endpoint.protocol === "websocket" && hasGraphqlRules(endpoint));
  return (isSpecific ? 0x10000 : 0) + pathSpecificity(endpoint.path);
}

function traitsOf(endpoint: Endpoint): number {
  let traits = PROTOCOL_NUMBERS[endpoint.protocol];
  if (endpoint.enforcement === "audit" || endpoint.protocol === "sql") traits |= TRAIT_AUDIT;
  if (endpoint.allowEncodedSlash) traits |= TRAIT_ENCODED_SLASH;
  if (endpoint.mcpStrictToolNames) traits |= TRAIT_STRICT_TOOLS;
  if (endpoint.protocol === "websocket" && hasGraphqlRules(endpoint)) {
    traits |= TRAIT_WEBSOCKET_GRAPHQL;
  }
  return traits;
}

function flagsOf(inspected: readonly Endpoint[]): number {
  let flags = inspected.length > 0 ? FLAG_INSPECTED : 0;
  if (inspected.some((endpoint) => endpoint.allowEncodedSlash)) flags |= FLAG_ENCODED_SLASH;
  if (inspected.some((endpoint) => [...endpoint.allow, ...endpoint.deny].some(readsQuery))) {
    flags |= FLAG_QUERY;
  }
  return flags;
}

function readsQuery(rule: RequestRule): boolean {
  return rule.kind === "http" && rule.query.length > 0;
}

function namesTools(rules: readonly RequestRule[]): boolean {
  return rules.some((rule) => rule.kind === "rpc" && rule.tool !== null);
}
