/**
 * Small readers that compose to a schema: each takes a field, says what is wrong with it, and
 * returns what it holds.
 *
 * A reader never guesses: what it returns was written so. `undefined` means that an error was
 * reported, so that nobody reports a second one about the same value.
 *
 * @module
 */

import type { Findings } from "./findings.ts";
import { suggest } from "./nearest.ts";
import { findForbiddenInValue, quote } from "./source.ts";
import { type Field, type NodeType, toFlow, toPlain, typeOf } from "./tree.ts";

/** Returns the value of a field, or `undefined` after reporting why it has none. */
export type Reader<T> = (field: Field, findings: Findings) => T | undefined;

/** What one key of a record, item of a list or entry of a map holds. */
export interface Read<T> {
  /** The field itself, or the record that lacks it. */
  readonly field: Field;
  readonly written: boolean;
  /** `undefined` when it is not written, or was reported. */
  readonly value: T | undefined;
}

/** Keys of a record with a reader each. No key is called `at`. */
export type Shape = Readonly<Record<string, Reader<unknown>>>;

/** What a record holds, and in `at` the record itself. */
export type RecordOf<S extends Shape> =
  & { readonly at: Field }
  & { readonly [K in keyof S]: Read<S[K] extends Reader<infer T> ? T : never> };

/** What to tell about keys that a record does not have. */
export interface KeyAdvice {
  /** Where the keys are missing, as in `an endpoint`. */
  readonly what: string;
  /** The right key for one that people write, where it may depend on what they wrote. */
  readonly renamed?: Readonly<Record<string, string | ((field: Field) => string)>>;
  /** One clause about a key that belongs elsewhere or nowhere. */
  readonly notes?: Readonly<Record<string, string | ((field: Field) => string | null)>>;
  /** The key that a bare text in place of the record was meant for. */
  readonly bareKey?: string;
  /** Keys of maps whose entries may have been written beside them, for want of indentation. */
  readonly sections?: readonly string[];
}

/** Reads one line of text. */
export function text(field: Field, findings: Findings): string | undefined {
  return textIn(field, () => true, findings);
}

/** Returns a reader of text that suggests quotes only around what is valid with them. */
export function textThat(isValid: (text: string) => boolean): Reader<string> {
  return (field, findings) => textIn(field, isValid, findings);
}

function textIn(
  field: Field,
  isValid: (text: string) => boolean,
  findings: Findings,
): string | undefined {
  const { node } = field;
  if (node.kind !== "scalar" || typeOf(node) !== "text") {
    const canQuote = node.kind === "scalar" && typeOf(node) !== "nothing" && isValid(node.text);
    const fix = canQuote ? JSON.stringify(node.text) : null;
    return wrongType(field, findings, { expected: "text", fix });
  }
  const forbidden = findForbiddenInValue(node.text);
  if (forbidden === null) return node.text;
  const message = `${nameOf(field)} holds the character ${forbidden}, should be one line of text`;
  findings.add("control_character", field, message);
  return undefined;
}

/** Reads a whole number in plain decimal digits. */
export function integer(field: Field, findings: Findings): number | undefined {
  const { node } = field;
  if (node.kind !== "scalar" || typeOf(node) !== "integer") {
    const written = node.kind === "scalar" ? node.text.trim() : "";
    const fix = /^\d{1,9}(?:\.0*)?$/.test(written) ? String(Number(written)) : null;
    return wrongType(field, findings, { expected: "integer", fix });
  }
  if (/^-?(?:0|[1-9][0-9]*)$/.test(node.text)) return Number(node.text);
  const message = `${nameOf(field)} is ${node.text}, should be a number in plain decimal digits`;
  const isOctalOrDecimal = /^[-+]?0\d/.test(node.text);
  const fix = isOctalOrDecimal ? null : String(Number(node.text));
  findings.add("number_spelling", field, message, { fix });
  return undefined;
}

/** Reads `true` or `false`. */
export function flag(field: Field, findings: Findings): boolean | undefined {
  const { node } = field;
  if (typeOf(node) === "boolean") return toPlain(node) === true;
  const written = node.kind === "scalar" ? node.text.toLowerCase() : "";
  const yes = ["yes", "on", "y", "true", "1"].includes(written);
  const no = ["no", "off", "n", "false", "0"].includes(written);
  const fix = yes ? "true" : no ? "false" : null;
  return wrongType(field, findings, { expected: "boolean", fix });
}

/** Takes a map of anything, as JSON has it. */
export function anyMap(field: Field, findings: Findings): unknown {
  if (field.node.kind !== "map") return wrongType(field, findings, { expected: "map" });
  return toPlain(field.node);
}

/** Returns a reader of lists. A single value where a list should be is read as its only item. */
export function list<T>(item: Reader<T>): Reader<readonly Read<T>[]> {
  return (field, findings) => {
    if (field.node.kind === "list") {
      return field.node.items.map((_, index) => read(field.child(index)!, item, findings));
    }
    const isEmpty = typeOf(field.node) === "nothing";
    wrongType(field, findings, {
      expected: "list",
      fix: isEmpty ? null : `[${toFlow(field.node)}]`,
    });
    if (!isEmpty) item(field, findings);
    return undefined;
  };
}

