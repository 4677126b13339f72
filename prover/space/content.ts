/**
 * What a request holds besides method and path, as classes: query pairs, a GraphQL operation, an
 * RPC message.
 *
 * Only what the selected endpoints ask about is told apart. A request holds an operation or a
 * message, not both: the body is read once, as the protocol of its endpoint says.
 *
 * @module
 */

import type { HttpRule } from "../../policy-wasm/policy.ts";
import type { GraphqlOperation, QueryPair, RpcMessage } from "../../policy-wasm/request.ts";
import { hasGraphqlRules } from "../../policy-wasm/traits.ts";
import { BudgetSpent } from "../atoms/limits.ts";
import { splitIntoAtoms } from "../atoms/minterms.ts";
import { closeUnderUnion } from "../atoms/unions.ts";
import { operationClasses } from "./graphql_classes.ts";
import { type ContentTools, distinct, type Part } from "./content_part.ts";
import type { Member, MemberRule } from "./member.ts";
import { messageClasses } from "./rpc_classes.ts";

/** Requests that meet the same conditions of rules, with one of them. */
export interface Content {
  readonly query: readonly QueryPair[];
  readonly graphql: GraphqlOperation | null;
  readonly rpc: RpcMessage | null;
  /** The tool of a call is one that strict checking accepts. */
  readonly hasPlainTool: boolean;
  /** Numbers of the rules whose condition, beside method and path, is met. */
  readonly met: ReadonlySet<number>;
}

/** What the body of a request is read as. */
interface Body {
  readonly graphql: GraphqlOperation | null;
  readonly rpc: RpcMessage | null;
  readonly plain: boolean;
  readonly met: readonly number[];
}

/**
 * Returns the classes that the rules of the selected endpoints tell apart; `onPath` are those of
 * their HTTP rules whose path matches. The plainest is first.
 *
 * @throws {BudgetSpent}
 */
export function contentClasses(
  selected: readonly Member[],
  onPath: readonly MemberRule[],
  tools: ContentTools,
): readonly Content[] {
  const queries = queryClasses(onPath, tools);
  const bodies: Body[] = [
    { graphql: null, rpc: null, plain: true, met: [] },
  ];
  if (
    selected.some(({ endpoint }) => endpoint.protocol === "graphql" || hasGraphqlRules(endpoint))
  ) {
    for (const { value, met } of operationClasses(selected, tools)) {
      bodies.push({ graphql: value, rpc: null, plain: true, met });
    }
  }
  if (selected.some(({ endpoint }) => isRpc(endpoint.protocol))) {
    for (const { value, met } of messageClasses(selected, tools)) {
      bodies.push({ graphql: null, rpc: value.message, plain: value.hasPlainTool, met });
    }
  }
  if (queries.length * bodies.length > tools.budget.caps.atoms) {
    throw new BudgetSpent(`More than ${tools.budget.caps.atoms} kinds of content at one path`);
  }
  return bodies.flatMap(({ graphql, rpc, plain, met }) =>
    queries.map((query) => ({
      query: query.value,
      graphql,
      rpc,
      hasPlainTool: plain,
      met: new Set([...met, ...query.met]),
    }))
  );
}

/** Tells whether the protocol carries RPC messages. */
export function isRpc(protocol: string): boolean {
  return protocol === "json-rpc" || protocol === "mcp";
}

/** A configured key of one rule. */
interface KeyCondition {
  readonly rule: MemberRule;
  readonly patterns: readonly string[];
}

function queryClasses(
  onPath: readonly MemberRule[],
  tools: ContentTools,
): readonly Part<readonly QueryPair[]>[] {
  const conditions = new Map<string, KeyCondition[]>();
  const needed = new Map<number, number>();
  const queryOf = ({ rule }: MemberRule): HttpRule["query"] =>
    rule.kind === "http" ? rule.query : [];
  for (const rule of onPath) {
    const query = queryOf(rule);
    if (query.length === 0) continue;
    needed.set(rule.id, query.length);
    for (const { key, value } of query) {
      const list = conditions.get(key) ?? [];
      conditions.set(key, list);
      list.push({ rule, patterns: value });
    }
  }
  // By combination: how many keys of each rule are met so far.
  let partial: { pairs: readonly QueryPair[]; hits: readonly number[] }[] = [{
    pairs: [],
    hits: [],
  }];
  for (const [key, list] of conditions) {
    const options = keyOptions(key, list, tools);
    partial = partial.flatMap(({ pairs, hits }) =>
      options.map((option) => ({
        pairs: [...pairs, ...option.pairs],
        hits: [...hits, ...option.rules],
      }))
    );
    if (partial.length > tools.budget.caps.atoms) {
      throw new BudgetSpent(`More than ${tools.budget.caps.atoms} kinds of queries at one path`);
    }
    tools.budget.step(partial.length);
  }
  const parts = partial.map(({ pairs, hits }) => {
    const counts = new Map<number, number>();
    for (const id of hits) counts.set(id, (counts.get(id) ?? 0) + 1);
    const met = [...needed].flatMap(([id, count]) => counts.get(id) === count ? [id] : []);
    return { value: pairs, met };
  });
  parts.sort((a, b) => a.value.length - b.value.length);
  return distinct(parts, () => "");
}

/** What the values of one key can be together: none, or a union of atoms. */
function keyOptions(
  key: string,
  conditions: readonly KeyCondition[],
  { matcher, budget }: ContentTools,
): readonly { pairs: readonly QueryPair[]; rules: readonly number[] }[] {
  const globs = conditions.flatMap(({ rule, patterns }) =>
    patterns.map((pattern) => matcher.glob(pattern, rule.isDeny ? "any" : "text"))
  );
  const owners = conditions.flatMap(({ patterns }, at) => patterns.map(() => at));
  const atoms = splitIntoAtoms(globs, matcher.language("text"), { budget });
  const singles = atoms.map(({ patterns, witness }) => {
    const hit = [...new Set(patterns.map((index) => owners[index]!))];
    return {
      every: hit.filter((at) => !conditions[at]!.rule.isDeny),
      some: hit.filter((at) => conditions[at]!.rule.isDeny),
      members: [witness],
    };
  });
  const unions = closeUnderUnion(singles, budget);
  return [
    { pairs: [], rules: [] },
    ...unions.map(({ every, some, members }) => ({
      pairs: members.map((value): QueryPair => [key, value]),
      rules: [...every, ...some].map((at) => conditions[at]!.rule.id),
    })),
  ];
}
