/**
 * Rules about SQL commands: `sql`, which is audit only.
 *
 * @module
 */

import type { RawRequestRule } from "../parse/schema.ts";
import type { SqlRule } from "../policy.ts";
import { placed } from "./place.ts";
import { refuseOtherFields, type RuleContext } from "./rule_context.ts";

/** Returns the rule, or `undefined` after reporting why there is none. */
export function validateSqlRule(raw: RawRequestRule, context: RuleContext): SqlRule | undefined {
  refuseOtherFields(raw, ["command"], context);
  const written = placed(raw.command);
  if (written === null && raw.command.written) return undefined;
  if (written !== null && written.value !== "") {
    return { kind: "sql", command: written.value.toUpperCase() };
  }
  const place = written?.field ?? raw.at;
  if (context.effect === "deny") {
    const message = "A deny rule without command denies every command; write it to say so";
    context.findings.add("deny_without_command", place, message, { fix: 'command: "*"' });
    return { kind: "sql", command: "*" };
  }
  const message = "A SQL allow rule needs a command";
  context.findings.add("allow_without_command", place, message, { fix: "command: SELECT" });
  return undefined;
}
