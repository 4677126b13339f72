/**
 * GraphQL operations as classes: type, name and root fields, or the id of a persisted one.
 *
 * @module
 */

import type { GraphqlOperationType, GraphqlRule } from "../../policy-wasm/policy.ts";
import type { GraphqlOperation } from "../../policy-wasm/request.ts";
import { splitIntoAtoms } from "../atoms/minterms.ts";
import { closeUnderUnion } from "../atoms/unions.ts";
import { type ContentTools, distinct, type Part } from "./content_part.ts";
import type { Member, MemberRule } from "./member.ts";

const TYPES: readonly GraphqlOperationType[] = ["query", "mutation", "subscription"];

type GraphqlMemberRule = MemberRule & { readonly rule: GraphqlRule };

/**
 * Returns one operation for each set of rules that an operation can meet.
 *
 * @throws {BudgetSpent}
 */
export function operationClasses(
  selected: readonly Member[],
  tools: ContentTools,
): readonly Part<GraphqlOperation>[] {
  const rules = selected.flatMap(({ rules }) => rules).filter(isGraphql);
  const parts = [...plainOperations(rules, tools), ...persistedOperations(selected, rules, tools)];
  return distinct(parts, ({ kind }) => kind);
}

function isGraphql(rule: MemberRule): rule is GraphqlMemberRule {
  return rule.rule.kind === "graphql";
}

function* plainOperations(
  rules: readonly GraphqlMemberRule[],
  tools: ContentTools,
): Generator<Part<GraphqlOperation>> {
  const names = namesOf(rules, tools);
  const lists = fieldListsOf(rules, tools);
  for (const type of TYPES) {
    for (const name of names) {
      tools.budget.step(lists.length);
      for (const { members, every, some } of lists) {
        const met = rules.flatMap(({ id, rule, isDeny }, at) => {
          if (rule.operationType !== "*" && rule.operationType !== type) return [];
          if (rule.operationName !== null && !name.rules.has(at)) return [];
          return rule.fields === null || (isDeny ? some : every).includes(at) ? [id] : [];
        });
        yield { value: { kind: "operation", type, name: name.text, fields: members }, met };
      }
    }
  }
}

function namesOf(rules: readonly GraphqlMemberRule[], { matcher, budget }: ContentTools) {
  const { globs, owners } = globsOf(rules, (rule) => rule.operationName ?? [], { matcher, budget });
  return splitIntoAtoms(globs, matcher.language("operation"), { budget }).map((atom) => ({
    text: atom.witness,
    rules: new Set(atom.patterns.map((index) => owners[index]!)),
  }));
}

/** Lists of root fields; conditions are places in `rules`. */
function fieldListsOf(rules: readonly GraphqlMemberRule[], tools: ContentTools) {
  const { globs, owners } = globsOf(rules, (rule) => rule.fields ?? [], tools);
  const language = tools.matcher.language("field");
  const singles = splitIntoAtoms(globs, language, { budget: tools.budget }).map((atom) => {
    const hit = [...new Set(atom.patterns.map((index) => owners[index]!))];
    return {
      every: hit.filter((at) => !rules[at]!.isDeny),
      some: hit.filter((at) => rules[at]!.isDeny),
      members: [atom.witness],
    };
  });
  return closeUnderUnion(singles, tools.budget);
}

function globsOf(
  rules: readonly GraphqlMemberRule[],
  patternsOf: (rule: GraphqlRule) => readonly string[],
  { matcher }: ContentTools,
) {
  const globs = rules.flatMap(({ rule, isDeny }) =>
    patternsOf(rule).map((pattern) => matcher.glob(pattern, isDeny ? "any" : "text"))
  );
  const owners = rules.flatMap(({ rule }, at) => patternsOf(rule).map(() => at));
  return { globs, owners };
}

/** Each registered id, and one that is registered nowhere. */
function* persistedOperations(
  selected: readonly Member[],
  rules: readonly GraphqlMemberRule[],
  tools: ContentTools,
): Generator<Part<GraphqlOperation>> {
  const ids = new Set(
    selected.flatMap(({ endpoint }) => endpoint.graphqlPersistedQueries.map(({ id }) => id)),
  );
  let unknown = "unregistered";
  while (ids.has(unknown)) unknown += "0";
  for (const id of [unknown, ...ids]) {
    const met = rules.flatMap((rule) => meetsPersisted(rule, id, tools) ? [rule.id] : []);
    yield { value: { kind: "persisted", id }, met };
  }
}

function meetsPersisted(
  { rule, isDeny, member }: GraphqlMemberRule,
  id: string,
  { matcher }: ContentTools,
): boolean {
  const { persistedQueries, graphqlPersistedQueries } = member.endpoint;
  const entry = graphqlPersistedQueries.find((registered) => registered.id === id);
  if (persistedQueries !== "allow_registered" || entry === undefined) return false;
  const use = isDeny ? "any" : "text";
  const hits = (patterns: readonly string[], value: string) =>
    patterns.some((pattern) => matcher.matches(pattern, use, value));
  const { operationType, operationName, fields } = rule;
  if (operationType !== "*" && operationType !== entry.operationType) return false;
  if (operationName !== null && !hits(operationName, entry.operationName)) return false;
  if (fields === null) return true;
  const count = entry.fields.filter((field) => hits(fields, field)).length;
  return isDeny ? count > 0 : count > 0 && count === entry.fields.length;
}
