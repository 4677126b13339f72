/**
 * Writes what came of attacks: a table for people, a document for programs.
 *
 * Pure.
 *
 * @module
 */

import type { AttackResult } from "./run_attacks.ts";

const COLUMNS = ["ID", "AREA", "MODE", "OUTCOME", "REASON", "TITLE"] as const;

/** Returns a line for each result, and one that counts them. */
export function formatTable(results: readonly AttackResult[]): string {
  const rows = [
    COLUMNS,
    ...results.map(({ attack, mode, outcome, reason }) =>
      [attack.id, attack.area, mode, outcome, reason ?? "-", attack.title] as const
    ),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  );
  const problems = results.filter(({ outcome }) => outcome === "FAILED").flatMap((result) => [
    "",
    `${result.mode}: ${result.attack.id}`,
    ...result.problems,
  ]);
  return [...lines, ...problems, "", formatCounts(results), ""].join("\n");
}

/** Returns the results as JSON. */
export function formatJson(results: readonly AttackResult[]): string {
  const documents = results.map(({ attack, mode, outcome, reason, problems }) => ({
    id: attack.id,
    area: attack.area,
    title: attack.title,
    mode,
    outcome,
    reason,
    ...attack.accepted !== undefined && { accepted: attack.accepted },
    ...problems.length > 0 && { problems },
  }));
  return `${JSON.stringify(documents, null, 2)}\n`;
}

function formatCounts(results: readonly AttackResult[]): string {
  const attacks = new Set(results.map(({ attack }) => attack.id)).size;
  const count = (outcome: AttackResult["outcome"]) =>
    results.filter((result) => result.outcome === outcome).length;
  return `${attacks} attacks, ${results.length} times tried: ${count("held")} held, ` +
    `${count("accepted")} accepted, ${count("FAILED")} failed`;
}
