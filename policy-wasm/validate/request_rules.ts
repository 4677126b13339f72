/**
 * Allow and deny rules of one endpoint, presets expanded.
 *
 * @module
 */

import type { Findings } from "../parse/findings.ts";
import type { RawEndpoint, RawRequestRule } from "../parse/schema.ts";
import type { Field } from "../parse/tree.ts";
import type { Protocol, RequestRule } from "../policy.ts";
import { GRAPHQL_FIELDS, validateGraphqlRule } from "./graphql_rule.ts";
import { validateHttpRule } from "./http_rule.ts";
import { oneOf, placed, readable } from "./place.ts";
import { expandPreset, type Preset, PRESETS } from "./presets.ts";
import { checkBroadToolRules, validateRpcRule } from "./rpc_rule.ts";
import { type RuleContext, writtenFields } from "./rule_context.ts";
import { validateSqlRule } from "./sql_rule.ts";

/** What the rules need to know about their endpoint. */
export interface RulesContext {
  readonly findings: Findings;
  readonly protocol: Protocol;
  readonly allowEncodedSlash: boolean;
  readonly strictToolNames: boolean;
  readonly allowAllMethods: boolean;
}

/** Both lists of an endpoint. */
export interface RequestRules {
  readonly allow: readonly RequestRule[];
  readonly deny: readonly RequestRule[];
}

/** Returns the rules of an endpoint whose protocol has rules. */
export function validateRequestRules(raw: RawEndpoint, context: RulesContext): RequestRules {
  checkPresence(raw, context);
  const preset = validateAccess(raw, context);
  const written = validateList(raw, { ...context, effect: "allow" });
  const denied = validateList(raw, { ...context, effect: "deny" });
  const expanded = preset === null ? [] : expandPreset(context.protocol, preset) ?? [];
  const allow = [...expanded, ...written.map(({ rule }) => rule)];
  if (context.protocol === "websocket") {
    checkWebsocket(raw, { allow, written, denied }, context.findings);
  }
  if (context.protocol === "mcp") {
    checkBroadToolRules([...written, ...denied], allow, { ...context, effect: "allow" });
  }
  return { allow, deny: denied.map(({ rule }) => rule) };
}

/** Reports rules and presets on an endpoint that does not read requests. */
export function refuseRequestRules(raw: RawEndpoint, protocol: Protocol, findings: Findings): void {
  for (const name of ["access", "rules", "deny_rules", "path"] as const) {
    const { field, written, value } = raw[name];
    if (!written || value === "" || (name !== "path" && protocol === "sql")) continue;
    const what = protocol === "l4" ? "without protocol" : `with protocol ${protocol}`;
    const message = `An endpoint ${what} does not read requests, so ${name} would have no effect`;
    const fix = protocol === "l4" ? "protocol: rest" : null;
    findings.add("rules_without_protocol", field, message, { fix, at: field.keySpan });
  }
}

interface PlacedRule {
  readonly field: Field;
  readonly rule: RequestRule;
}

function checkPresence(raw: RawEndpoint, { protocol, allowAllMethods, findings }: RulesContext) {
  const { access, rules, deny_rules } = raw;
  for (const list of [rules, deny_rules]) {
    if (list.value?.length !== 0) continue;
    const message = "An empty list of rules says nothing; leave it out";
    findings.add("empty_rules", list.field, message, { at: list.field.keySpan });
  }
  if (access.written && rules.written) {
    const message = "An endpoint has access or rules, not both";
    findings.add("access_and_rules", access.field, message, { at: access.field.keySpan });
  }
  if (access.written || rules.written || allowAllMethods) return;
  if (deny_rules.written) {
    const message = "deny_rules take away from what rules or access allow, and neither is there";
    const at = deny_rules.field.keySpan;
    findings.add("deny_without_allow", deny_rules.field, message, { at });
    return;
  }
  const isRpc = protocol === "json-rpc" || protocol === "mcp";
  const message = `Protocol ${protocol} needs ${isRpc ? "rules" : "rules or access"}`;
  const fix = isRpc ? "rules: [{ allow: { method: initialize } }]" : "access: read-only";
  findings.add("protocol_without_rules", raw.protocol.field, message, { fix });
}

