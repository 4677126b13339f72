/**
 * What one claim means, after its shape was read.
 *
 * @module
 */

import { KNOWN_METHODS } from "../../policy-wasm/methods.ts";
import type { Findings } from "../../policy-wasm/parse/findings.ts";
import { suggest } from "../../policy-wasm/parse/nearest.ts";
import { quote } from "../../policy-wasm/parse/source.ts";
import type { Field } from "../../policy-wasm/parse/tree.ts";
import { checkGlob, checkPathGlob } from "../../policy-wasm/validate/glob.ts";
import { validateHost } from "../../policy-wasm/validate/host.ts";
import { oneOf, type Placed, placed, readable } from "../../policy-wasm/validate/place.ts";
import type { Level } from "../report.ts";
import type { Region } from "../space/member.ts";
import type { Claim } from "./claim.ts";
import type { RawClaim } from "./claim_schema.ts";
import { readPorts } from "./read_ports.ts";

type RawPattern = NonNullable<RawClaim["never"]["value"]>;

const LEVELS: readonly Level[] = ["error", "warning", "note"];

/** Returns the claim, or `undefined` after reporting why there is none. */
export function validateClaim(
  key: string,
  raw: RawClaim,
  findings: Findings,
): Claim | undefined {
  const errors = findings.errorCount;
  if (raw.never.written === raw.always.written) {
    const message = `Claim ${quote(key)} has exactly one of never and always`;
    findings.add("missing_key", raw.at, message);
    return undefined;
  }
  const kind = raw.never.written ? "never" : "always";
  const pattern = raw[kind].value;
  const written = placed(raw.level);
  const level = written === null
    ? "error"
    : oneOf(written, LEVELS, { code: "wrong_type", findings });
  if (pattern === undefined || level === undefined) return undefined;
  if (kind === "always") requireAll(pattern, findings);
  const region = regionOf(pattern, kind === "always", findings);
  const credential = placed(pattern.credential)?.value ?? null;
  if (findings.errorCount > errors) return undefined;
  return { key, kind, region, credential, level, reason: placed(raw.reason)?.value ?? null };
}

/** What always passes has to be said in full: an open end would claim more than anybody means. */
function requireAll(pattern: RawPattern, findings: Findings): void {
  const missing = [
    !pattern.binary.written && "binary",
    !pattern.host.written && "host",
    !pattern.port.written && !pattern.ports.written && "port",
    !pattern.method.written && "method",
    !pattern.path.written && "path",
  ].filter((name) => name !== false);
  if (missing.length > 0) {
    const message = `What always passes needs ${missing.join(", ")} as well`;
    findings.add("missing_key", pattern.at, message);
  }
  if (pattern.credential.written) {
    const message = "A credential cannot be part of what always passes";
    findings.add("field_not_supported", pattern.credential.field, message);
  }
}

function regionOf(pattern: RawPattern, isComplete: boolean, findings: Findings): Region {
  const host = placed(pattern.host);
  const binary = placed(pattern.binary);
  const path = placed(pattern.path);
  const isAnyHost = host === null || host.value === "**";
  if (binary !== null) checkBinary(binary, findings);
  if (path !== null && checkPrefix(path, findings)) {
    checkPathGlob(path, { allowEncodedSlash: true }, findings);
  }
  return {
    host: isAnyHost ? null : validateHost(host, undefined, findings) ?? null,
    ports: readPorts(pattern, "A pattern", findings),
    binary: binary?.value ?? null,
    methods: pattern.method.written ? methodsOf(pattern, findings) : null,
    path: path === null || path.value === "**" ? null : path.value,
    isComplete,
  };
}

function methodsOf(pattern: RawPattern, findings: Findings): readonly string[] | null {
  const items = readable(pattern.method);
  if (pattern.method.value?.length === 0) {
    findings.add("empty_list", pattern.method.field, "method needs at least one method");
  }
  if (items.some(({ value }) => value === "*")) return null;
  return items.flatMap(({ field, value }) => {
    const method = value.toUpperCase();
    if (isRequestMethod(method)) return [method];
    const fix = suggest(method, KNOWN_METHODS);
    findings.add("unknown_method", field, `${quote(value)} is not a request method`, { fix });
    return [];
  });
}

function isRequestMethod(method: string): boolean {
  return KNOWN_METHODS.includes(method) && method !== "CONNECT" && method !== "PRI";
}

function checkBinary(binary: Placed<string>, findings: Findings): void {
  const { field, value } = binary;
  if (!value.startsWith("/") && !/^\*\*(?:\/|$)/.test(value)) {
    findings.add("binary_not_absolute", field, `Binary ${quote(value)} should be an absolute path`);
  } else if (value.includes("*")) {
    checkGlob(binary, "path", findings);
  }
}

function checkPrefix(
  { field, value }: { field: Field; value: string },
  findings: Findings,
): boolean {
  if (value.startsWith("/") || value.startsWith("**")) return true;
  const message = `Path ${quote(value)} should start with / or **`;
  findings.add("rule_path_prefix", field, message, { fix: `/${value}` });
  return false;
}
