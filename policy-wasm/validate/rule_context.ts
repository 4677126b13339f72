/**
 * What the four vocabularies of request rules share.
 *
 * @module
 */

import type { GlobUse } from "../glob/glob.ts";
import type { Findings } from "../parse/findings.ts";
import type { RawMatcher, RawRequestRule } from "../parse/schema.ts";
import type { Matcher, Protocol } from "../policy.ts";
import { checkGlob } from "./glob.ts";

/** The endpoint around a rule, as far as it matters to the rule. */
export interface RuleContext {
  readonly findings: Findings;
  readonly protocol: Protocol;
  readonly effect: "allow" | "deny";
  readonly allowEncodedSlash: boolean;
  readonly strictToolNames: boolean;
  /** The MCP method profile is on. */
  readonly allowAllMethods: boolean;
}

/** A field of a request rule. */
export type RuleField = Exclude<keyof RawRequestRule, "at">;

const RULE_FIELDS: readonly RuleField[] = [
  "method",
  "path",
  "command",
  "query",
  "operation_type",
  "operation_name",
  "fields",
  "tool",
  "params",
];

/** Returns the fields that a rule has, in a fixed order. */
export function writtenFields(raw: RawRequestRule): RuleField[] {
  return RULE_FIELDS.filter((name) => raw[name].written);
}

/** Reports the fields that are not of the vocabulary. */
export function refuseOtherFields(
  raw: RawRequestRule,
  vocabulary: readonly RuleField[],
  { findings, protocol }: RuleContext,
): void {
  for (const name of writtenFields(raw)) {
    if (vocabulary.includes(name)) continue;
    const { field } = raw[name];
    const message = `Rules of ${protocol} endpoints have no ${name}, only ${vocabulary.join(", ")}`;
    findings.add("field_not_supported", field, message, { at: field.keySpan });
  }
}

/** Returns how the texts of a rule are matched: in deny rules `*` crosses dots. */
export function textUse({ effect }: RuleContext): GlobUse {
  return effect === "deny" ? "any" : "text";
}

/** Returns the globs of a matcher after checking each. */
export function validateMatcher(raw: RawMatcher, context: RuleContext): Matcher {
  for (const { field, glob } of raw.globs) {
    checkGlob({ field, value: glob }, textUse(context), context.findings);
  }
  return raw.globs.map(({ glob }) => glob);
}