function validateAccess(raw: RawEndpoint, { protocol, findings }: RulesContext): Preset | null {
  const written = placed(raw.access);
  if (written === null) return null;
  if (expandPreset(protocol, "full") === null) {
    const message = `Protocol ${protocol} has no presets, only rules`;
    findings.add("access_not_supported", written.field, message, { at: written.field.keySpan });
    return null;
  }
  const preset = oneOf(written, PRESETS, { code: "unknown_access", findings });
  if (preset === "full") {
    findings.add("full_access", written.field, "full allows every request to this endpoint");
  }
  return preset ?? null;
}

function validateList(raw: RawEndpoint, context: RuleContext): PlacedRule[] {
  const list = context.effect === "allow" ? raw.rules : raw.deny_rules;
  return readable(list).flatMap(({ value }) => {
    const rule = validateRule(value, context);
    return rule === undefined ? [] : [{ field: value.at, rule }];
  });
}

function validateRule(raw: RawRequestRule, context: RuleContext): RequestRule | undefined {
  if (writtenFields(raw).length === 0) {
    const message = `${context.effect === "allow" ? "An allow" : "A deny"} rule says nothing`;
    context.findings.add("empty_rule", raw.at, message);
    return undefined;
  }
  switch (context.protocol) {
    case "graphql":
      return validateGraphqlRule(raw, context);
    case "json-rpc":
    case "mcp":
      return validateRpcRule(raw, context);
    case "sql":
      return validateSqlRule(raw, context);
    case "websocket":
      return validateWebsocketRule(raw, context);
    default:
      return validateHttpRule(raw, context);
  }
}

function validateWebsocketRule(raw: RawRequestRule, context: RuleContext): RequestRule | undefined {
  const written = writtenFields(raw);
  if (!written.some((name) => GRAPHQL_FIELDS.includes(name))) return validateHttpRule(raw, context);
  const mixed = written.find((name) => ["method", "path", "query"].includes(name));
  if (mixed === undefined) return validateGraphqlRule(raw, context);
  const { field } = raw[mixed];
  const message = "A rule is about the connection or about GraphQL operations; write two rules";
  context.findings.add("mixed_rule_fields", field, message, { at: field.keySpan });
  return undefined;
}

function checkWebsocket(
  raw: RawEndpoint,
  { allow, written, denied }: {
    readonly allow: readonly RequestRule[];
    readonly written: readonly PlacedRule[];
    readonly denied: readonly PlacedRule[];
  },
  findings: Findings,
): void {
  const hasGraphql = [...written, ...denied].some(({ rule }) => rule.kind === "graphql");
  if (hasGraphql) {
    const message = "This allows every text message unread, beside rules about GraphQL operations";
    const fix = "method: GET";
    for (const { field, rule } of written) {
      if (passesText(rule)) findings.add("websocket_text_with_graphql", field, message, { fix });
    }
    if (raw.access.written && allow.some(passesText)) {
      findings.add("websocket_text_with_graphql", raw.access.field, message, { fix: "read-only" });
    }
  }
  const upgrades = allow.some((rule) => rule.kind === "http" && rule.method !== "WEBSOCKET_TEXT");
  if (allow.length === 0 || upgrades) return;
  const message = "No rule allows the GET that opens a WebSocket connection";
  const fix = '- allow: { method: GET, path: "**" }';
  findings.add("websocket_without_upgrade", raw.rules.field, message, { fix });
}

function passesText(rule: RequestRule): boolean {
  return rule.kind === "http" && (rule.method === "*" || rule.method === "WEBSOCKET_TEXT");
}
