/**
 * Reads a TLS ClientHello: the host that a program names before anything is encrypted.
 *
 * What the program reads out of the same bytes has to be the same host, so everything that two
 * readers could read differently is refused: lengths that do not add up, bytes left over, an
 * extension twice, several names, a name that is no canonical host.
 *
 * Pure: no I/O, no module state. Bounded by `CLIENT_HELLO_BYTES_MAX`.
 *
 * @module
 */

import { canonicalHost } from "../../../../policy-wasm/canonical/host.ts";
import { CLIENT_HELLO_BYTES_MAX } from "../../../../proto/egress_limits.ts";

/** What the first bytes of a connection are. */
export type ClientHello =
  /** They may become a hello. */
  | { readonly kind: "need_more" }
  /** They never become TLS: another protocol. */
  | { readonly kind: "not_tls" }
  /** They are TLS, or pretend to be, and are refused. */
  | { readonly kind: "malformed"; readonly detail: string }
  | {
    readonly kind: "hello";
    /** Canonical, as policies write it; `null` where the program named none. */
    readonly serverName: string | null;
    /** Protocols that the program offers, in its order, byte for byte as Latin-1. */
    readonly alpn: readonly string[];
  };

/** Returns what the bytes are that a program has sent so far, from the very first one on. */
export function parseClientHello(bytes: Uint8Array): ClientHello {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return { kind: "not_tls" };
  if (bytes.length > 1 && bytes[1] !== VERSION_MAJOR) return { kind: "not_tls" };
  try {
    const message = collectMessage(bytes);
    return message === null ? { kind: "need_more" } : readHello(message);
  } catch (error) {
    if (error instanceof MalformedHello) return { kind: "malformed", detail: error.detail };
    throw error;
  }
}

const HANDSHAKE_RECORD = 22;
const VERSION_MAJOR = 3;
const VERSION_MINOR_MAX = 4;
const RECORD_HEADER_BYTES = 5;
const HELLO_MESSAGE = 1;
const MESSAGE_HEADER_BYTES = 4;
const RANDOM_BYTES = 32;
const SESSION_ID_BYTES_MAX = 32;
const SERVER_NAME = 0;
const ALPN = 16;
const HOST_NAME = 0;

/** Leads from where a fault is found to `parseClientHello`, which returns it as data. */
class MalformedHello {
  constructor(readonly detail: string) {}
}

/**
 * Puts the message together from the records that carry it: without their heads, and without its
 * own. `null` where bytes are missing. What is in later records is not looked at.
 */
function collectMessage(bytes: Uint8Array): Reader | null {
  const message = new Uint8Array(Math.min(bytes.length, CLIENT_HELLO_BYTES_MAX));
  let size = 0;
  for (let at = 0;;) {
    const header = bytes.subarray(at, at + RECORD_HEADER_BYTES);
    checkRecordHeader(header);
    if (header.length < RECORD_HEADER_BYTES) return null;
    const length = header[3]! * 256 + header[4]!;
    if (length === 0) fail("a record is empty");
    at += RECORD_HEADER_BYTES;
    if (at + length > CLIENT_HELLO_BYTES_MAX) fail(TOO_LONG);
    const fragment = bytes.subarray(at, at + length);
    message.set(fragment, size);
    const wanted = messageLength(message.subarray(0, size + fragment.length));
    if (wanted !== null && size + length > wanted) fail("something follows it in its record");
    if (fragment.length < length) return null;
    size += length;
    at += length;
    if (size === wanted) return new Reader(message.subarray(MESSAGE_HEADER_BYTES, size));
  }
}

/** Checks as much of a record's head as is there. */
function checkRecordHeader(header: Uint8Array): void {
  const [type = HANDSHAKE_RECORD, major = VERSION_MAJOR, minor = VERSION_MINOR_MAX] = header;
  if (type !== HANDSHAKE_RECORD) fail("a record of another kind comes before its end");
  if (major !== VERSION_MAJOR || minor > VERSION_MINOR_MAX) fail("a record has no version of TLS");
}

