/**
 * Short ways to ask questions in tests.
 *
 * @module
 */

import { parsePolicy } from "../policy-wasm/parse_policy.ts";
import type { Policy } from "../policy-wasm/policy.ts";
import { CodedError } from "../proto/errors.ts";
import type { Subject } from "./input.ts";

/** A policy in a test does not parse. */
export class FixtureError extends CodedError {
  override readonly name = "FixtureError";
  override readonly code = "invalid_argument";
}

/**
 * Parses the rules of a policy, one for each key, as flow or block YAML.
 *
 * @throws {FixtureError}
 */
export function subjectOf(rules: string): Subject {
  const text = `version: 1\nnetwork_policies:\n${rules.replaceAll(/^/gm, "  ")}\n`;
  const parsed = parsePolicy(text);
  const error = parsed.diagnostics.find(({ severity }) => severity === "error");
  if (error === undefined) return parsed;
  throw new FixtureError(`Cannot parse "${rules}": ${error.message} at ${error.path}`);
}

/** Returns a policy that has no text as a subject: nothing can be located in it. */
export function unwritten(policy: Policy): Subject {
  return { policy, locate: () => null };
}

/** One rule, for `curl`, at `api.example.com:443` as REST, with these allow rules. */
export function restRule(key: string, change: {
  readonly host?: string;
  readonly ports?: string;
  readonly binary?: string;
  readonly allow?: string;
  readonly deny?: string;
  readonly more?: string;
}): string {
  const {
    host = "api.example.com",
    ports = "443",
    binary = "/usr/bin/curl",
    allow = "{ method: GET, path: /a/** }",
    deny,
    more = "",
  } = change;
  const allows = allow.split(" | ").map((rule) => `{ allow: ${rule} }`).join(", ");
  const denies = deny === undefined ? "" : `, deny_rules: [${deny.split(" | ").join(", ")}]`;
  const endpoint = `{ host: "${host}", ports: [${ports}], protocol: rest, ` +
    `rules: [${allows}]${denies}${more === "" ? "" : `, ${more}`} }`;
  return `${key}: { endpoints: [${endpoint}], binaries: [{ path: "${binary}" }] }`;
}

/** One rule for unread traffic. */
export function plainRule(key: string, host: string, change: {
  readonly port?: number;
  readonly binary?: string;
  readonly more?: string;
} = {}): string {
  const { port = 443, binary = "/usr/bin/curl", more = "" } = change;
  const rest = more === "" ? "" : `, ${more}`;
  return `${key}: { endpoints: [{ host: "${host}", port: ${port}${rest} }], ` +
    `binaries: [{ path: "${binary}" }] }`;
}
