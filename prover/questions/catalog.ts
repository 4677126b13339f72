/**
 * The questions that are built in, as data: what each asks, how bad a refutation is, what to do.
 *
 * @module
 */

import type { Level } from "../report.ts";

/** What a person reads about a question. */
export interface QuestionText {
  readonly level: Level;
  /** What is proved when it is. */
  readonly title: string;
  readonly meaning: string;
  readonly remediation: string;
}

/** By id; ids are part of the interface: append, never rename. */
export const CATALOG = {
  contradictory_rules: {
    level: "error",
    title: "No allow rule is cancelled by deny rules",
    meaning: "Every request that the rule allows is denied by a deny rule, so its author and the " +
      "author of the deny rule want opposite things",
    remediation: "Remove the allow rule, or narrow the deny rule",
  },
  ambiguous_rules: {
    level: "error",
    title: "No two endpoints disagree about one request",
    meaning: "Two endpoints of the same rank take a request and treat it differently, so the " +
      "alphabet decides",
    remediation: "Give both endpoints the same settings, or one of them a more specific path",
  },
  unreachable_rules: {
    level: "warning",
    title: "Every allow rule and endpoint can be reached",
    meaning: "No request can ever match: another endpoint speaks for its paths, or its pattern " +
      "matches nothing that exists",
    remediation: "Remove it, or mend the pattern",
  },
  shadowed_rules: {
    level: "warning",
    title: "No allow rule stands behind an earlier one",
    meaning: "Earlier rules allow everything that it allows, so it never decides",
    remediation: "Remove it, or narrow the earlier rule if this one was meant to be the limit",
  },
  redundant_rules: {
    level: "note",
    title: "No allow rule could be left out",
    meaning: "Other rules together allow everything that it allows",
    remediation: "Remove it if that is not on purpose",
  },
  idle_denies: {
    level: "warning",
    title: "Every deny rule denies something",
    meaning: "Nothing that it matches would be allowed without it",
    remediation: "Remove it, or mend its pattern: it may protect nothing",
  },
  within_ceiling: {
    level: "error",
    title: "The policy allows nothing beyond the ceiling",
    meaning: "A request passes the policy that the ceiling does not let pass",
    remediation: "Narrow the rule to what the ceiling allows",
  },
  above_floor: {
    level: "error",
    title: "The policy allows everything that the floor allows",
    meaning: "A request passes the floor that the policy does not let pass",
    remediation: "Add a rule for it, or take it out of the floor",
  },
  same_as_baseline: {
    level: "note",
    title: "The policy lets pass exactly what the baseline lets pass",
    meaning: "A request passes one of the two and not the other",
    remediation: "Review the table of changes",
  },
  metadata_reach: {
    level: "error",
    title: "Nothing reaches the machine itself, link-local or metadata addresses",
    meaning: "A name or address of the machine or of a metadata service is admitted; such " +
      "services hand out credentials to whoever asks",
    remediation: "Remove the host, or narrow the pattern that covers it",
  },
  private_reach: {
    level: "note",
    title: "Nothing reaches private addresses on purpose",
    meaning: "An address literal or `allowed_ips` opens internal networks",
    remediation: "Keep `allowed_ips` as narrow as the service needs",
  },
  write_bypass: {
    level: "error",
    title: "No write goes past inspection",
    meaning: "A host whose requests are inspected somewhere also takes a write that nobody " +
      "judges, or one that audit mode lets pass",
    remediation: "Set `enforcement: enforce`, and give the host one inspected protocol everywhere",
  },
  public_suffix_wildcard: {
    level: "warning",
    title: "No wildcard covers hosts of strangers",
    meaning: "Anybody can register a name that the pattern matches",
    remediation: "Name the hosts that are meant",
  },
  uninspected_credentials: {
    level: "warning",
    title: "No credential is in scope of uninspected traffic",
    meaning: "A credential may be used in bytes that nobody reads",
    remediation: "Give the endpoint an inspected protocol, or the credential another host",
  },
  exfiltration: {
    level: "warning",
    title: "No data can be written outside the trusted hosts",
    meaning: "A program that can read a secret or use a credential can send data elsewhere",
    remediation: "Restrict the endpoint to reading methods, or trust its host",
  },
  read_carries_data: {
    level: "note",
    title: "No reading request leaves the trusted hosts",
    meaning: "Path and query of a GET can carry data out",
    remediation: "Restrict path and query, or trust the host",
  },
  link_local_reach: {
    level: "error",
    title: "No endpoint names a link-local or metadata address",
    meaning: "Category of the reference prover: the host is link-local or a metadata service",
    remediation: "Remove the endpoint",
  },
  l7_bypass_credentialed: {
    level: "warning",
    title: "No program that speaks its own protocol reaches a host with a credential",
    meaning: "Category of the reference prover: the program's protocol is not HTTP, so request " +
      "rules do not judge it",
    remediation: "Restrict the binaries of the rule, or take the host out of the credential",
  },
  credential_reach_expansion: {
    level: "warning",
    title: "No program newly reaches a host with a credential",
    meaning: "Category of the reference prover: a program can use the credential there",
    remediation: "Restrict the binaries of the rule to those that need the credential",
  },
  capability_expansion: {
    level: "warning",
    title: "No program gains a method at a host with a credential",
    meaning: "Category of the reference prover: a program can use the credential with this method",
    remediation: "Restrict the methods of the rule",
  },
} as const satisfies Readonly<Record<string, QuestionText>>;

/** Id of a built-in question. */
export type QuestionId = keyof typeof CATALOG;