/** Returns how long the message is with its head, or `null` while that is not known. */
function messageLength(message: Uint8Array): number | null {
  if (message.length > 0 && message[0] !== HELLO_MESSAGE) fail("it is not a ClientHello");
  if (message.length < MESSAGE_HEADER_BYTES) return null;
  const body = (message[1]! * 256 + message[2]!) * 256 + message[3]!;
  if (body > CLIENT_HELLO_BYTES_MAX) fail(TOO_LONG);
  return MESSAGE_HEADER_BYTES + body;
}

function readHello(hello: Reader): ClientHello {
  const version = hello.take(2, "the version");
  if (version[0] !== VERSION_MAJOR || version[1]! > VERSION_MINOR_MAX) fail("it has no version");
  hello.take(RANDOM_BYTES, "the random bytes");
  const sessionId = hello.takeVector(1, "the session");
  if (sessionId.left > SESSION_ID_BYTES_MAX) fail("the session is too long");
  const ciphers = hello.takeVector(2, "the ciphers");
  if (ciphers.left < 2 || ciphers.left % 2 !== 0) fail("the ciphers are no list");
  if (hello.takeVector(1, "the compressions").left < 1) fail("the compressions are no list");
  const none = { kind: "hello", serverName: null, alpn: [] } as const;
  if (hello.left === 0) return none;
  const extensions = hello.takeVector(2, "the extensions");
  hello.expectEnd("the message");
  return readExtensions(extensions);
}

function readExtensions(extensions: Reader): ClientHello {
  const seen = new Set<number>();
  let serverName: string | null = null;
  let alpn: readonly string[] = [];
  while (extensions.left > 0) {
    const type = extensions.takeNumber(2, "an extension");
    const content = extensions.takeVector(2, "an extension");
    if (seen.has(type)) fail("an extension comes twice");
    seen.add(type);
    if (type === SERVER_NAME) serverName = readServerName(content);
    if (type === ALPN) alpn = readAlpn(content);
  }
  return { kind: "hello", serverName, alpn };
}

function readServerName(content: Reader): string {
  const names = content.takeVector(2, "the server names");
  content.expectEnd("the server names");
  if (names.takeNumber(1, "a server name") !== HOST_NAME) fail("a server name is of another kind");
  const name = names.takeVector(2, "a server name");
  if (names.left > 0) fail("it has more than one server name");
  const form = canonicalHost(name.rest());
  return form.ok ? form.host : fail(`the server name is not a host: ${form.detail}`);
}

function readAlpn(content: Reader): readonly string[] {
  const protocols = content.takeVector(2, "the protocols");
  content.expectEnd("the protocols");
  if (protocols.left === 0) fail("the protocols are no list");
  const names: string[] = [];
  while (protocols.left > 0) {
    const name = protocols.takeVector(1, "a protocol").rest();
    if (name.length === 0) fail("a protocol has no name");
    names.push(LATIN1.decode(name));
  }
  return names;
}

const LATIN1 = new TextDecoder("latin1");
const TOO_LONG = `it is longer than ${CLIENT_HELLO_BYTES_MAX} bytes`;

/** Takes one part after another from the front. A part that is not there in full is a fault. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number, what: string): Uint8Array {
    if (length > this.left) fail(`it is cut off within ${what}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Uint8Array {
    return this.take(this.left, "the rest");
  }

  takeNumber(bytes: number, what: string): number {
    return this.take(bytes, what).reduce((number, byte) => number * 256 + byte, 0);
  }

  /** Takes a part that has its length in front of it, in so many bytes. */
  takeVector(lengthBytes: number, what: string): Reader {
    return new Reader(this.take(this.takeNumber(lengthBytes, what), what));
  }

  expectEnd(what: string): void {
    if (this.left > 0) fail(`bytes are left over within ${what}`);
  }
}

function fail(detail: string): never {
  throw new MalformedHello(detail);
}
