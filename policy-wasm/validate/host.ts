/**
 * Hosts of endpoints: an exact name, an IP literal, or a pattern.
 *
 * Judged over the characters that are written; a URL library only helps to word a fix.
 *
 * @module
 */

import { domainToASCII } from "node:url";
import { HOST_BYTES_MAX } from "../../proto/limits.ts";
import { canonicalHost } from "../canonical/host.ts";
import { isRefusedHostName } from "../destination.ts";
import type { Findings } from "../parse/findings.ts";
import { quote } from "../parse/source.ts";
import { toFlow } from "../parse/tree.ts";
import type { Protocol } from "../policy.ts";
import { wildPublicSuffix } from "../public_suffix.ts";
import type { Placed } from "./place.ts";

/** Returns the canonical host or pattern of an endpoint, or `undefined` after reporting it. */
export function validateHost(
  host: Placed<string>,
  protocol: Protocol | undefined,
  findings: Findings,
): string | undefined {
  const fault = spellingFault(host.value) ??
    (host.value.includes("*") ? patternFault(host.value.toLowerCase()) : exactFault(host.value));
  if (fault !== null) {
    findings.add(fault.code, host.field, fault.message, { fix: fault.fix ?? null });
    return undefined;
  }
  if (host.value.includes("*")) {
    warnPattern(host, protocol, findings);
    return host.value.toLowerCase();
  }
  const form = canonicalHost(host.value);
  if (!form.ok) return undefined;
  if (protocol !== "tcp" || form.kind === "name") return form.host;
  const message = "A tcp endpoint needs a DNS name, which the sandbox resolves, not an address";
  findings.add("tcp_host_not_name", host.field, message);
  return undefined;
}

interface Fault {
  readonly code:
    | "invalid_host"
    | "host_not_ascii"
    | "host_trailing_dot"
    | "host_pattern_token"
    | "host_wildcard_position"
    | "host_wildcard_too_broad"
    | "host_ip_pattern"
    | "host_never_reachable";
  readonly message: string;
  readonly fix?: string | null;
}

const PLAIN = { kind: "scalar", quoted: false, start: 0, end: 0 } as const;

/** Finds what neither a name nor a pattern may hold. */
function spellingFault(host: string): Fault | null {
  const bare = host.replace(/^[\u2018-\u201f\u00ab\u00bb]+|[\u2018-\u201f\u00ab\u00bb]+$/g, "");
  if (bare !== host) {
    const message = `Host ${quote(host)} stands in typographic quotes, which YAML takes as text`;
    const fix = /^[\w.*-]+$/.test(bare) ? toFlow({ ...PLAIN, text: bare }) : null;
    return { code: "host_not_ascii", message, fix };
  }
  if (/[^\0-\x7f]/.test(host)) {
    const message = `Host ${quote(host)} is not ASCII; write the name that DNS knows it by`;
    const fix = host.length <= HOST_BYTES_MAX ? domainToASCII(host) || null : null;
    return { code: "host_not_ascii", message, fix };
  }
  const url = /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^/@]*@)?([^/:?#]+)/i.exec(host) ??
    /^([^/:]+)\//.exec(host);
  if (url !== null) {
    const message = `Host ${quote(host)} is a URL, should be the host name alone`;
    return { code: "invalid_host", message, fix: url[1]! };
  }
  const withPort = /^([^:]+|\[[0-9a-f:.]+\]):([0-9]{1,5})$/i.exec(host);
  if (withPort !== null) {
    const message = `Host ${quote(host)} holds a port, which has a key of its own`;
    return { code: "invalid_host", message, fix: `host: ${withPort[1]}, port: ${withPort[2]}` };
  }
  if (/[?[\]{}\\]/.test(host)) {
    const form = canonicalHost(host);
    const message = `Host ${
      quote(host)
    } holds a character that hosts do not have; * is the only one`;
    return { code: "host_pattern_token", message, fix: form.ok ? form.host : null };
  }
  if (!host.endsWith(".")) return null;
  const fix = host.replace(/\.+$/, "") || null;
  return { code: "host_trailing_dot", message: `Host ${quote(host)} ends in a dot`, fix };
}

function exactFault(host: string): Fault | null {
  const form = canonicalHost(host);
  if (!form.ok) return { code: "invalid_host", message: `${form.detail}: ${quote(host)}` };
  if (!isRefusedHostName(form.host)) return null;
  const message = `Host ${
    quote(host)
  } is this machine or a metadata service, which no sandbox may reach`;
  return { code: "host_never_reachable", message };
}

function patternFault(pattern: string): Fault | null {
  const labels = pattern.split(".");
  const shown = quote(pattern);
  if (/[0-9]/.test(pattern) && labels.every((label) => /^[0-9*]+$/.test(label))) {
    const message = `Host ${shown} is a range of addresses as text; ranges go into allowed_ips`;
    return { code: "host_ip_pattern", message, fix: addressRange(labels) };
  }
  if (labels.length < 3 || labels.slice(-2).some((label) => label.includes("*"))) {
    const message = `Host ${shown} is too broad; its two last labels have to be without *`;
    return { code: "host_wildcard_too_broad", message };
  }
  for (const [index, label] of labels.entries()) {
    const isFine = index === 0 ? label === "**" || !label.includes("**") : label === "*";
    if (!label.includes("*") || isFine) continue;
    const message = label.includes("**")
      ? `Host ${shown} may have ** as its whole first label only`
      : `Host ${shown} may have * inside the first label or as a whole label only`;
    return { code: "host_wildcard_position", message };
  }
  if (pattern.length > HOST_BYTES_MAX) {
    return { code: "invalid_host", message: `Host pattern is longer than ${HOST_BYTES_MAX} bytes` };
  }
  const example = canonicalHost(pattern.replaceAll(/\*+/g, "a"));
  if (example.ok) return null;
  return { code: "invalid_host", message: `${example.detail}: ${shown}` };
}

function warnPattern(
  { field, value }: Placed<string>,
  protocol: Protocol | undefined,
  findings: Findings,
): void {
  const suffix = wildPublicSuffix(value.toLowerCase());
  if (suffix !== null) {
    const message = `Anybody can register a name under ${suffix}; name the hosts that are meant`;
    findings.add("public_suffix_wildcard", field, message);
  }
  if (protocol === "tcp") {
    const message = "A wildcard lets data leave in the names that a tcp endpoint resolves";
    findings.add("wildcard_tcp_host", field, message);
  }
}

/** Returns `allowed_ips` for `10.0.0.*`, where the wild labels come last. */
function addressRange(labels: readonly string[]): string | null {
  const literal = labels.findIndex((label) => label === "*");
  if (labels.length !== 4 || literal < 1 || labels.slice(literal).some((l) => l !== "*")) {
    return null;
  }
  const base = labels.map((label) => label === "*" ? "0" : label).join(".");
  return `allowed_ips: [${base}/${literal * 8}]`;
}
