/**
 * The body of a model call: what it asks for, and the same with the operator's model in it.
 *
 * Everything but the forced members stays byte for byte as it came. A member twice is refused, also
 * in another case, because servers differ in which one they take.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { INFERENCE_MEMBERS_MAX } from "../../../proto/inference_limits.ts";
import { type BodyRules, PLAIN } from "./dialects.ts";
import type { ProtocolId } from "./protocols.ts";

export interface ModelBody {
  /** The model that was asked for. */
  readonly model: string | null;
  /** The reply is asked for as an event stream. */
  readonly isStream: boolean;
  /** The stream would not say how many tokens were used, but can be asked to. */
  readonly lacksUsage: boolean;
  /** Returns the body with this model, and what else its server wants or refuses. */
  write(model: string, options: WriteOptions): Uint8Array;
}

export interface WriteOptions {
  /** Also asks for the use of tokens; otherwise the body is as it was about that. */
  readonly asksUsage: boolean;
  readonly rules?: BodyRules;
}

export type ModelBodyForm =
  | { readonly ok: true; readonly body: ModelBody }
  /** One sentence, without anything that was sent. */
  | { readonly ok: false; readonly detail: string };

interface Member {
  readonly key: string;
  /** After the comma or the brace before it. */
  readonly from: number;
  /** Of its value. */
  readonly start: number;
  readonly end: number;
  /** At the comma or the brace after it. */
  readonly to: number;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

const USAGE_PROTOCOLS: readonly ProtocolId[] = ["openai_chat_completions", "openai_completions"];

export function readModelBody(bytes: Uint8Array, protocol: ProtocolId): ModelBodyForm {
  let text: string;
  let value: unknown;
  try {
    text = UTF8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    return refuse("The body is not valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse("The body is not a JSON object");
  }
  const members = findMembers(text);
  if (members === null) return refuse("The body has too many members");
  const folded = new Set(members.map(({ key }) => fold(key)));
  if (folded.size < members.length) return refuse("The body has a member twice");
  const isMisspelt = (key: string) => !FORCED.includes(key) && FORCED.includes(fold(key));
  if (members.some(({ key }) => isMisspelt(key))) {
    return refuse("The body has a member in another case than its protocol has it");
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const { model } = fields;
  if (model !== undefined && typeof model !== "string") return refuse("The model is not text");
  const isStream = fields["stream"] === true;
  const options = fields["stream_options"];
  const canAsk = isStream && USAGE_PROTOCOLS.includes(protocol);
  const includesUsage = isObject(options) && options["include_usage"] === true;
  return {
    ok: true,
    body: {
      model: model ?? null,
      isStream,
      lacksUsage: canAsk && !includesUsage,
      write(forced, { asksUsage, rules = PLAIN.body }) {
        const values = new Map<string, unknown>(Object.entries(rules.sets));
        const isSet = rules.model === "forced" ||
          (rules.model === "replaced" && model !== undefined);
        if (isSet) values.set("model", forced);
        if (asksUsage && canAsk) {
          const own = isObject(options) ? options : {};
          values.set("stream_options", { ...own, include_usage: true });
        }
        const drops = rules.model === "dropped" ? ["model", ...rules.drops] : rules.drops;
        const kept = members.filter(({ key }) => !drops.includes(key));
        return ENCODER.encode(replace(text, kept, values));
      },
    },
  };
}

/** Members that OpenShell sets, takes out or goes by. */
const FORCED: readonly string[] = [
  "anthropic_version",
  "context_management",
  "model",
  "stream",
  "stream_options",
];

/** As a reader that ignores case compares, with the letters that others become by it. */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the members of the outermost object of a text that is valid JSON. */
function findMembers(text: string): readonly Member[] | null {
  const members: Member[] = [];
  let to = skipSpace(text, 0);
  do {
    const from = to + 1;
    const at = skipSpace(text, from);
    if (text[at] === "}") return members;
    if (members.length === INFERENCE_MEMBERS_MAX) return null;
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    to = skipSpace(text, end);
    members.push({ key, from, start, end, to });
  } while (text[to] === ",");
  return members;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (" \t\r\n".includes(text[at] ?? "x")) at += 1;
  return at;
}

/** Returns the place after a string that begins here. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1);; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
}

function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== "{" && first !== "[") {
    let at = from;
    while (/[^\s,}\]]/.test(text[at] ?? " ")) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = from;; at += 1) {
    const letter = text[at];
    if (letter === '"') at = endOfString(text, at) - 1;
    else if (letter === "{" || letter === "[") depth += 1;
    else if (letter === "}" || letter === "]") depth -= 1;
    if (depth === 0) return at + 1;
  }
}

/** Writes members as they are, with values in the place of theirs, or in front of all. */
function replace(
  text: string,
  members: readonly Member[],
  values: ReadonlyMap<string, unknown>,
): string {
  const missing = [...values].filter(([key]) => !members.some((member) => member.key === key));
  const added = missing.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const kept = members.map(({ key, from, start, end, to }) => {
    const value = values.has(key) ? JSON.stringify(values.get(key)) : text.slice(start, end);
    return text.slice(from, start) + value + text.slice(end, to);
  });
  return `{${[...added, ...kept].join(",")}${text.slice(text.lastIndexOf("}"))}`;
}

function refuse(detail: string): ModelBodyForm {
  return { ok: false, detail };
}
