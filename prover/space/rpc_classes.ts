/**
 * JSON-RPC messages as classes: calls by method and tool, responses, receive streams.
 *
 * @module
 */

import type { RpcRule } from "../../policy-wasm/policy.ts";
import type { RpcMessage } from "../../policy-wasm/request.ts";
import { PLAIN_TAG } from "../atoms/language.ts";
import { splitIntoAtoms } from "../atoms/minterms.ts";
import { type ContentTools, distinct, type Part } from "./content_part.ts";
import type { Member, MemberRule } from "./member.ts";

/** The one method that names a tool. */
export const TOOLS_CALL = "tools/call";

/** A message, and whether its tool passes strict checking. */
export interface MessageClass {
  readonly message: RpcMessage;
  readonly hasPlainTool: boolean;
}

type RpcMemberRule = MemberRule & { readonly rule: RpcRule };

/**
 * Returns one message for each set of rules that a message can meet.
 *
 * @throws {BudgetSpent}
 */
export function messageClasses(
  selected: readonly Member[],
  tools: ContentTools,
): readonly Part<MessageClass>[] {
  const rules = selected.flatMap(({ rules }) => rules).filter(isRpcRule);
  return distinct(
    messages(rules, tools),
    ({ message, hasPlainTool }) =>
      message.kind !== "call"
        ? message.kind
        : `${message.method === TOOLS_CALL} ${message.tool === undefined} ${hasPlainTool}`,
  );
}

function isRpcRule(rule: MemberRule): rule is RpcMemberRule {
  return rule.rule.kind === "rpc";
}

function* messages(
  rules: readonly RpcMemberRule[],
  tools: ContentTools,
): Generator<Part<MessageClass>> {
  for (const { method, matched } of methodsOf(rules, tools)) {
    const onMethod = rules.filter((rule, at) => rule.rule.method === "*" || matched.has(at));
    const idsOf = (list: readonly RpcMemberRule[]) => list.map(({ id }) => id);
    const untooled = onMethod.filter(({ rule }) => rule.tool === null);
    const message: RpcMessage = { kind: "call", method };
    yield { value: { message, hasPlainTool: method !== TOOLS_CALL }, met: idsOf(untooled) };
    if (method !== TOOLS_CALL) continue;
    for (const { tool, isPlain, hit } of toolsOf(onMethod, tools)) {
      yield {
        value: { message: { kind: "call", method, tool }, hasPlainTool: isPlain },
        met: idsOf(onMethod.filter((rule, at) => rule.rule.tool === null || hit.has(at))),
      };
    }
  }
  for (const kind of ["response", "stream"] as const) {
    yield { value: { message: { kind }, hasPlainTool: true }, met: [] };
  }
}

function methodsOf(rules: readonly RpcMemberRule[], { matcher, budget }: ContentTools) {
  const globs = [
    matcher.glob(TOOLS_CALL, "text"),
    ...rules.map(({ rule, isDeny }) => matcher.glob(rule.method, isDeny ? "any" : "text")),
  ];
  const preferred = ["initialize", "ping"];
  const atoms = splitIntoAtoms(globs, matcher.language("text"), { budget, preferred });
  return atoms.map(({ witness, patterns }) => ({
    method: witness,
    matched: new Set(patterns.map((index) => index - 1)),
  }));
}

function toolsOf(rules: readonly RpcMemberRule[], { matcher, budget }: ContentTools) {
  const globs = rules.flatMap(({ rule, isDeny }) =>
    (rule.tool ?? []).map((pattern) => matcher.glob(pattern, isDeny ? "any" : "text"))
  );
  const owners = rules.flatMap(({ rule }, at) => (rule.tool ?? []).map(() => at));
  return splitIntoAtoms(globs, matcher.language("tool"), { budget }).map((atom) => ({
    tool: atom.witness,
    isPlain: atom.tag === PLAIN_TAG,
    hit: new Set(atom.patterns.map((index) => owners[index]!)),
  }));
}
