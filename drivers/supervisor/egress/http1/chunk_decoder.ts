/**
 * Takes chunked framing off a body, strictly, from pieces of any size.
 *
 * - A size is 1 to 12 hexadecimal digits and nothing else. **Extensions are refused**, not dropped:
 *   readers disagree on where one ends (quotes, bare LF), no client needs them, and a body whose
 *   framing two readers see differently is the very thing to keep out.
 * - Lines end in CR LF exactly; LF or CR alone is refused.
 * - Trailers are read as strictly as headers and then dropped: they were not judged, so they do not
 *   go on. One that would decide about framing or routing is refused with its body.
 *
 * Pure but for its own state. Bytes of data are copied in bulk, those of framing read one by one.
 *
 * @module
 */

import {
  HTTP_CHUNK_SIZE_DIGITS_MAX,
  HTTP_TRAILER_BYTES_MAX,
} from "../../../../proto/egress_limits.ts";
import { isDecisive, readField } from "./header_fields.ts";
import { BodyRelayError } from "./http1_error.ts";

/** How much one call took from its input and put into its output. */
export interface DecodeStep {
  readonly consumed: number;
  readonly produced: number;
}

type State =
  | "size"
  | "size_line_feed"
  | "data"
  | "data_carriage_return"
  | "data_line_feed"
  | "trailer_start"
  | "trailer"
  | "trailer_line_feed"
  | "last_line_feed"
  | "done";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Reads one chunked body. */
export class ChunkDecoder {
  #state: State = "size";
  #digits = 0;
  #remaining = 0;
  #trailer = "";
  #trailerBytes = 0;
  #hasTrailers = false;

  /** True after the last byte of the body. Nothing beyond it was taken. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** True once a trailer was read. */
  get hasTrailers(): boolean {
    return this.#hasTrailers;
  }

  /**
   * Decodes until the input is used up, the output is full, or the body is over.
   *
   * @throws {BodyRelayError} at the first byte that is not strictly right; the body is lost then.
   */
  decode(input: Uint8Array, into: Uint8Array): DecodeStep {
    let consumed = 0;
    let produced = 0;
    while (consumed < input.length && this.#state !== "done") {
      if (this.#state !== "data") {
        this.#take(input[consumed] ?? 0);
        consumed += 1;
        continue;
      }
      const room = into.length - produced;
      const bytes = Math.min(this.#remaining, input.length - consumed, room);
      if (bytes === 0) break;
      into.set(input.subarray(consumed, consumed + bytes), produced);
      consumed += bytes;
      produced += bytes;
      this.#remaining -= bytes;
      if (this.#remaining === 0) this.#state = "data_carriage_return";
    }
    return { consumed, produced };
  }

  #take(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#takeSize(byte);
      case "size_line_feed":
        return this.#expect(byte, LINE_FEED, this.#remaining === 0 ? "trailer_start" : "data");
      case "data_carriage_return":
        return this.#expect(byte, CARRIAGE_RETURN, "data_line_feed");
      case "data_line_feed":
        this.#digits = 0;
        return this.#expect(byte, LINE_FEED, "size");
      case "trailer_line_feed":
        this.#checkTrailer();
        return this.#expect(byte, LINE_FEED, "trailer_start");
      case "last_line_feed":
        return this.#expect(byte, LINE_FEED, "done");
      default:
        return this.#takeTrailer(byte);
    }
  }

  #takeSize(byte: number): void {
    const digit = hexValue(byte);
    if (digit < 0) {
      if (this.#digits === 0) throw invalid("a chunk has no size in hexadecimal");
      return this.#expect(byte, CARRIAGE_RETURN, "size_line_feed");
    }
    if (this.#digits === HTTP_CHUNK_SIZE_DIGITS_MAX) throw invalid("a chunk's size is too long");
    this.#remaining = (this.#digits === 0 ? 0 : this.#remaining * 16) + digit;
    this.#digits += 1;
  }

  #takeTrailer(byte: number): void {
    this.#trailerBytes += 1;
    if (this.#trailerBytes > HTTP_TRAILER_BYTES_MAX) throw invalid("its trailers are too long");
    if (byte === CARRIAGE_RETURN) {
      this.#state = this.#state === "trailer_start" ? "last_line_feed" : "trailer_line_feed";
      return;
    }
    if (byte === LINE_FEED || byte > 0x7e) throw invalid("a trailer is not a header line");
    this.#trailer += String.fromCharCode(byte);
    this.#state = "trailer";
  }

  #checkTrailer(): void {
    const field = readField(this.#trailer);
    if (!field.ok) throw invalid("a trailer is not a header line");
    if (isDecisive(field.value[0])) throw invalid("a trailer decides about framing or routing");
    this.#trailer = "";
    this.#hasTrailers = true;
  }

  #expect(byte: number, wanted: number, next: State): void {
    if (byte !== wanted) throw invalid("its chunked framing is malformed");
    this.#state = next;
  }
}

/** Returns the value of a hexadecimal digit, or -1. */
function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function invalid(detail: string): BodyRelayError {
  return new BodyRelayError("body_invalid", detail);
}
