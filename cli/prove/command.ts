/**
 * `openshell policy prove` as data.
 *
 * @module
 */

import type { Command, Flag, TextFlag } from "../command.ts";

/** How a proof is done: the same for each command that has one. */
export const PROOF_FLAGS: readonly Flag[] = [
  {
    kind: "switch",
    name: "fast",
    summary: "Use the exact engine alone, without z3 to confirm it",
  },
  {
    kind: "text",
    name: "solver",
    value: "SOLVER",
    summary: "Second engine: the built-in z3 (default), or the native z3 on the PATH",
    choices: ["z3", "native"],
  },
  {
    kind: "text",
    name: "timeout",
    value: "TIME",
    summary: "Time of the proof, such as 500ms, 60s or 5m; what has no answer then is unknown",
    default: "60s",
  },
];

function file(name: string, summary: string): TextFlag {
  return { kind: "text", name, value: "FILE", summary, complete: "files" };
}

/** Built-in questions by level, for the help: the catalogue itself is loaded when it is needed. */
export const QUESTIONS = {
  error: [
    "contradictory_rules",
    "ambiguous_rules",
    "within_ceiling",
    "above_floor",
    "metadata_reach",
    "write_bypass",
    "link_local_reach",
  ],
  warning: [
    "unreachable_rules",
    "shadowed_rules",
    "idle_denies",
    "public_suffix_wildcard",
    "uninspected_credentials",
    "exfiltration",
    "l7_bypass_credentialed",
    "credential_reach_expansion",
    "capability_expansion",
  ],
  note: ["redundant_rules", "same_as_baseline", "private_reach", "read_carries_data"],
} as const;

/** `openshell policy prove`. */
export const PROVE: Command = {
  name: "prove",
  summary: "Prove what holds for all requests of a policy, or show one that breaks it",
  description: [
    "Answers each question as proved, as refuted with a concrete request, or as unknown. Two " +
    "engines answer, an exact one and z3, and have to agree. Every request that is shown was " +
    "decided by the evaluator that a sandbox runs.",
    "Each question has a level: error, warning or note. Errors decide the exit code, with --strict " +
    "warnings as well. --level changes the level of a question, and turns it off. A claim named " +
    "NAME is the question claim:NAME, an error unless it says otherwise.",
    ...Object.entries(QUESTIONS).map(([level, names]) => `Of level ${level}: ${names.join(", ")}.`),
    "Exits with 0 when all errors are proved absent, 1 when one is refuted, 2 for bad input, 3 when " +
    "one came to no answer, 4 when the engines contradict each other.",
  ],
  arguments: [
    { name: "POLICY", summary: "Policy file, or - for standard input", complete: "files" },
  ],
  flags: [
    file("ceiling", "Policy that this one may allow nothing beyond"),
    file("floor", "Policy all of which this one has to allow"),
    file("baseline", "Policy to compare with: what is new counts"),
    file("claims", "Claims: what never passes, and what always does"),
    file("providers", "Credentials in scope and their hosts"),
    file("registry", "What programs can do, in place of the built-in registry"),
    file("risks", "Findings that are accepted, why and until when"),
    {
      kind: "text",
      name: "level",
      value: "QUESTION=LEVEL",
      summary: "Level of a question: error, warning, note or off",
      repeated: true,
    },
    { kind: "switch", name: "strict", summary: "Let warnings decide the exit code as well" },
    ...PROOF_FLAGS,
    {
      kind: "text",
      name: "output",
      short: "o",
      value: "FORMAT",
      summary: "Format of the result on standard output",
      choices: ["table", "json", "sarif", "junit", "github"],
      default: "table",
    },
    {
      kind: "switch",
      name: "watch",
      summary: "Prove again when a file changes, and print which answers changed",
    },
  ],
  examples: [
    { purpose: "Prove a policy", line: "openshell policy prove policy.yaml" },
    {
      purpose: "Prove in a GitHub workflow that it stays within what the company allows",
      line: "openshell policy prove policy.yaml --ceiling company.yaml -o github",
    },
    {
      purpose: "Let one question fail the build, and ask another no more",
      line: "openshell policy prove policy.yaml --level shadowed_rules=error \\\n" +
        "    --level read_carries_data=off",
    },
  ],
  load: async () => (await import("./run.ts")).prove,
};
