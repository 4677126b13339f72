/**
 * The whole proxy: host, port, method, path and body of what the origin sees are those that were
 * judged and recorded, and nothing that was denied gets there.
 *
 * @module
 */

import { clientHello } from "../../../drivers/supervisor/egress/pipeline_fixture.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { checkRecording } from "../support/check_recording.ts";
import { anyRequest, HTTP_WORDS } from "../support/http_messages.ts";
import { policyInForce, recordStream } from "../support/recorded_proxy.ts";
import { chanceOf, concat, latin1Bytes, split, type Target } from "../target.ts";

const GENERATIONS = policyInForce();

export const PROXY: Target = {
  name: "proxy",
  holds: "an origin sees the requests that were judged and recorded, and no other",
  iterations: 500,
  generate: (chance) => {
    const input = anyStream(chance);
    if (chance.once(4)) return input;
    return mutate(input, chance, { words: WORDS, other: anyStream(chance) });
  },
  check: async (input) => {
    const chance = chanceOf(input);
    const pieces = chance.once(2) ? [input] : split(input, chance);
    checkRecording(await recordStream(pieces, GENERATIONS), input);
  },
};

const HOSTS = ["api.example.com", "api.example.com", "slash.example.com", "raw.example.com"];
const SPELLINGS = ["API.example.com", "other.example.com", "127.0.0.1", "[::1]", "0x7f.1"];

const WORDS = [
  ...HTTP_WORDS,
  ...HOSTS,
  ...SPELLINGS,
  "CONNECT slash.example.com:443 HTTP/1.1\r\nHost: slash.example.com:443\r\n\r\n",
  ":80",
  ":8080",
  ":443",
];

/** All that a program sends on one connection, as if it needed no answers. */
function anyStream(chance: Chance): Uint8Array {
  const host = chance.once(12) ? chance.of(SPELLINGS) : chance.of(HOSTS);
  const port = chance.of([443, 443, 80, 8080]);
  if (chance.once(4)) return anyForward(chance, host, port);
  const isTls = chance.once(3);
  const isDefault = port === (isTls ? 443 : 80);
  const authority = isDefault ? host : `${host}:${port}`;
  const origin = `${isTls ? "https" : "http"}://${authority}`;
  const connect = `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`;
  const requests = chance.some(1, 4, () => anyRequest(chance, { host: authority, origin }));
  return concat(
    latin1Bytes(connect),
    isTls ? clientHello(chance.once(10) ? "other.example.com" : host) : new Uint8Array(0),
    latin1Bytes(requests.join("")),
  );
}

function anyForward(chance: Chance, host: string, port: number): Uint8Array {
  const authority = port === 80 ? host : `${host}:${port}`;
  const options = { host: authority, origin: `http://${authority}`, isAbsolute: true };
  return latin1Bytes(chance.some(1, 2, () => anyRequest(chance, options)).join(""));
}
