/**
 * The authority of a request: which host and port it names, in its three places.
 *
 * The tunnel's own authority counts. What a request says in `Host` or in an absolute target can
 * only agree with it or be refused; what is sent upstream is made from the tunnel's.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { canonicalHost } from "../../../../policy-wasm/canonical/host.ts";

export type Scheme = "http" | "https";

/** A place, with the host in its canonical spelling (IPv6 without brackets). */
export interface Authority {
  readonly host: string;
  readonly port: number;
}

/** Returns the place that a text names, `null` where it names none or could name two. */
export function parseAuthority(text: string, scheme: Scheme): Authority | null {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text);
  const form = canonicalHost(match?.[1] ?? "");
  if (match === null || !form.ok) return null;
  const port = match[2] === undefined ? defaultPort(scheme) : Number(match[2]);
  return port >= 1 && port <= 65_535 ? { host: form.host, port } : null;
}

/** Returns an authority as `Host` has it: the scheme's default port is left out. */
export function formatAuthority({ host, port }: Authority, scheme: Scheme): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === defaultPort(scheme) ? name : `${name}:${port}`;
}

/**
 * Returns whether a request names the tunnel's place: in `Host`, and in its target where that is
 * absolute. A request of HTTP/1.0 may have no `Host`.
 */
export function namesAuthority(
  head: { readonly host: string | null; readonly target: string },
  scheme: Scheme,
  authority: Authority,
): boolean {
  const absolute = readAbsolute(head.target);
  if (absolute !== null && absolute.scheme !== scheme) return false;
  const named = [head.host, absolute?.authority ?? null];
  return named.every((text) => text === null || isSame(parseAuthority(text, scheme), authority));
}

/** Returns whether an absolute target and `Host` agree. Other targets name no place. */
export function hasSameAuthority(target: string, host: string): boolean {
  const absolute = readAbsolute(target);
  if (absolute === null || absolute.authority === host) return true;
  const fromHost = parseAuthority(host, absolute.scheme);
  return fromHost !== null && isSame(parseAuthority(absolute.authority, absolute.scheme), fromHost);
}

function isSame(named: Authority | null, authority: Authority): boolean {
  return named !== null && named.host === authority.host && named.port === authority.port;
}

function readAbsolute(target: string): { scheme: Scheme; authority: string } | null {
  const match = /^(https?):\/\/([^/?#]*)/i.exec(target);
  if (match === null) return null;
  return {
    scheme: match[1]?.toLowerCase() === "https" ? "https" : "http",
    authority: match[2] ?? "",
  };
}

function defaultPort(scheme: Scheme): number {
  return scheme === "https" ? 443 : 80;
}
