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
import type { ProtocolId } from "./protocols.ts";

export interface ModelBody {
  /** The model that was asked for. */
  readonly model: string | null;
  /** The reply is asked for as an event stream. */
  readonly isStream: boolean;
  /** The stream would not say how many tokens were used, but can be asked to. */
  readonly lacksUsage: boolean;
  /** Returns the body with this model; also asking for the use of tokens, or as it was about that. */
  write(model: string, options: { readonly asksUsage: boolean }): Uint8Array;
}

export type ModelBodyForm =
  | { readonly ok: true; readonly body: ModelBody }
  /** One sentence, without anything that was sent. */
  | { readonly ok: false; readonly detail: string };

interface Member {
  readonly key: string;
  /** Of its value. */
  readonly start: number;
  readonly end: number;
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
      write(forced, { asksUsage }) {
        const values = new Map([["model", JSON.stringify(forced)]]);
        if (asksUsage && canAsk) {
          const own = isObject(options) ? options : {};
          values.set("stream_options", JSON.stringify({ ...own, include_usage: true }));
        }
        return ENCODER.encode(replace(text, members, values));
      },
    },
  };
}

/** Members that OpenShell sets or goes by. */
const FORCED: readonly string[] = ["model", "stream", "stream_options"];

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
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text[at] !== "}") {
    if (members.length === INFERENCE_MEMBERS_MAX) return null;
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    members.push({ key, start, end });
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
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

/** Puts values in the place of those that are there, or in front of the others. */
function replace(
  text: string,
  members: readonly Member[],
  values: ReadonlyMap<string, string>,
): string {
  const missing = [...values].filter(([key]) => !members.some((member) => member.key === key));
  const added = missing.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",");
  let at = skipSpace(text, 0) + 1;
  let out = `{${added}${added !== "" && members.length > 0 ? "," : ""}`;
  for (const { key, start, end } of members) {
    const value = values.get(key);
    if (value === undefined) continue;
    out += text.slice(at, start) + value;
    at = end;
  }
  return out + text.slice(at);
}

function refuse(detail: string): ModelBodyForm {
  return { ok: false, detail };
}
