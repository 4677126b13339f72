/**
 * How attacks by HTTP/1.1 are tried: bytes inside of TLS with the inspected host.
 *
 * @module
 */

import type { WantedEvent } from "../../support/events.ts";
import type { Attack, Trial } from "../support/attack.ts";
import { ALL_MODES, bytes, pythonTrial, request } from "./scripts.ts";

export const HOST = "api.example.com";

/** The header that each request needs. */
export const H = `Host: ${HOST}\r\n`;

/** A request that no rule allows, with the canary where nothing is recorded. */
export const SMUGGLED = `GET /secret?q=§ HTTP/1.1\r\n${H}X-Text: §\r\n\r\n`;

/** Refused, or closed without a word. */
export const REFUSED =
  /^connect 200\n(HTTP\/1\.1 (400|403|417|426|431|501|505) (?![^]*HTTP\/1\.1 200)[^]*|\s*<\w+>)?$/;

/** Returns a trial that sends bytes inside of TLS with the inspected host; `§` is the canary. */
export function inTunnel(text: string, shows: RegExp): Trial {
  return pythonTrial(`https(${bytes(text)}.replace(b"\\xa7", CANARY.encode()))`, shows);
}

/** A request that is allowed, and the answer of the server. */
export const OPEN: Trial = inTunnel(
  `GET /open/twin?q=§ HTTP/1.1\r\n${H}Connection: close\r\n\r\n`,
  /^connect 200\nHTTP\/1\.1 200 [^]*X-Origin: api\b/,
);

/** The same with a body of known length. */
export const OPEN_LENGTH: Trial = inTunnel(
  `POST /open/in HTTP/1.1\r\n${H}Content-Length: 39\r\nConnection: close\r\n\r\n§x`,
  /^connect 200\nHTTP\/1\.1 200 [^]*"bodyBytes":39/,
);

/** The same with a body in chunks. */
export const OPEN_CHUNKS: Trial = inTunnel(
  `POST /open/in HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n` +
    "26\r\n§\r\n1\r\nx\r\n0\r\n\r\n",
  /^connect 200\nHTTP\/1\.1 200 [^]*"bodyBytes":39/,
);

/** Two requests at once, both allowed. */
export const OPEN_TWICE: Trial = inTunnel(
  `GET /open/one HTTP/1.1\r\n${H}\r\nGET /open/two?q=§ HTTP/1.1\r\n${H}Connection: close\r\n\r\n`,
  /^connect 200\nHTTP\/1\.1 200 [^]*HTTP\/1\.1 200 [^]*open\/two/,
);

/** An attack in short: one connection, one text. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly sends: string;
  /** `invalid_request` by default. */
  readonly reason?: string;
  readonly event?: Partial<WantedEvent>;
  /** `REFUSED` by default. */
  readonly shows?: RegExp;
  /** `OPEN` by default. */
  readonly twin?: Trial;
  readonly isAuditable?: true;
}

/** Returns the attack of a case. */
export function httpAttack(
  { id, title, sends, shows = REFUSED, twin = OPEN, reason = "invalid_request", ...more }: Case,
): Attack {
  return {
    id,
    title,
    area: "http",
    modes: ALL_MODES,
    attack: inTunnel(sends, shows),
    twin,
    event: request(HOST, 443, more.event?.verdict === "allowed" ? undefined : reason, more.event),
    ...more.isAuditable && { isAuditable: true },
  };
}
