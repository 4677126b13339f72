/**
 * The policy core: one compiled policy in WebAssembly, asked about callers, connections, requests.
 *
 * Three stages, so that work is done once: a caller is resolved when its process is first seen, a
 * connection when it opens, and each request on it alone. Nothing is kept in WebAssembly between
 * decisions. Whatever goes wrong is a denial.
 *
 * @module
 */

import {
  CELLS_AT,
  CONNECT_CELLS,
  CONNECT_FLAGS,
  DECISION_AUDITED,
  DECISION_DENIED,
  DECISION_ENDPOINT_SHIFT,
  DECISION_REASON,
  FLAG_ENCODED_SLASH,
  FLAG_INSPECTED,
  FLAG_QUERY,
  IMAGE_AT,
  INPUT_AT,
  PATTERN_IDS_AT,
  REQUEST_AT,
} from "./assembly/format.ts";
import { wasmBase64 } from "./build/release.ts";
import type { Decision } from "./decision.ts";
import { Encoder } from "./encoder.ts";
import type { LoadedImage } from "./load_image.ts";
import { ImageError, loadImage } from "./load_image.ts";
import { methodNumber } from "./methods.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "../proto/reason.ts";
import { REASONS } from "../proto/reason.ts";
import type { Caller, Request, Target } from "./request.ts";

/** A caller whose executables were matched against the policy's binaries. */
export interface ResolvedCaller {
  /** Ids of the binary patterns that match; `null` for a caller that cannot be identified. */
  readonly patternIds: readonly number[] | null;
}

/** An open connection: its decision, and what its requests are judged by. */
export interface Connection {
  readonly decision: Decision;
  /** Requests have to be read and judged; otherwise bytes are relayed unread. */
  readonly isInspected: boolean;
  /** Paths are canonicalised with `allowEncodedSlash`. */
  readonly acceptsEncodedSlash: boolean;
  /** Opaque to callers: cells of the image and their joined flags. */
  readonly cells: readonly number[];
  readonly flags: number;
}

interface Core {
  readonly memory: WebAssembly.Memory;
  accepts(): number;
  caller(length: number, ancestors: number): number;
  connect(ids: number, length: number, port: number): number;
  request(cells: number, flags: number): number;
}

/** Bytes of a WebAssembly page. */
const PAGE_BYTES = 64 * 1024;

const NO_CELLS: readonly number[] = [];

/** Evaluates one generation of a policy. Not shared between threads. */
export class Evaluator {
  /** `sha256:` and 64 hex digits. */
  readonly generation: string;
  readonly #image: LoadedImage;
  readonly #core: Core;
  readonly #encoder: Encoder;
  readonly #words: Uint32Array;
  /** Allowed by an endpoint: by its number plus one. */
  readonly #allowed: (Decision | undefined)[];
  /** Other decisions, by the evaluator's word: there are few, and they never change. */
  readonly #decisions = new Map<number, Decision>();

  /**
   * Loads an image. `wasm` is for tests: the evaluator's bytes, the release build by default.
   *
   * @throws {ImageError} The bytes are not an intact image of this version.
   */
  constructor(image: Uint8Array, wasm: Uint8Array<ArrayBuffer> = releaseBuild()) {
    this.#image = loadImage(image);
    this.generation = this.#image.generation;
    this.#allowed = new Array<Decision | undefined>(this.#image.endpoints.length + 1);
    this.#core = instantiate(wasm);
    const { memory } = this.#core;
    const missing = IMAGE_AT + image.length - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    new Uint8Array(memory.buffer).set(image, IMAGE_AT);
    if (this.#core.accepts() === 0) {
      throw new ImageError("the evaluator was built for another version");
    }
    this.#encoder = new Encoder(memory.buffer);
    this.#words = new Uint32Array(memory.buffer, 0, INPUT_AT >> 2);
  }

  /** The policy that the image was compiled from. */
  get policy(): Policy {
    return this.#image.policy;
  }

