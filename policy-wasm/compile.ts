/**
 * Compiles a validated policy into the flat image that the gateway signs, the supervisor loads,
 * the evaluator reads and the prover replays. The same policy always gives the same bytes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  CELLS_MAX,
  DESCENDANTS_BIT,
  HEADER_BINARIES,
  HEADER_BINARY_ANY,
  HEADER_BINARY_GLOBS,
  HEADER_DIGEST,
  HEADER_HAS_RULES,
  HEADER_HOSTLESS,
  HEADER_HOSTS,
  HEADER_LENGTH,
  HEADER_MAGIC,
  HEADER_POLICY,
  HEADER_SUFFIXES,
  HEADER_VERSION,
  IMAGE_VERSION,
  MAGIC,
} from "./assembly/format.ts";
import { AutomatonBuilder } from "./glob/automaton.ts";
import type { Glob } from "./glob/glob.ts";
import { parseGlob } from "./glob/glob.ts";
import type { NumberedEndpoint } from "./image/cells.ts";
import { CellWriter } from "./image/cells.ts";
import { writeAutomaton } from "./image/automata.ts";
import { PatternError } from "./image/pattern_error.ts";
import { ImageWriter } from "./image/writer.ts";
import type { Binary, Policy } from "./policy.ts";

/** A compiled policy. */
export interface Image {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `sha256:` and 64 hex digits; names the generation. */
  readonly generation: string;
}

/**
 * Returns the image of a policy.
 *
 * @throws {PatternError} A pattern, or patterns of one place together, need too many states.
 * @throws {ImageTooLargeError} The image would be larger than `IMAGE_BYTES_MAX`.
 */
export function compilePolicy(policy: Policy): Image {
  const writer = new ImageWriter();
  writer.setHeader(HEADER_MAGIC, MAGIC);
  writer.setHeader(HEADER_VERSION, IMAGE_VERSION);
  writer.setHeader(HEADER_HAS_RULES, policy.rules.length > 0 ? 1 : 0);
  const json = writer.text(JSON.stringify(policy));
  writer.setHeader(HEADER_POLICY, json.offset);
  writer.setHeader(HEADER_POLICY + 1, json.length);
  const builder = new AutomatonBuilder();
  const binaries = new BinaryIds();
  writeHosts(writer, builder, collectSites(policy, binaries));
  binaries.write(writer, builder);
  const bytes = writer.finish();
  new DataView(bytes.buffer).setUint32(HEADER_LENGTH * 4, bytes.length, true);
  const digest = digestOf(bytes);
  bytes.set(digest, HEADER_DIGEST * 4);
  return { bytes, generation: `sha256:${digest.toHex()}` };
}

/** Returns the SHA-256 of an image, taken as if its digest field were zero. */
export function digestOf(bytes: Uint8Array): Uint8Array {
  const hash = createHash("sha256");
  hash.update(bytes.subarray(0, HEADER_DIGEST * 4));
  hash.update(new Uint8Array(32));
  hash.update(bytes.subarray(HEADER_DIGEST * 4 + 32));
  return new Uint8Array(hash.digest());
}

/** Endpoints by host pattern, then port, then the callers that their rules admit. */
type Sites = Map<string, Map<number, Map<string, Group>>>;

interface Group {
  readonly patternIds: readonly number[];
  readonly endpoints: NumberedEndpoint[];
}

function collectSites(policy: Policy, binaries: BinaryIds): Sites {
  const sites: Sites = new Map();
  let order = 0;
  for (const rule of policy.rules) {
    const patternIds = binaries.idsOf(rule.binaries);
    const callers = patternIds.join();
    for (const endpoint of rule.endpoints) {
      const ports = getOrMake(sites, endpoint.host, () => new Map());
      for (const port of endpoint.ports) {
        const groups = getOrMake(ports, port, () => new Map());
        const group = getOrMake(groups, callers, (): Group => ({ patternIds, endpoints: [] }));
        group.endpoints.push({ order, endpoint });
      }
      order++;
    }
  }
  return sites;
}

function writeHosts(writer: ImageWriter, builder: AutomatonBuilder, sites: Sites): void {
  const cells = new CellWriter(writer, builder);
  const exact = new Map<string, number>();
  const bySuffix = new Map<string, (readonly [prefix: string, entries: readonly number[]])[]>();
  for (const [host, ports] of sites) {
    // The name in front of what it leads to: they share lines of the processor's cache.
    if (!host.includes("*")) writer.text(host);
    const entry = writer.pairs(
      new Map([...ports].map(([port, groups]) => [port, writeSite(writer, cells, groups)])),
    );
    if (host === "") {
      writer.setHeader(HEADER_HOSTLESS, entry);
    } else if (host.includes("*")) {
      const { prefix, suffix } = splitPattern(host);
      getOrMake(bySuffix, suffix, () => []).push([prefix, [entry]]);
    } else {
      exact.set(host, entry);
    }
  }
  setTable(writer, HEADER_HOSTS, exact);
  setTable(
    writer,
    HEADER_SUFFIXES,
    new Map(
      [...bySuffix].map(([suffix, prefixes]) => [
        suffix,
        writer.list(writeGlobs(writer, builder, prefixes, "host")),
      ]),
    ),
  );
}

