/**
 * Rules about JSON-RPC calls: `json-rpc` and `mcp`.
 *
 * @module
 */

import { pathsIntersect } from "../glob/automaton.ts";
import type { RawMatcher, RawRequestRule } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import type { Field } from "../parse/tree.ts";
import type { RequestRule, RpcRule } from "../policy.ts";
import { checkGlob } from "./glob.ts";
import { type Placed, placed } from "./place.ts";
import { refuseOtherFields, type RuleContext, textUse, validateMatcher } from "./rule_context.ts";

/** Returns the rule, or `undefined` after reporting why there is none. */
export function validateRpcRule(raw: RawRequestRule, context: RuleContext): RpcRule | undefined {
  const isMcp = context.protocol === "mcp";
  refuseOtherFields(raw, isMcp ? ["method", "tool", "params"] : ["method"], context);
  const tool = isMcp ? selectTool(raw, context) : null;
  const method = validateMethod(raw, tool, context);
  if (method === undefined) return undefined;
  if (tool === null) return { kind: "rpc", method, tool: null };
  if (method !== TOOLS_CALL) {
    const message = `Only ${TOOLS_CALL} has a tool, and this rule is about ${quote(method)}`;
    context.findings.add("tool_without_call", tool.field, message, {
      fix: `method: ${TOOLS_CALL}`,
      at: tool.field.keySpan,
    });
  }
  return { kind: "rpc", method, tool: validateTool(tool.value, context) };
}

/**
 * Reports rules about all tools beside allow rules about some: one of the two would be without
 * effect, and which one depends on the reader.
 */
export function checkBroadToolRules(
  rules: readonly { readonly field: Field; readonly rule: RequestRule }[],
  allow: readonly RequestRule[],
  { findings }: RuleContext,
): void {
  if (!allow.some((rule) => rule.kind === "rpc" && rule.tool !== null)) return;
  for (const { field, rule } of rules) {
    if (rule.kind !== "rpc" || rule.tool !== null || !coversToolsCall(rule.method)) continue;
    const message = `${quote(rule.method)} is about every tool, while other allow rules name tools`;
    findings.add("broad_tool_rule", field, message, { fix: "name the tools here too" });
  }
}

const TOOLS_CALL = "tools/call";
const TOOLS_PREFIX = "tools/";

/** No part of the method after `tools/` has a separator, so path and text globs agree here. */
function coversToolsCall(method: string): boolean {
  return method === "*" || pathsIntersect(method, TOOLS_CALL);
}

function selectTool(raw: RawRequestRule, { findings }: RuleContext): Placed<RawMatcher> | null {
  const params = raw.params.value ?? [];
  for (const { name, field } of params) {
    if (name === "name") continue;
    const message = `Parameter ${quote(name)} cannot be judged, only name can`;
    findings.add("params_not_supported", field, message, { at: field.keySpan });
  }
  const param = params.find(({ name }) => name === "name");
  const tool = placed(raw.tool);
  if (param !== undefined && raw.tool.written) {
    const message = "tool and params.name say the same; write one of them";
    findings.add("tool_and_params_name", param.field, message, { at: param.field.keySpan });
  }
  if (param?.matcher !== undefined) return { field: param.field, value: param.matcher };
  return tool;
}

function validateMethod(
  raw: RawRequestRule,
  tool: Placed<RawMatcher> | null,
  context: RuleContext,
): string | undefined {
  const { findings, effect, protocol, allowAllMethods } = context;
  const written = placed(raw.method);
  if (written === null && raw.method.written) return undefined;
  if (written !== null && written.value !== "") {
    return protocol === "mcp" ? mcpMethod(written, context) : rpcMethod(written, context);
  }
  if (tool !== null) {
    if (allowAllMethods) return TOOLS_CALL;
    const message = `A rule about a tool needs method ${TOOLS_CALL}`;
    findings.add("tool_without_call", raw.at, message, { fix: `method: ${TOOLS_CALL}` });
    return undefined;
  }
  if (effect === "deny" && protocol === "json-rpc") {
    const message = "A deny rule without method denies every method; write it to say so";
    findings.add("deny_without_method", raw.at, message, { fix: 'method: "*"' });
    return "*";
  }
  const code = effect === "allow" ? "allow_without_method" : "missing_key";
  findings.add(code, raw.at, `${effect === "allow" ? "An allow" : "A deny"} rule needs a method`);
  return undefined;
}

function rpcMethod(
  { field, value }: Placed<string>,
  { findings }: RuleContext,
): string | undefined {
  if (value === "*" || !hasGlobToken(value)) return value;
  const message = `Method ${quote(value)} should be exact, or * for all`;
  findings.add("rpc_method_pattern", field, message);
  return undefined;
}

function mcpMethod(method: Placed<string>, context: RuleContext): string | undefined {
  const { field, value } = method;
  if (value === "*") {
    const message = "All methods of an mcp endpoint are allowed by its method profile, not by *";
    const fix = "mcp: { allow_all_known_mcp_methods: true }";
    context.findings.add("mcp_any_method", field, message, { fix });
    return undefined;
  }
  if (!hasGlobToken(value)) return value;
  if (!value.startsWith(TOOLS_PREFIX)) {
    const message = `Method ${quote(value)} should be exact; only methods under tools/ have globs`;
    context.findings.add("rpc_method_pattern", field, message);
    return undefined;
  }
  return checkGlob(method, textUse(context), context.findings) === null ? undefined : value;
}

function validateTool(raw: RawMatcher, context: RuleContext) {
  for (const { field, glob } of raw.globs) {
    if (context.strictToolNames || !hasGlobToken(glob)) continue;
    const message = `Tool pattern ${quote(glob)} needs strict_tool_names, which is off`;
    context.findings.add("wildcard_tool_not_strict", field, message, {
      fix: "mcp: { strict_tool_names: true }",
    });
  }
  return validateMatcher(raw, context);
}

function hasGlobToken(text: string): boolean {
  return /[*?[\]{}\\]/.test(text);
}
