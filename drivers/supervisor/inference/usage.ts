/**
 * How many tokens a call used, read from its reply as that passes by.
 *
 * Replies of the OpenAI and the Anthropic kind, as one JSON value or as an event stream; AWS says it
 * in the head, whatever the model answers. Where a
 * reply says nothing, or was not read to its end, the use is estimated: a caller that leaves early
 * must not be served for nothing.
 *
 * @module
 */

import {
  INFERENCE_BYTES_PER_TOKEN,
  INFERENCE_METERED_BYTES_MAX,
} from "../../../proto/inference_limits.ts";
import { type HeaderField, valuesOf } from "../egress/http1/header_fields.ts";

export interface TokenUsage {
  readonly input: number;
  readonly output: number;
  /** True where the backend did not say. */
  readonly isEstimated: boolean;
}

export type ReplyForm = "events" | "json" | "opaque";

const UTF8 = new TextDecoder();
const LINE_FEED = 0x0a;

/** Reads one reply. */
export class UsageMeter {
  readonly #form: ReplyForm;
  #bytes = 0;
  #events = 0;
  #input: number | null = null;
  #output: number | null = null;
  #isWhole = false;
  /** What is not read yet: of a line, or of all. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isSkipping = false;

  constructor(form: ReplyForm) {
    this.#form = form;
  }

  /** Reads what the head of the reply says. */
  takeHead(fields: readonly HeaderField[]): void {
    this.#input = larger(this.#input, countIn(fields, "x-amzn-bedrock-input-token-count"));
    this.#output = larger(this.#output, countIn(fields, "x-amzn-bedrock-output-token-count"));
  }

  push(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#form === "json") return this.#hold(piece);
    if (this.#form === "opaque") return;
    let start = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      this.#hold(piece.subarray(start, end));
      if (!this.#isSkipping) this.#takeLine(this.#release());
      this.#drop();
      start = end + 1;
    }
    this.#hold(piece.subarray(start));
  }

  /** The reply came whole. */
  end(): void {
    if (!this.#isSkipping && this.#form === "json") this.#takeValue(this.#release());
    this.#drop();
    this.#isWhole = true;
  }

  /** Returns what was used, by a call whose body had so many bytes. */
  usage(requestBytes: number): TokenUsage {
    const isCounted = this.#input !== null && this.#output !== null && this.#isWhole;
    const replied = this.#form === "events"
      ? this.#events
      : Math.ceil(this.#bytes / INFERENCE_BYTES_PER_TOKEN);
    return {
      input: this.#input ?? Math.ceil(requestBytes / INFERENCE_BYTES_PER_TOKEN),
      output: isCounted ? this.#output ?? 0 : Math.max(this.#output ?? 0, replied),
      isEstimated: !isCounted,
    };
  }

  #hold(piece: Uint8Array): void {
    if (this.#isSkipping || piece.length === 0) return;
    this.#heldBytes += piece.length;
    if (this.#heldBytes > INFERENCE_METERED_BYTES_MAX) {
      this.#drop();
      this.#isSkipping = true;
    } else this.#held.push(piece.slice());
  }

  #release(): string {
    let text = "";
    for (const piece of this.#held) text += UTF8.decode(piece, { stream: true });
    return text + UTF8.decode();
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#isSkipping = false;
  }

  #takeLine(line: string): void {
    if (!line.startsWith("data:")) return;
    this.#events += 1;
    if (/"usage"\s*:\s*\{/.test(line)) this.#takeValue(line.slice("data:".length));
  }

  #takeValue(text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return;
    }
    const usage = findUsage(value);
    if (usage === null) return;
    // A stream counts up; its first event may say nothing yet.
    this.#input = larger(this.#input, usage.input);
    this.#output = larger(this.#output, usage.output);
  }
}

/** Finds the counts in a reply, or in one event of a stream. */
export function findUsage(
  value: unknown,
): { readonly input: number | null; readonly output: number | null } | null {
  if (!isObject(value)) return null;
  const places = [value, value["response"], value["message"]];
  const usage = places.map((place) => isObject(place) ? place["usage"] : undefined).find(isObject);
  if (usage === undefined) return null;
  const prompt = count(usage["prompt_tokens"]);
  const input = count(usage["input_tokens"]);
  const cached = (count(usage["cache_creation_input_tokens"]) ?? 0) +
    (count(usage["cache_read_input_tokens"]) ?? 0);
  const output = count(usage["completion_tokens"]) ?? count(usage["output_tokens"]);
  const isEmbedding = prompt !== null && output === null && count(usage["total_tokens"]) !== null;
  return {
    input: prompt ?? (input === null ? null : input + cached),
    output: isEmbedding ? 0 : output,
  };
}

function countIn(fields: readonly HeaderField[], name: string): number | null {
  const [value = ""] = valuesOf(fields, name);
  return /^[0-9]+$/.test(value) ? count(Number(value)) : null;
}

function larger(one: number | null, other: number | null): number | null {
  return one === null || other === null ? one ?? other : Math.max(one, other);
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
