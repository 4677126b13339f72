/**
 * What origins record, and how the harness asks for it: one JSON document a line.
 *
 * @module
 */

/** What listens, and where. */
export interface OriginSpec {
  /** Unique among the origins of one process. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /**
   * `http` answers requests: see `answer.ts`. `echo` sends every byte back. `silent` records and
   * says nothing.
   */
  readonly kind: "http" | "echo" | "silent";
  /** Files of the certificate; absent is plain text. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
}

/** One request as the origin read it. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** In the order and spelling of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes as text, one character a byte; without the framing of chunks. */
  readonly body: string;
  readonly bodyBytes: number;
}

/** One connection to an origin. */
export interface RecordedConnection {
  readonly origin: string;
  /** Every byte received, one character a byte, after TLS; at most `RECORDED_BYTES_MAX`. */
  readonly received: string;
  readonly bytes: number;
  readonly requests: readonly RecordedRequest[];
  readonly closed: boolean;
}

/** Of one connection; what comes after is counted, not kept. */
export const RECORDED_BYTES_MAX = 256 * 1024;

/** What the harness asks of the process that holds the origins. */
export type OriginCommand = "recordings" | "clear" | "end";

/** What it says: `null` where there is nothing to say. */
export type OriginReply = readonly RecordedConnection[] | null;
