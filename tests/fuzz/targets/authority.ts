/**
 * The places that `CONNECT`, an absolute target and `Host` name: one place each, the one that a URL
 * parser finds too.
 *
 * @module
 */

import assert from "node:assert/strict";
import { canonicalHost } from "../../../policy-wasm/canonical/host.ts";
import { parseConnectTarget } from "../../../drivers/supervisor/egress/connect_adapter.ts";
import { parseAbsoluteTarget } from "../../../drivers/supervisor/egress/forward_adapter.ts";
import {
  type Authority,
  formatAuthority,
  hasSameAuthority,
  namesAuthority,
  parseAuthority,
} from "../../../drivers/supervisor/egress/http1/authority.ts";
import { mutate } from "../mutate.ts";
import { anyHost, HOST_WORDS } from "../support/hosts.ts";
import { latin1Bytes, latin1Text, type Target } from "../target.ts";

const WORDS = [...HOST_WORDS, ":", ":80", ":443", ":0", ":65536", "@", "/", "//", "?", "#", "\\"];

export const AUTHORITY: Target = {
  name: "authority",
  holds: "a target names one place, the one that a URL parser finds",
  iterations: 8_000,
  generate: (chance) => {
    const scheme = chance.of(["", "", "http://", "http://", "HTTP://", "https://", "ftp://"]);
    const path = scheme === ""
      ? ""
      : chance.of(["", "/", "/a?b", "?b", "/@other", "/http://other"]);
    const port = chance.of(["", ":443", ":80", ":8080", ":00443", ":0", ":99999", ":"]);
    const input = latin1Bytes(`${scheme}${anyHost(chance)}${port}${path}`);
    return chance.once(3) ? input : mutate(input, chance, { words: WORDS });
  },
  check: (input) => {
    const text = latin1Text(input);
    checkConnect(text);
    checkAbsolute(text);
    checkHost(text);
  },
};

function checkConnect(text: string): void {
  const place = parseConnectTarget(text);
  if (place === null) return;
  const form = canonicalHost(place.host);
  if (form.ok) checkUrl(`http://${text}/`, { host: form.host, port: place.port });
}

function checkAbsolute(text: string): void {
  const place = parseAbsoluteTarget(text);
  if ("status" in place) return;
  const form = canonicalHost(place.host);
  if (!form.ok) return;
  const authority = { host: form.host, port: place.port };
  checkUrl(text, authority);
  // What is judged by its target is what the target's own name for itself is.
  assert.ok(namesAuthority({ host: null, target: text }, "http", authority), "two readings of one");
  const other = { ...authority, host: "another.example" };
  assert.equal(namesAuthority({ host: null, target: text }, "http", other), false);
}

function checkHost(text: string): void {
  for (const scheme of ["http", "https"] as const) {
    const authority = parseAuthority(text, scheme);
    if (authority === null) continue;
    const formatted = formatAuthority(authority, scheme);
    assert.deepEqual(parseAuthority(formatted, scheme), authority, "it does not come back");
    checkUrl(`${scheme}://${text}/`, authority);
    assert.ok(hasSameAuthority(`${scheme}://${formatted}/x`, text), "Host and target disagree");
  }
}

/** A URL parser may refuse it, but may not find another place. */
function checkUrl(text: string, { host, port }: Authority): void {
  const url = URL.parse(text);
  if (url === null) return;
  const form = canonicalHost(url.hostname);
  assert.ok(form.ok, `a URL parser finds the host ${url.hostname}`);
  const defaultPort = url.protocol === "https:" ? 443 : 80;
  const found = { host: form.host, port: url.port === "" ? defaultPort : Number(url.port) };
  assert.deepEqual(found, { host, port }, "a URL parser finds another place");
}
