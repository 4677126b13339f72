/**
 * Conditions of rules in the image: query, GraphQL, JSON-RPC and SQL.
 *
 * @module
 */

import {
  CONDITION_GRAPHQL,
  CONDITION_QUERY,
  CONDITION_RPC,
  CONDITION_SQL,
  GRAPHQL_TYPE_MUTATION,
  GRAPHQL_TYPE_QUERY,
  GRAPHQL_TYPE_SUBSCRIPTION,
} from "../assembly/format.ts";
import type { AutomatonBuilder } from "../glob/automaton.ts";
import type { Glob, GlobUse } from "../glob/glob.ts";
import { literalGlob, parseGlob } from "../glob/glob.ts";
import type {
  Endpoint,
  GraphqlOperationType,
  GraphqlRule,
  HttpRule,
  Matcher,
  PersistedQuery,
  RpcRule,
} from "../policy.ts";
import { PatternError } from "./pattern_error.ts";
import { writeAutomaton } from "./automata.ts";
import type { ImageWriter } from "./writer.ts";

/** Bits of operation types, as the evaluator compares them. */
export const GRAPHQL_TYPE_BITS: Readonly<Record<GraphqlOperationType | "*", number>> = {
  query: GRAPHQL_TYPE_QUERY,
  mutation: GRAPHQL_TYPE_MUTATION,
  subscription: GRAPHQL_TYPE_SUBSCRIPTION,
  "*": GRAPHQL_TYPE_QUERY | GRAPHQL_TYPE_MUTATION | GRAPHQL_TYPE_SUBSCRIPTION,
};

/** Writes conditions, each distinct one once. */
export class ConditionWriter {
  readonly #writer: ImageWriter;
  readonly #builder: AutomatonBuilder;
  readonly #matchers = new Map<string, number>();

  constructor(writer: ImageWriter, builder: AutomatonBuilder) {
    this.#writer = writer;
    this.#builder = builder;
  }

  /** Returns 0 for a rule that takes any query. */
  query(rule: HttpRule, isDeny: boolean): number {
    if (rule.query.length === 0) return 0;
    const words = rule.query.flatMap(({ key, value }) => {
      const { offset, length } = this.#writer.text(key);
      return [offset, length, this.#matcher(value, isDeny)];
    });
    return this.#writer.words([CONDITION_QUERY, Number(isDeny), rule.query.length, ...words]);
  }

  graphql(rule: GraphqlRule, isDeny: boolean, endpoint: Endpoint): number {
    return this.#writer.words([
      CONDITION_GRAPHQL,
      Number(isDeny),
      GRAPHQL_TYPE_BITS[rule.operationType],
      rule.operationName === null ? 0 : this.#matcher(rule.operationName, isDeny),
      rule.fields === null ? 0 : this.#matcher(rule.fields, isDeny),
      this.#registry(endpoint),
    ]);
  }

  /** One condition for all rules of one side of an endpoint that ask the same kind of thing. */
  rpc(rules: readonly RpcRule[], isDeny: boolean): number[] {
    const anyTool = rules.filter((rule) => rule.tool === null).map((rule) => rule.method);
    const conditions = anyTool.length === 0 ? [] : [this.#rpc(anyTool, [], isDeny)];
    const byMethod = Map.groupBy(
      rules.filter((rule) => rule.tool !== null),
      (rule) => rule.method,
    );
    for (const [method, group] of byMethod) {
      conditions.push(this.#rpc([method], group.flatMap((rule) => rule.tool!), isDeny));
    }
    return conditions;
  }

  /** What the MCP method profile allows in addition to the rules. */
  rpcProfile(exceptsToolCalls: boolean): number {
    return this.#writer.words([CONDITION_RPC, 0, 0, Number(exceptsToolCalls)]);
  }

  sql(commands: readonly string[]): number {
    const automaton = commands.includes("*") ? 0 : this.#literals(commands);
    return this.#writer.words([CONDITION_SQL, automaton]);
  }

  #rpc(methods: readonly string[], tools: Matcher, isDeny: boolean): number {
    const method = methods.includes("*") ? 0 : this.#matcher(methods, isDeny);
    const tool = tools.length === 0 ? 0 : this.#matcher(tools, isDeny);
    return this.#writer.words([CONDITION_RPC, method, tool, 0]);
  }

  #matcher(patterns: Matcher, isDeny: boolean): number {
    const use: GlobUse = isDeny ? "any" : "text";
    return this.#automaton(`${use} ${JSON.stringify(patterns)}`, () =>
      patterns.map((pattern) => {
        const parsed = parseGlob(pattern, use);
        if (!parsed.ok) throw new PatternError(pattern, parsed.code, parsed.message);
        return parsed.glob;
      }));
  }

  #literals(texts: readonly string[]): number {
    return this.#automaton(
      `literal ${JSON.stringify(texts)}`,
      () => texts.map((text) => literalGlob(text, "any")),
    );
  }

  #automaton(key: string, globs: () => Glob[]): number {
    const known = this.#matchers.get(key);
    if (known !== undefined) return known;
    const automaton = this.#builder.build(globs());
    if (automaton === null) throw PatternError.tooComplex(key.slice(key.indexOf(" ") + 1));
    const offset = writeAutomaton(this.#writer, automaton, () => 1);
    this.#matchers.set(key, offset);
    return offset;
  }

  #registry(endpoint: Endpoint): number {
    const queries = endpoint.graphqlPersistedQueries;
    if (endpoint.persistedQueries !== "allow_registered" || queries.length === 0) return 0;
    return this.#writer.words([
      queries.length,
      ...queries.flatMap((query) => {
        const id = this.#writer.text(query.id);
        return [id.offset, id.length, this.#registeredOperation(query)];
      }),
    ]);
  }

  /** Laid out like an operation of a request, so that the evaluator reads both alike. */
  #registeredOperation(query: PersistedQuery): number {
    const encoder = new TextEncoder();
    const name = encoder.encode(query.operationName);
    const fields = query.fields.map((field) => encoder.encode(field));
    const size = 16 + name.length + fields.reduce((sum, field) => sum + 4 + field.length, 0);
    const offset = this.#writer.reserve(size);
    const words = [1, GRAPHQL_TYPE_BITS[query.operationType], name.length, fields.length];
    words.forEach((value, index) => this.#writer.setWord(offset + index * 4, value));
    this.#writer.setBytes(offset + 16, name);
    let at = offset + 16 + name.length;
    for (const field of fields) {
      this.#writer.setWord(at, field.length);
      this.#writer.setBytes(at + 4, field);
      at += 4 + field.length;
    }
    return offset;
  }
}
