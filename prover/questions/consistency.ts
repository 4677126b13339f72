/**
 * Rules that say nothing, say it twice, or contradict one another.
 *
 * @module
 */

import { describeRule } from "../../policy-wasm/near_misses.ts";
import { isInspected } from "../../policy-wasm/traits.ts";
import { passing, type Verdict } from "../exact/verdict.ts";
import type { Foretold, Witness } from "../report.ts";
import type { Member, MemberRule } from "../space/member.ts";
import type { MethodMask } from "../space/method_atoms.ts";
import { type Fact, FACT_NAMES, type FactName } from "../solver/rule_facts.ts";
import type { Cell, Space } from "../space/space.ts";
import type { QuestionId } from "./catalog.ts";
import { type RawFinding, requestRuleOf, show, type VisitContext } from "./visitor.ts";

/** A request that matches a rule without being decided by it. */
interface Shown {
  readonly witness: Witness;
  readonly foretold: readonly Foretold[];
}

/**
 * What is known about one rule, or about one endpoint that has none: whether some request
 * `matches`, is not denied (`opens`), is decided by it, or would be treated otherwise without it.
 */
interface Record {
  /** A request that matches and is denied, and one that matches and another rule decides. */
  denied: Shown | null;
  preempted: Shown | null;
  /** The first choice that shows a fact, for the second engine. */
  readonly shownBy: Partial<{ [name in FactName]: { cell: number; method: number } }>;
}

/** Collects what becomes of each rule of the first policy, in one pass for several questions. */
export class RuleUse {
  readonly #members: readonly Member[];
  readonly #context: VisitContext;
  readonly #records = new Map<number | string, Record>();
  /** Numbers of inspected endpoints without which something else would pass, rules aside. */
  readonly #mattering = new Set<number>();
  /** Number of the cell that is looked at. */
  #cell = -1;

