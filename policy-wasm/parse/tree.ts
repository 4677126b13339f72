/**
 * A policy document as a tree of maps, lists and scalars, each with its place in the text.
 *
 * YAML is gone here: aliases are followed, keys are unique strings, scalars keep their text and
 * say whether they were quoted. A {@link Field} is a node together with the way that leads to it.
 *
 * @module
 */

import type { Source, Span } from "./source.ts";
import { escapeInvisible } from "./source.ts";

export type TreeNode = ScalarNode | ListNode | MapNode | BrokenNode;

/** `quoted` scalars are always text; plain ones are what they look like. */
export interface ScalarNode extends Span {
  readonly kind: "scalar";
  readonly text: string;
  readonly quoted: boolean;
}

export interface ListNode extends Span {
  readonly kind: "list";
  readonly items: readonly TreeNode[];
}

export interface MapNode extends Span {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
}

/** Something that was reported already, so that nobody reads it. */
export interface BrokenNode extends Span {
  readonly kind: "broken";
}

export interface MapEntry {
  readonly key: Span;
  readonly value: TreeNode;
}

/** What a node is, in the words of a message. */
export type NodeType = "text" | "integer" | "number" | "boolean" | "nothing" | "list" | "map";

/** A node and the way to it. */
export class Field {
  constructor(
    readonly node: TreeNode,
    readonly origin: {
      readonly parent: Field;
      readonly step: string | number;
      readonly key: Span | null;
    } | null = null,
  ) {}

  /** As in `network_policies.github.endpoints[0].host`; empty for the whole document. */
  get path(): string {
    const steps: string[] = [];
    for (let origin = this.origin; origin !== null; origin = origin.parent.origin) {
      steps.push(formatStep(origin.step));
    }
    return steps.reverse().join("").replace(/^\./, "");
  }

  /** What a finding underlines: a scalar itself, or the key of a map or list. */
  get span(): Span {
    const key = this.origin?.key ?? null;
    if (key === null) return this.node;
    const empty = this.node.start >= this.node.end;
    return this.node.kind === "scalar" && !empty ? this.node : key;
  }

  /** The key that this field was written under, or the field where it has none. */
  get keySpan(): Span {
    return this.origin?.key ?? this.node;
  }

  /** The entry of a map or item of a list, or `null` where there is none. */
  child(step: string | number): Field | null {
    if (this.node.kind === "map" && typeof step === "string") {
      const entry = this.node.entries.get(step);
      if (entry === undefined) return null;
      return new Field(entry.value, { parent: this, step, key: entry.key });
    }
    if (this.node.kind === "list" && typeof step === "number") {
      const item = this.node.items[step];
      return item === undefined ? null : new Field(item, { parent: this, step, key: null });
    }
    return null;
  }
}

/** Returns the field at a path, or `null` where nothing is written. */
export function findField(root: Field, path: string): Field | null {
  let field: Field | null = root;
  for (const step of parsePath(path) ?? [-1]) field = field?.child(step) ?? null;
  return field;
}

/** Returns what a scalar, list or map is by the YAML 1.2 core schema. */
export function typeOf(node: TreeNode): NodeType {
  if (node.kind === "list" || node.kind === "map") return node.kind;
  if (node.kind === "broken") return "nothing";
  if (node.quoted) return "text";
  if (/^(?:~|null|Null|NULL)?$/.test(node.text)) return "nothing";
  if (/^(?:true|True|TRUE|false|False|FALSE)$/.test(node.text)) return "boolean";
  if (/^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(node.text)) return "integer";
  const number = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
  const special = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
  return number.test(node.text) || special.test(node.text) ? "number" : "text";
}

/** Returns the value as JSON has it; integers and numbers as JavaScript numbers. */
export function toPlain(node: TreeNode): unknown {
  if (node.kind === "broken") return null;
  if (node.kind === "list") return node.items.map(toPlain);
  if (node.kind === "map") {
    return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, toPlain(value)]));
  }
  switch (typeOf(node)) {
    case "nothing":
      return null;
    case "boolean":
      return node.text.toLowerCase() === "true";
    case "integer":
    case "number":
      return toNumber(node.text);
    default:
      return node.text;
  }
}

/** Writes a node on one line, as a person would in a flow collection. */
export function toFlow(node: TreeNode): string {
  if (node.kind === "broken") return "";
  if (node.kind === "list") return `[${node.items.map(toFlow).join(", ")}]`;
  if (node.kind === "map") {
    const entries = [...node.entries].map(([key, { value }]) => `${key}: ${toFlow(value)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  return node.quoted || /[,[\]{}#&*!|>'"%@`]|^[-?:]|: |^$/.test(node.text)
    ? escapeInvisible(JSON.stringify(node.text))
    : node.text;
}

/** Returns where a character of a scalar's text stands in the document, or the whole scalar. */
export function spanWithin(source: Source, node: TreeNode, offset: number): Span {
  if (node.kind !== "scalar") return node;
  const start = node.start + (node.end - node.start === node.text.length + 2 ? 1 : 0);
  const verbatim = source.text.startsWith(node.text, start) && offset < node.text.length;
  return verbatim ? { start: start + offset, end: start + offset + 1 } : node;
}

function formatStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  return /^[A-Za-z0-9_-]+$/.test(step) ? `.${step}` : `[${escapeInvisible(JSON.stringify(step))}]`;
}

function parsePath(path: string): (string | number)[] | null {
  const steps: (string | number)[] = [];
  const step = /(?:^|\.)([A-Za-z0-9_-]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  while (step.lastIndex < path.length) {
    const match = step.exec(path);
    if (match === null) return null;
    if (match[1] !== undefined) steps.push(match[1]);
    else if (match[2] !== undefined) steps.push(Number(match[2]));
    else steps.push(unquote(match[3]!));
  }
  return steps;
}

/** A key that is not the JSON string it looks like names nothing. */
function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch (error) {
    if (error instanceof SyntaxError) return "\0";
    throw error;
  }
}

function toNumber(text: string): number {
  const special = /^([-+]?)\.(inf|nan)$/i.exec(text);
  if (special === null) return Number(text);
  if (special[2]!.toLowerCase() === "nan") return NaN;
  return special[1] === "-" ? -Infinity : Infinity;
}