/** Returns a reader of maps whose keys the author chooses. The step of each field is its key. */
export function mapOf<T>(value: Reader<T>): Reader<readonly Read<T>[]> {
  return (field, findings) => {
    if (field.node.kind !== "map") {
      const fix = typeOf(field.node) === "nothing" ? `${field.origin?.step}: {}` : null;
      return wrongType(field, findings, { expected: "map", fix });
    }
    return [...field.node.entries.keys()].map((key) => read(field.child(key)!, value, findings));
  };
}

/** Returns a reader of maps with these keys. Other keys are errors with a suggestion. */
export function record<S extends Shape>(shape: S, advice: KeyAdvice): Reader<RecordOf<S>> {
  return (field, findings) => {
    const { node } = field;
    if (node.kind !== "map") {
      const isBare = node.kind === "scalar" && typeOf(node) === "text" && advice.bareKey;
      const fix = isBare ? `{ ${advice.bareKey}: ${toFlow(node)} }` : null;
      return wrongType(field, findings, { expected: "map", fix });
    }
    const unindented = findUnindented(field, { shape, advice });
    for (const key of node.entries.keys()) {
      if (Object.hasOwn(shape, key) || unindented.children.has(key)) continue;
      addUnknownKey(field.child(key)!, { shape, advice }, findings);
    }
    const values = Object.entries(shape).map(([key, reader]) => {
      const child = field.child(key);
      if (child === null) return [key, { field, written: false, value: undefined }];
      const lost = unindented.sections.get(key);
      if (lost === undefined) return [key, read(child, reader, findings)];
      const message = `${quote(key)} is empty; indent ${quote(lost)} and what follows to be in it`;
      findings.add("wrong_type", child, message);
      return [key, { field: child, written: true, value: undefined }];
    });
    return { at: field, ...Object.fromEntries(values) } as RecordOf<S>;
  };
}

/** Reads a field and keeps where it was. */
export function read<T>(field: Field, reader: Reader<T>, findings: Findings): Read<T> {
  if (field.node.kind === "broken") return { field, written: true, value: undefined };
  return { field, written: true, value: reader(field, findings) };
}

/** Names a field in a message. */
export function nameOf(field: Field): string {
  const { origin } = field;
  if (origin === null) return "The document";
  if (typeof origin.step === "string") return quote(origin.step);
  return `Item ${origin.step + 1} of ${nameOf(origin.parent)}`;
}

const TYPE_NAMES: Readonly<Record<NodeType, string>> = {
  text: "text",
  integer: "an integer",
  number: "a decimal number",
  boolean: "a boolean",
  nothing: "empty",
  list: "a list",
  map: "a map",
};

function wrongType(
  field: Field,
  findings: Findings,
  { expected, fix = null }: { readonly expected: NodeType; readonly fix?: string | null },
): undefined {
  const found = TYPE_NAMES[typeOf(field.node)];
  const message = `${nameOf(field)} is ${found}, should be ${TYPE_NAMES[expected]}`;
  findings.add("wrong_type", field, message, { fix });
  return undefined;
}

/** Finds sections without content that are followed by maps with keys of nobody. */
function findUnindented(
  { node }: Field,
  { shape, advice }: { readonly shape: Shape; readonly advice: KeyAdvice },
) {
  const sections = new Map<string, string>();
  const children = new Set<string>();
  let section: string | null = null;
  for (const [key, { value }] of node.kind === "map" ? node.entries : []) {
    if (Object.hasOwn(shape, key)) {
      const isOpen = advice.sections?.includes(key) && typeOf(value) === "nothing";
      section = isOpen ? key : null;
    } else if (section !== null && value.kind === "map") {
      if (!sections.has(section)) sections.set(section, key);
      children.add(key);
    }
  }
  return { sections, children };
}

function addUnknownKey(
  field: Field,
  { shape, advice }: { readonly shape: Shape; readonly advice: KeyAdvice },
  findings: Findings,
): void {
  const key = String(field.origin!.step);
  const written = own(advice.notes, key);
  const note = typeof written === "function" ? written(field) : written;
  const renamed = own(advice.renamed, key) ?? own(advice.renamed, key.toLowerCase());
  const right = typeof renamed === "function" ? renamed(field) : renamed;
  const meant = note === null ? right ?? suggest(key, Object.keys(shape)) : null;
  const isTaken = meant !== null && field.origin!.parent.child(meant) !== null;
  const fix = isTaken ? null : meant;
  const reason = note === null ? "" : `: ${note}`;
  const message = `Key ${quote(key)} does not exist in ${advice.what}${reason}`;
  findings.add("unknown_key", field, message, { fix, at: field.keySpan });
}

function own<T>(table: Readonly<Record<string, T>> | undefined, key: string): T | null {
  return table !== undefined && Object.hasOwn(table, key) ? table[key]! : null;
}
