/**
 * Policy documents as the gateway takes, names and compares them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { parse } from "yaml";
import { checkPolicy } from "../../policy-wasm/check_policy.ts";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import { renderDiagnostic } from "../../policy-wasm/render_diagnostic.ts";
import { policyDocumentFromWire, policyDocumentToWire } from "../../policy-wasm/wire.ts";
import { CodedError, type ErrorCode } from "../../proto/errors.ts";
import type { SandboxPolicy } from "../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import { ANSWERED_DIAGNOSTICS_MAX, POLICY_NODES_MAX } from "../../proto/limits.ts";

/** A document is no valid policy. What is wrong with it, and where, is in the message. */
export class InvalidPolicyError extends CodedError {
  override readonly name = "InvalidPolicyError";
  override readonly code = "invalid_argument";

  constructor(errors: number, rendered: string) {
    super(
      `Cannot use the policy: it has ${errors === 1 ? "1 error" : `${errors} errors`}\n${rendered}`,
      {
        hint: 'Run "openshell policy check" on the file',
      },
    );
  }
}

/** A policy may not become the one in force. */
export class PolicyRefusedError extends CodedError {
  override readonly name = "PolicyRefusedError";

  constructor(override readonly code: ErrorCode, detail: string, hint?: string) {
    super(`Cannot change the policy: ${detail}`, hint === undefined ? {} : { hint });
  }
}

/** A document that a sandbox can load. */
export interface CheckedDocument {
  readonly text: string;
  readonly policy: Policy;
  /** `sha256:` and 64 hex digits. Names what the policy says, however it is written. */
  readonly hash: string;
}

/** Checks all that can be checked without running it. @throws {InvalidPolicyError} */
export function checkDocument(document: Uint8Array): CheckedDocument {
  const { policy, image, diagnostics, source } = checkPolicy(document);
  if (policy !== null && image !== null) {
    return { text: new TextDecoder().decode(document), policy, hash: hashPolicy(policy) };
  }
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const rendered = errors
    .slice(0, ANSWERED_DIAGNOSTICS_MAX)
    .map((diagnostic) => renderDiagnostic(diagnostic, source, { file: "policy" }).trimEnd())
    .join("\n");
  throw new InvalidPolicyError(errors.length, rendered);
}

/** Returns the document of a message, as JSON. @throws {PolicyWireError} */
export function documentFromWire(message: SandboxPolicy): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(policyDocumentFromWire(message)));
}

/** Returns the message of a document that was checked. */
export function documentToWire(text: string): SandboxPolicy {
  return policyDocumentToWire(parse(text, { maxAliasCount: POLICY_NODES_MAX, logLevel: "silent" }));
}

/**
 * Returns the document with the static sections that it leaves out taken from an earlier one: what
 * nobody wrote is not a wish to change it. A document that cannot be read comes back as it is.
 */
export function withStaticSections(document: Uint8Array, beforeText: string): Uint8Array {
  const sections = readSections(new TextDecoder().decode(document));
  const before = readSections(beforeText);
  if (sections === null || before === null) return document;
  const missing = STATIC_SECTIONS.map(([name]) => name)
    .filter((name) => !Object.hasOwn(sections, name) && Object.hasOwn(before, name));
  if (missing.length === 0) return document;
  const inherited = Object.fromEntries(missing.map((name) => [name, before[name]]));
  return new TextEncoder().encode(JSON.stringify({ ...sections, ...inherited }));
}

function readSections(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = parse(text, { maxAliasCount: POLICY_NODES_MAX, logLevel: "error" });
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMap ? value as Record<string, unknown> : null;
  } catch {
    return null;
  }
}

/** Returns the sections that differ and that hold from a sandbox's start to its end. */
export function findStaticChanges(beforeText: string, after: Policy): readonly string[] {
  const before = parsePolicy(beforeText).policy;
  if (before === null) return STATIC_SECTIONS.map(([name]) => name);
  return STATIC_SECTIONS
    .filter(([, read]) => canonicalJson(read(before)) !== canonicalJson(read(after)))
    .map(([name]) => name);
}

const STATIC_SECTIONS: readonly (readonly [string, (policy: Policy) => unknown])[] = [
  ["filesystem_policy", ({ filesystem }) => ({
    ...filesystem,
    readOnly: filesystem.readOnly.toSorted(),
    readWrite: filesystem.readWrite.toSorted(),
  })],
  ["landlock", ({ landlock }) => landlock],
  ["process", ({ process }) => process],
];

/** Names what a policy says: `sha256:` and 64 hex digits. */
export function hashPolicy(policy: Policy): string {
  return `sha256:${createHash("sha256").update(canonicalJson(policy)).digest("hex")}`;
}

/** Returns JSON whose keys are sorted, so that equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) => {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return entry;
    return Object.fromEntries(
      Object.entries(entry).toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0),
    );
  });
}