function setTable(writer: ImageWriter, header: number, entries: Map<string, number>): void {
  const { offset, mask } = writer.table(entries);
  writer.setHeader(header, offset);
  writer.setHeader(header + 1, mask);
}

/**
 * A site maps each pattern id to the cells of the rules that have it.
 *
 * @throws {PatternError} One pattern leads to more cells than a connection may have.
 */
function writeSite(writer: ImageWriter, cells: CellWriter, groups: Map<string, Group>): number {
  const byPattern = new Map<number, number[]>();
  for (const { patternIds, endpoints } of groups.values()) {
    const written = cells.write(endpoints);
    for (const id of patternIds) {
      const list = getOrMake(byPattern, id, () => []);
      list.push(...written);
      if (list.length > CELLS_MAX) throw tooManyCells(endpoints[0]!);
    }
  }
  return writer.pairs(new Map([...byPattern].map(([id, list]) => [id, writer.list(list)])));
}

function tooManyCells({ endpoint, order }: NumberedEndpoint): PatternError {
  const detail = `more than ${CELLS_MAX} rules for its port have one binary in common and others ` +
    "not; give them the same binaries";
  return new PatternError(endpoint.host, "policy_too_complex", detail, order);
}

/** Splits a host pattern into the labels up to the last wild one, and the literal rest. */
function splitPattern(host: string): { prefix: string; suffix: string } {
  const dot = host.indexOf(".", host.lastIndexOf("*"));
  return { prefix: host.slice(0, dot), suffix: host.slice(dot + 1) };
}

function globOf(pattern: string, use: "path" | "host"): Glob {
  const parsed = parseGlob(pattern, use);
  if (!parsed.ok) throw new PatternError(pattern, parsed.code, parsed.message);
  return parsed.glob;
}

/** Numbers the binary patterns and writes the tables that find them. */
class BinaryIds {
  readonly #ids = new Map<string, number>();
  readonly #exact = new Map<string, number[]>();
  readonly #globs = new Map<string, number[]>();
  readonly #any: number[] = [];

  /** Returns the ids of a rule's binaries, ascending. */
  idsOf(binaries: readonly Binary[]): number[] {
    return [...new Set(binaries.map((binary) => this.#idOf(binary)))].sort((a, b) => a - b);
  }

  write(writer: ImageWriter, builder: AutomatonBuilder): void {
    setTable(
      writer,
      HEADER_BINARIES,
      new Map([...this.#exact].map(([path, ids]) => [path, writer.list(ids)])),
    );
    if (this.#any.length > 0) writer.setHeader(HEADER_BINARY_ANY, writer.list(this.#any));
    if (this.#globs.size === 0) return;
    const automata = writeGlobs(writer, builder, [...this.#globs], "path");
    writer.setHeader(HEADER_BINARY_GLOBS, writer.list(automata));
  }

  #idOf({ path, descendants }: Binary): number {
    const key = `${descendants} ${path}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#ids.size | (descendants ? DESCENDANTS_BIT : 0);
    this.#ids.set(key, id);
    if (path === "/**" || path === "**") this.#any.push(id);
    else getOrMake(path.includes("*") ? this.#globs : this.#exact, path, () => []).push(id);
    return id;
  }
}

/**
 * Writes an automaton that accepts with lists of the patterns' values, or several, with the
 * patterns halved until each part is small enough. Returns where they are.
 */
function writeGlobs(
  writer: ImageWriter,
  builder: AutomatonBuilder,
  patterns: readonly (readonly [pattern: string, values: readonly number[]])[],
  use: "path" | "host",
): number[] {
  const automaton = builder.build(patterns.map(([pattern]) => globOf(pattern, use)));
  if (automaton !== null) {
    return [
      writeAutomaton(
        writer,
        automaton,
        (matched) => writer.list(matched.flatMap((index) => patterns[index]![1])),
      ),
    ];
  }
  if (patterns.length === 1 || builder.isSpent) throw PatternError.tooComplex(patterns[0]![0]);
  const middle = patterns.length >> 1;
  return [
    ...writeGlobs(writer, builder, patterns.slice(0, middle), use),
    ...writeGlobs(writer, builder, patterns.slice(middle), use),
  ];
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