  /** First stage. The result holds for as long as the process keeps its executable. */
  resolve(caller: Caller): ResolvedCaller {
    const encoded = this.#encoder.caller(caller);
    if (encoded === null) return { patternIds: null };
    let count: number;
    try {
      count = this.#core.caller(encoded.length, encoded.ancestors);
    } catch {
      return { patternIds: null };
    }
    return { patternIds: count < 0 ? null : this.#copy(PATTERN_IDS_AT >> 2, count) };
  }

  /** Second stage. `target.host` is canonical. */
  connect(caller: ResolvedCaller, target: Target): Connection {
    const ids = caller.patternIds;
    if (ids === null) return refused(this.#deny("caller_unknown"));
    const length = this.#encoder.text(target.host);
    if (length <= 0) return refused(this.#deny("invalid_host"));
    const words = this.#words;
    for (let i = 0; i < ids.length; i++) words[(PATTERN_IDS_AT >> 2) + i] = ids[i]!;
    let word: number;
    try {
      word = this.#core.connect(ids.length, length, portOf(target));
    } catch {
      return refused(this.#deny("engine_error"));
    }
    if ((word & DECISION_DENIED) !== 0) return refused(this.#decision(word));
    const count = words[(REQUEST_AT + CONNECT_CELLS) >> 2]!;
    const flags = words[(REQUEST_AT + CONNECT_FLAGS) >> 2]!;
    return {
      decision: this.#decision(word),
      isInspected: (flags & FLAG_INSPECTED) !== 0,
      acceptsEncodedSlash: (flags & FLAG_ENCODED_SLASH) !== 0,
      cells: this.#copy(CELLS_AT >> 2, count),
      flags,
    };
  }

  /** Third stage: one request on an allowed connection, its path canonical. */
  request(connection: Connection, request: Request): Decision {
    const { decision, cells, flags } = connection;
    if (decision.verdict === "deny") return decision;
    const method = methodNumber(request.method);
    if (method === null) return this.#deny("invalid_method");
    const fault = this.#encoder.request(request, method, (flags & FLAG_QUERY) !== 0);
    if (fault !== null) return this.#deny(fault);
    const words = this.#words;
    for (let i = 0; i < cells.length; i++) words[(CELLS_AT >> 2) + i] = cells[i]!;
    let word: number;
    try {
      word = this.#core.request(cells.length, flags);
    } catch {
      return this.#deny("engine_error");
    }
    // Allowed without an endpoint of its own: nothing reads this connection.
    return word === 0 ? decision : this.#decision(word);
  }

  /** Copies words out; for the few that there are, an array takes a tenth of a typed array. */
  #copy(start: number, count: number): number[] {
    const copied = new Array<number>(count);
    for (let i = 0; i < count; i++) copied[i] = this.#words[start + i]!;
    return copied;
  }

  #deny(reason: Reason): Decision {
    return this.#decision(DECISION_DENIED | REASONS.indexOf(reason));
  }

  #decision(word: number): Decision {
    const isPlain = (word & (DECISION_REASON | DECISION_AUDITED | DECISION_DENIED)) === 0;
    if (isPlain) return this.#allowed[word >>> DECISION_ENDPOINT_SHIFT] ??= this.#decode(word);
    let decision = this.#decisions.get(word);
    if (decision === undefined) {
      decision = this.#decode(word);
      this.#decisions.set(word, decision);
    }
    return decision;
  }

  #decode(word: number): Decision {
    const place = this.#image.endpoints[(word >>> DECISION_ENDPOINT_SHIFT) - 1];
    return {
      verdict: (word & DECISION_DENIED) === 0 ? "allow" : "deny",
      audited: (word & DECISION_AUDITED) !== 0,
      rule: place?.rule ?? null,
      endpoint: place?.endpoint ?? null,
      reason: REASONS[word & DECISION_REASON] ?? "engine_error",
      generation: this.generation,
    };
  }
}

/** WebAssembly would wrap a number that is no port into one; 0 is in no policy. */
function portOf({ port }: Target): number {
  return Number.isInteger(port) && port > 0 && port <= 0xffff ? port : 0;
}

function refused(decision: Decision): Connection {
  return { decision, isInspected: false, acceptsEncodedSlash: false, cells: NO_CELLS, flags: 0 };
}

function releaseBuild(): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(wasmBase64);
}

function instantiate(wasm: Uint8Array<ArrayBuffer>): Core {
  const module = new WebAssembly.Module(wasm);
  const abort = () => {
    throw new WebAssembly.RuntimeError("The evaluator stopped");
  };
  return new WebAssembly.Instance(module, { env: { abort } }).exports as unknown as Core;
}
