/**
 * A second reader of HTTP/1.1, which shares no code with ours: llhttp, the parser of Node.js, as
 * strict as it is for Node's own servers.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { HTTPParser } from "node:_http_common";

/** A message as the second parser saw it. */
export interface SeenMessage {
  /** Empty for a response. */
  readonly method: string;
  readonly target: string;
  /** 0 for a request. */
  readonly status: number;
  readonly version: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Its end was there. */
  readonly isComplete: boolean;
}

export interface SeenStream {
  readonly messages: readonly SeenMessage[];
  /** Code of the error that ended it, `null` where all bytes were taken. */
  readonly error: string | null;
}

export interface ReadOptions {
  readonly kind: "requests" | "responses";
  /** A response answers `HEAD`: no body follows. */
  readonly skipsBody?: boolean;
  /** The stream has ended after its bytes. */
  readonly isEnded?: boolean;
}

/** Reads all messages of a stream. */
export function readMessages(bytes: Uint8Array, options: ReadOptions): SeenStream {
  const parser = new SecondParser(options);
  parser.push(bytes);
  if (options.isEnded === true) parser.end();
  return parser.close();
}

/** Reads a stream that comes in pieces. */
export class SecondParser {
  readonly #parser: NodeParser;
  readonly #messages: Draft[] = [];
  #pendingFields: string[] = [];
  #pendingTarget = "";
  #error: string | null = null;

  constructor({ kind, skipsBody = false }: ReadOptions) {
    const Parser: NodeParserClass = HTTPParser;
    const parser = new Parser();
    parser.initialize(kind === "requests" ? Parser.REQUEST : Parser.RESPONSE, {}, 0, 0);
    // Long heads come in parts; trailers come here as well.
    parser[Parser.kOnHeaders] = (fields: string[], target: string) => {
      this.#pendingFields.push(...fields);
      this.#pendingTarget += target;
    };
    parser[Parser.kOnHeadersComplete] = (...head: HeadArguments) => {
      this.#begin(head);
      return skipsBody ? 1 : 0;
    };
    parser[Parser.kOnBody] = (piece: Uint8Array) => {
      this.#messages.at(-1)?.pieces.push(piece.slice());
    };
    parser[Parser.kOnMessageComplete] = () => {
      this.#pendingFields = [];
      this.#pendingTarget = "";
      const message = this.#messages.at(-1);
      if (message !== undefined) message.isComplete = true;
    };
    this.#parser = parser;
  }

  /** Messages that are complete. */
  get completeCount(): number {
    return this.#messages.filter(({ isComplete }) => isComplete).length;
  }

  get error(): string | null {
    return this.#error;
  }

  push(bytes: Uint8Array): void {
    if (this.#error !== null || bytes.length === 0) return;
    this.#check(this.#parser.execute(Buffer.from(bytes)));
  }

  /** The stream has ended. */
  end(): void {
    if (this.#error === null) this.#check(this.#parser.finish());
  }

  close(): SeenStream {
    this.#parser.close();
    const messages = this.#messages.map(({ pieces, ...message }): SeenMessage => ({
      ...message,
      body: Uint8Array.from(Buffer.concat(pieces)),
    }));
    return { messages, error: this.#error };
  }

  #begin([major, minor, fields, method, target, status]: HeadArguments): void {
    const flat = [...this.#pendingFields, ...fields ?? []];
    const whole = this.#pendingTarget + (target ?? "");
    this.#pendingFields = [];
    this.#pendingTarget = "";
    this.#messages.push({
      method: method === undefined || method === null ? "" : METHODS[method] ?? `#${method}`,
      target: whole,
      status: status ?? 0,
      version: `${major}.${minor}`,
      fields: Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]),
      pieces: [],
      isComplete: false,
    });
  }

  #check(result: unknown): void {
    if (result instanceof Error) this.#error = "code" in result ? String(result.code) : "error";
    else if (result === -1) this.#error = "not complete";
  }
}

interface Draft extends Omit<SeenMessage, "body" | "isComplete"> {
  readonly pieces: Uint8Array[];
  isComplete: boolean;
}

type HeadArguments = [
  major: number,
  minor: number,
  fields: string[] | null,
  method: number | null,
  target: string | null,
  status: number | null,
];

/** As much as is used of Node's parser, which has no types. */
interface NodeParser {
  [callback: number]: unknown;
  initialize(kind: number, resource: object, headBytesMax: number, lenient: number): void;
  execute(bytes: Buffer): unknown;
  finish(): unknown;
  close(): void;
}

interface NodeParserClass {
  new (): NodeParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

/** Numbers of llhttp. */
const METHODS: readonly string[] = [
  ..."DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND".split(" "),
  ..."PROPPATCH SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE".split(" "),
  ..."M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK SOURCE".split(" "),
];
