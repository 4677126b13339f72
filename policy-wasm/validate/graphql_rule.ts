/**
 * Rules about GraphQL operations: `graphql`, and `websocket` that carries GraphQL.
 *
 * @module
 */

import type { RawRequestRule } from "../parse/schema.ts";
import type { GraphqlRule, Matcher } from "../policy.ts";
import { oneOf, type Placed, placed, readable } from "./place.ts";
import {
  refuseOtherFields,
  type RuleContext,
  type RuleField,
  validateMatcher,
} from "./rule_context.ts";

/** Fields that make a rule one about GraphQL. */
export const GRAPHQL_FIELDS: readonly RuleField[] = ["operation_type", "operation_name", "fields"];

/** Returns the rule, or `undefined` after reporting why there is none. */
export function validateGraphqlRule(
  raw: RawRequestRule,
  context: RuleContext,
): GraphqlRule | undefined {
  refuseOtherFields(raw, GRAPHQL_FIELDS, context);
  const operationType = validateType(raw, context);
  const name = placed(raw.operation_name);
  const fields = validateFields(raw, context);
  const operationName = name === null || name.value === "" ? null : globs([name], context);
  if (operationType === undefined) return undefined;
  return { kind: "graphql", operationType, operationName, fields };
}

function validateType(
  raw: RawRequestRule,
  { findings, effect }: RuleContext,
): GraphqlRule["operationType"] | undefined {
  const written = placed(raw.operation_type);
  if (written === null && raw.operation_type.written) return undefined;
  if (written !== null && written.value !== "") {
    const value = written.value.toLowerCase();
    const words = ["query", "mutation", "subscription", "*"] as const;
    const report = { code: "unknown_operation_type", findings } as const;
    return oneOf({ field: written.field, value }, words, report);
  }
  const place = written?.field ?? raw.at;
  if (effect === "deny") {
    const message = "A deny rule without operation_type denies every type; write it to say so";
    findings.add("deny_without_operation_type", place, message, { fix: 'operation_type: "*"' });
    return "*";
  }
  const message = "A GraphQL allow rule needs an operation_type";
  findings.add("allow_without_operation_type", place, message, { fix: "operation_type: query" });
  return undefined;
}

function validateFields(raw: RawRequestRule, context: RuleContext): Matcher | null {
  if (raw.fields.value?.length === 0) {
    const message = "fields needs at least one root field; leave it out to take any";
    context.findings.add("empty_list", raw.fields.field, message);
  }
  const items = readable(raw.fields);
  return items.length === 0 ? null : globs(items, context);
}

function globs(items: readonly Placed<string>[], context: RuleContext): Matcher {
  const matcher = { globs: items.map(({ field, value }) => ({ field, glob: value })) };
  return validateMatcher(matcher, context);
}
