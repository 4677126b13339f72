/**
 * The endpoints that a question is about, numbered, each with its rules.
 *
 * @module
 */

import type { Endpoint, Policy, RequestRule, Rule } from "../../policy-wasm/policy.ts";

/** One allow or deny rule of an endpoint. */
export interface MemberRule {
  /** Number among all rules of the space. */
  readonly id: number;
  readonly rule: RequestRule;
  readonly isDeny: boolean;
  /** Place among the allow or deny rules of its endpoint. */
  readonly index: number;
  readonly member: Member;
}

/** An endpoint of one of the policies that are compared. */
export interface Member {
  /** Number among all endpoints of the space: order of "first" within one policy. */
  readonly id: number;
  /** Which policy it belongs to, as an index of the space's policies. */
  readonly side: number;
  readonly rule: Rule;
  readonly endpoint: Endpoint;
  /** Place among the endpoints of its rule. */
  readonly index: number;
  readonly rules: readonly MemberRule[];
}

/** A part of all requests that a question speaks about; `null` is no restriction. */
export interface Region {
  /** Host name or host pattern. */
  readonly host: string | null;
  readonly ports: readonly number[] | null;
  /** Path or path glob of the caller's own executable. */
  readonly binary: string | null;
  /** Upper case names; `GET` does not include `HEAD` here. */
  readonly methods: readonly string[] | null;
  /** Path glob. */
  readonly path: string | null;
  /** Also what no policy admits has to be looked at, because all of it should be allowed. */
  readonly isComplete: boolean;
}

/** Returns the endpoints of all policies. */
export function membersOf(policies: readonly Policy[]): readonly Member[] {
  const members: Member[] = [];
  let ruleId = 0;
  for (const [side, policy] of policies.entries()) {
    for (const rule of policy.rules) {
      for (const [index, endpoint] of rule.endpoints.entries()) {
        const rules: MemberRule[] = [];
        const member: Member = { id: members.length, side, rule, endpoint, index, rules };
        for (const [isDeny, list] of [[false, endpoint.allow], [true, endpoint.deny]] as const) {
          for (const [at, requestRule] of list.entries()) {
            rules.push({ id: ruleId++, rule: requestRule, isDeny, index: at, member });
          }
        }
        members.push(member);
      }
    }
  }
  return members;
}