  constructor(space: Space, context: VisitContext) {
    this.#members = space.members.filter(({ side }) => side === 0);
    this.#context = context;
  }

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    const verdict = verdicts[0]!;
    this.#cell++;
    if (verdict.isOpaque) return this.#visitOpaque(cell, verdicts);
    for (const { id } of matteringIn(cell, verdict)) this.#mattering.add(id);
    const denied = union(verdict.denies);
    const granted = union(verdict.allows) | verdict.unruled;
    // Methods that one rule grants, and that two or more grant.
    let [once, twice] = [0, verdict.unruled];
    for (const { mask } of verdict.allows) {
      twice |= once & mask;
      once |= mask;
    }
    let earlier = verdict.unruled;
    for (const { rule, mask } of verdict.allows) {
      const record = this.#recordOf(rule.id);
      this.#note(record, "matches", mask);
      const open = mask & ~denied;
      if (open === 0) {
        record.denied ??= show(cell, mask, { verdicts, context: this.#context });
        continue;
      }
      this.#note(record, "opens", open);
      this.#note(record, "decides", open & ~earlier);
      if ((open & ~earlier) === 0) {
        record.preempted ??= show(cell, open, { verdicts, context: this.#context });
      }
      this.#note(record, "isNeeded", open & ~twice);
      earlier |= open;
    }
    for (const { rule, mask, reading } of verdict.denies) {
      const record = this.#recordOf(rule.id);
      this.#note(record, "matches", mask);
      // Where only another reading is denied, what audit mode lets pass would pass as well.
      const open = reading === 0 ? granted : granted | verdict.lenient;
      this.#note(record, "decides", mask & open);
    }
  }

  #visitOpaque(cell: Cell, verdicts: readonly Verdict[]): void {
    const members = cell.connection.admitted.filter(({ side }) => side === 0);
    for (const [at, member] of members.entries()) {
      const record = this.#recordOf(`endpoint ${member.id}`);
      const mask = verdicts[0]!.allowed;
      this.#note(record, "matches", mask);
      this.#note(record, "opens", mask);
      if (at === 0) this.#note(record, "decides", mask);
      else record.preempted ??= show(cell, mask, { verdicts, context: this.#context });
      if (members.length === 1) this.#note(record, "isNeeded", mask);
    }
  }

  /** Findings of one question, by the order of the rules. */
  findings(question: QuestionId, isWhole: boolean): readonly RawFinding[] {
    // Without all cells, what was not seen may still be there.
    if (!isWhole) return [];
    return this.#members.flatMap((member) => [
      ...this.#ofEndpoint(question, member),
      ...member.rules.flatMap((rule) => this.#ofRule(question, rule)),
    ]);
  }

  #ofEndpoint(question: QuestionId, member: Member): readonly RawFinding[] {
    const { host, protocol } = member.endpoint;
    const place = `Endpoint ${host === "" ? "without host" : host} (${protocol})`;
    const finding = (text: string, shown: Shown | null) => [
      raw(member, null, `${place} ${text}`, shown),
    ];
    if (isInspected(protocol)) {
      if (question !== "unreachable_rules" || !this.#isDead(member)) return [];
      return finding("is never reached by a request that it could allow", null);
    }
    const record = this.#recordOf(`endpoint ${member.id}`);
    if (question === "unreachable_rules" && !has(record, "matches")) {
      return finding("never decides: inspected endpoints take all its connections", null);
    }
    if (!has(record, "matches")) return [];
    if (question === "shadowed_rules" && !has(record, "decides")) {
      return finding("stands behind earlier ones everywhere", record.preempted);
    }
    if (question === "redundant_rules" && has(record, "decides") && !has(record, "isNeeded")) {
      return finding("opens nothing that others do not open", null);
    }
    return [];
  }

  #ofRule(question: QuestionId, rule: MemberRule): readonly RawFinding[] {
    if (rule.rule.kind === "sql") return [];
    const record = this.#recordOf(rule.id);
    const finding = (text: string, shown: Shown | null) => [
      raw(rule.member, rule, `Rule ${describeRule(rule.rule)} ${text}`, shown),
    ];
    if (rule.isDeny) {
      if (question !== "idle_denies" || has(record, "decides")) return [];
      const text = has(record, "matches") ? "denies only what no rule allows" : "never matches";
      return finding(text, null);
    }
    if (isImplied(rule)) return [];
    switch (question) {
      case "unreachable_rules": {
        const isSaid = has(record, "matches") || this.#isDead(rule.member);
        return isSaid ? [] : finding("is never reached", null);
      }
      case "contradictory_rules":
        return has(record, "matches") && !has(record, "opens")
          ? finding("is cancelled by deny rules", record.denied)
          : [];
      case "shadowed_rules":
        return has(record, "opens") && !has(record, "decides")
          ? finding("stands behind earlier rules", record.preempted)
          : [];
      case "redundant_rules":
        return has(record, "decides") && !has(record, "isNeeded")
          ? finding("allows nothing that others do not allow", null)
          : [];
      default:
        return [];
    }
  }

  /** Without the endpoint the same would pass: it allows nothing and holds nothing back. */
  #isDead({ id, rules }: Member): boolean {
    return rules.some(({ isDeny }) => !isDeny) && !this.#mattering.has(id) &&
      rules.every((rule) => !has(this.#recordOf(rule.id), "matches"));
  }

  /** Facts about all rules, for the second engine. */
  facts(): readonly Fact[] {
    return this.#members.flatMap((member): readonly Fact[] => {
      const subjects = isInspected(member.endpoint.protocol)
        ? member.rules.map((subject) => ({ subject, key: subject.id }))
        : [{ subject: member, key: `endpoint ${member.id}` }];
      return subjects.flatMap(({ subject, key }) =>
        FACT_NAMES.map((name): Fact => {
          return { subject, name, shownBy: this.#recordOf(key).shownBy[name] ?? null };
        })
      );
    });
  }

  #note(record: Record, name: FactName, mask: MethodMask): void {
    if (mask === 0 || has(record, name)) return;
    record.shownBy[name] = { cell: this.#cell, method: 31 - Math.clz32(mask & -mask) };
  }

  #recordOf(key: number | string): Record {
    let record = this.#records.get(key);
    if (record === undefined) {
      record = { denied: null, preempted: null, shownBy: {} };
      this.#records.set(key, record);
    }
    return record;
  }
}

function has(record: Record, name: FactName): boolean {
  return record.shownBy[name] !== undefined;
}

/**
 * Inspected endpoints that matter in a cell beside their rules: they have a connection read that
 * otherwise is not, drive what another one takes too, let pass without a rule, or say at which
 * addresses others are dialled.
 */
function matteringIn({ connection, path }: Cell, verdict: Verdict): readonly Member[] {
  const admitted = connection.admitted.filter(({ side }) => side === 0);
  const readers = admitted.filter(({ endpoint }) => isInspected(endpoint.protocol));
  if (readers.length < admitted.length) return readers;
  const selected = readers.filter(({ endpoint }) => path.matched.has(endpoint.path));
  const [first, second] = admitted;
  const hasNetworks = second !== undefined &&
    first!.endpoint.allowedIps.length + second.endpoint.allowedIps.length > 0;
  const drives = selected.length > 1 || passing(verdict) !== 0;
  return [
    ...(hasNetworks ? [first!] : []),
    ...(drives && verdict.driver !== null ? [verdict.driver] : []),
    ...(verdict.unruled === 0
      ? []
      : selected.filter(({ endpoint }) => endpoint.protocol === "mcp")),
  ];
}

/** `GET` implies `HEAD`, and presets write both. */
function isImplied({ rule, member }: MemberRule): boolean {
  if (rule.kind !== "http" || rule.method !== "HEAD") return false;
  const query = JSON.stringify(rule.query);
  return member.endpoint.allow.some((other) =>
    other.kind === "http" && other.method === "GET" && other.path === rule.path &&
    JSON.stringify(other.query) === query
  );
}

function union(applied: readonly { readonly mask: MethodMask }[]): MethodMask {
  return applied.reduce((sum, { mask }) => sum | mask, 0);
}

function raw(
  member: Member,
  rule: MemberRule | null,
  message: string,
  shown: Shown | null,
): RawFinding {
  return {
    message,
    role: "policy",
    rule: member.rule.key,
    endpoint: member.index,
    requestRule: requestRuleOf(rule),
    witness: shown?.witness ?? null,
    foretold: shown?.foretold ?? [],
  };
}
