/**
 * Attacks by HTTP/1.1 itself: framing, heads, methods and paths.
 *
 * @module
 */

import type { WantedEvent } from "../../support/events.ts";
import type { Attack, Trial } from "../support/attack.ts";
import { ALL_MODES, bytes, pythonTrial, request } from "./scripts.ts";

const HOST = "api.example.com";

/** Returns a trial that sends bytes inside of TLS with the inspected host; `§` is the canary. */
export function inTunnel(text: string, shows: RegExp): Trial {
  return pythonTrial(`https(${bytes(text)}.replace(b"\\xa7", CANARY.encode()))`, shows);
}

/** What a benign request shows: the answer of the server. */
export const OPEN: Trial = inTunnel(
  `GET /open/twin?q=§ HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
  /^connect 200\nHTTP\/1\.1 200 [^]*X-Origin: api\b/,
);

/** What a benign request with a body shows. */
export const OPEN_POST: Trial = inTunnel(
  `POST /open/in HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 39\r\nConnection: close\r\n\r\n§x`,
  /^connect 200\nHTTP\/1\.1 200 [^]*"bodyBytes":39/,
);

/** Refused, or closed without a word. */
const REFUSED = /^connect 200\n(HTTP\/1\.1 (400|403|417|431|501|505) [^]*|<\w+>)?$/;

interface Case {
  readonly id: string;
  readonly title: string;
  readonly sends: string;
  readonly reason?: string;
  readonly event?: Partial<WantedEvent>;
  readonly shows?: RegExp;
  readonly twin?: Trial;
  readonly isAuditable?: true;
}

function attackOf(area: Attack["area"], each: Case): Attack {
  const { id, title, sends, shows = REFUSED, twin = OPEN, isAuditable } = each;
  return {
    id,
    title,
    area,
    modes: ALL_MODES,
    attack: inTunnel(sends, shows),
    twin,
    event: request(HOST, 443, each.reason ?? "invalid_request", each.event),
    ...isAuditable && { isAuditable },
  };
}

const H = `Host: ${HOST}\r\n`;

const FRAMING: readonly Case[] = [
  {
    id: "http-cl-te",
    title: "Content-Length and Transfer-Encoding",
    sends: `POST /open/in HTTP/1.1\r\n${H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n` +
      `0\r\n\r\nGET /secret HTTP/1.1\r\nX: §\r\n\r\n`,
    twin: OPEN_POST,
  },
];

export const HTTP_ATTACKS: readonly Attack[] = FRAMING.map((each) => attackOf("http", each));
