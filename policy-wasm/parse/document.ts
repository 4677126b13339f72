/**
 * A policy text to a tree of maps, lists and scalars.
 *
 * Everything that makes two YAML readers disagree is refused: several documents, duplicate keys,
 * merge keys, tags, directives other than `%YAML 1.2`, keys that are not text. JSON is YAML here.
 *
 * Aliases share what they refer to, so nested anchors cost nothing but their count against
 * `POLICY_NODES_MAX`.
 *
 * @module
 */

import { isAlias, isMap, isScalar, isSeq, type Node as YamlNode, type Pair, Scalar } from "yaml";
import { POLICY_DEPTH_MAX, POLICY_NODES_MAX } from "../../proto/limits.ts";
import { addTooDeep, composeYaml } from "./compose_yaml.ts";
import type { Findings } from "./findings.ts";
import { findForbiddenInValue, quote, rangeOf, type Span } from "./source.ts";
import type { MapEntry, TreeNode } from "./tree.ts";
import { typeOf } from "./tree.ts";

/** Returns the tree of a text, or `null` when there is none; says why in `findings`. */
export function parseDocument(text: string, findings: Findings): TreeNode | null {
  const contents = composeYaml(text, findings);
  if (contents === null) return null;
  const builder = new TreeBuilder(findings);
  const node = builder.build(contents);
  return builder.isBounded ? node : null;
}

const TAG_PREFIX = "tag:yaml.org,2002:";
const STRING_TAG = `${TAG_PREFIX}str`;

/** What an anchor names; `null` while its node is still being built. */
type Anchored = { readonly node: TreeNode; readonly size: number; readonly height: number };

/** A node with the levels of collections in it. */
interface Built {
  readonly node: TreeNode;
  readonly height: number;
}

/** Turns the library's nodes into tree nodes, in document order. */
class TreeBuilder {
  readonly #findings: Findings;
  readonly #anchors = new Map<string, Anchored | null>();
  #size = 0;
  #depth = 0;
  isBounded = true;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  build(node: YamlNode): TreeNode {
    return this.#build(node).node;
  }

  #build(node: YamlNode): Built {
    this.#count(1, spanOf(node));
    if (isAlias(node)) return this.#alias(node.source, spanOf(node));
    this.#checkTag(node);
    if (node.anchor === undefined) return this.#content(node);
    const sizeBefore = this.#size;
    this.#anchors.set(node.anchor, null);
    const built = this.#content(node);
    const size = this.#size - sizeBefore;
    this.#anchors.set(node.anchor, { ...built, size });
    return built;
  }

  #content(node: YamlNode): Built {
    const span = spanOf(node);
    if (isMap(node)) return this.#nested(() => this.#map(node.items as Pair[], span));
    if (isSeq(node)) return this.#nested(() => this.#list(node.items as YamlNode[], span));
    const scalar = node as Scalar;
    const text = String(scalar.value);
    return { node: { kind: "scalar", text, quoted: isQuoted(scalar), ...span }, height: 0 };
  }

  #nested(build: () => Built): Built {
    this.#depth++;
    const built = build();
    this.#depth--;
    return built;
  }

  #list(nodes: readonly YamlNode[], span: Span): Built {
    const built = nodes.map((node) => this.#build(node));
    const height = built.reduce((most, item) => Math.max(most, item.height), 0) + 1;
    return { node: { kind: "list", items: built.map((item) => item.node), ...span }, height };
  }

  #map(pairs: readonly Pair[], span: Span): Built {
    const entries = new Map<string, MapEntry>();
    let height = 0;
    for (const { key, value } of pairs) {
      const keySpan = spanOf(key as YamlNode);
      const name = this.#key(key as YamlNode, keySpan);
      const built = value === null ? nothingAt(keySpan.end) : this.#build(value as YamlNode);
      height = Math.max(height, built.height);
      if (name === null) continue;
      const first = entries.get(name);
      if (first !== undefined) {
        const { line, column } = rangeOf(this.#findings.source, first.key);
        const message = `Key ${quote(name)} is already used at line ${line}, column ${column}`;
        this.#findings.add("duplicate_key", keySpan, message);
      } else {
        entries.set(name, { key: keySpan, value: built.node });
      }
    }
    return { node: { kind: "map", entries, ...span }, height: height + 1 };
  }

  /** Returns the text of a key, or `null` when it is none. */
  #key(node: YamlNode, span: Span): string | null {
    this.#count(1, span);
    const message = "Keys have to be text";
    if (!isScalar(node)) {
      this.#findings.add("key_not_text", span, `${message}, not an alias, a list or a map`);
      return null;
    }
    this.#checkTag(node);
    const text = String(node.value);
    const quoted = isQuoted(node);
    const type = typeOf({ kind: "scalar", text, quoted, ...span });
    if (!quoted && text === "<<") {
      const merge = "Merge keys are not part of YAML 1.2; write the entries out";
      this.#findings.add("merge_key", span, merge);
      return null;
    }
    const forbidden = findForbiddenInValue(text);
    if (forbidden !== null) {
      this.#findings.add("control_character", span, `A key holds the character ${forbidden}`);
      return null;
    }
    if (type === "text") return text;
    const fix = type === "nothing" ? null : JSON.stringify(text);
    this.#findings.add("key_not_text", span, `${message}, and this one is ${type}`, { fix });
    return null;
  }

  #alias(name: string, span: Span): Built {
    const target = this.#anchors.get(name);
    if (target === undefined) {
      const shown = quote(`*${name}`);
      const isPattern = !/^[\w-]+$/.test(name);
      const message = isPattern
        ? `${shown} starts with * and has to be quoted; without quotes it is a YAML alias`
        : `Alias *${name} has no anchor before it; text that starts with * has to be quoted`;
      this.#findings.add("alias_unknown", span, message, { fix: isPattern ? shown : null });
    } else if (target === null) {
      this.#findings.add("alias_cycle", span, `Alias *${name} stands inside what it refers to`);
    } else {
      this.#count(target.size, span);
      if (this.#depth + target.height <= POLICY_DEPTH_MAX) return target;
      if (this.isBounded) addTooDeep(span, this.#findings);
      this.isBounded = false;
    }
    return { node: { kind: "broken", ...span }, height: 0 };
  }

  #checkTag(node: YamlNode): void {
    const { tag } = node as { tag?: string };
    if (tag === undefined) return;
    const standard = isMap(node) ? "map" : isSeq(node) ? "seq" : "str";
    if (tag === `${TAG_PREFIX}${standard}`) return;
    const message = `Tag ${quote(tag)} is not allowed in a policy`;
    const fix = isScalar(node) ? JSON.stringify(String(node.value)) : null;
    this.#findings.add("yaml_tag", spanOf(node), message, { fix });
  }

  #count(nodes: number, at: Span): void {
    this.#size += nodes;
    if (this.#size <= POLICY_NODES_MAX || !this.isBounded) return;
    const message = `The document has more than ${POLICY_NODES_MAX} nodes, aliases followed`;
    this.#findings.add("too_many_nodes", at, message);
    this.isBounded = false;
  }
}

function isQuoted(scalar: Scalar): boolean {
  return scalar.type !== Scalar.PLAIN || scalar.tag === STRING_TAG;
}

function spanOf(node: YamlNode): Span {
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

function nothingAt(offset: number): Built {
  const span = { start: offset, end: offset };
  return { node: { kind: "scalar", text: "", quoted: false, ...span }, height: 0 };
}
