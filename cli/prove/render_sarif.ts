/**
 * A proof as SARIF 2.1.0, which code scanning services read.
 *
 * @module
 */

import type { Level } from "../../prover/report.ts";
import { printableJson } from "../printable.ts";
import { VERSION } from "../program_version.ts";
import { describeEngines, type JudgedAnswer, type JudgedFinding, type Judgement } from "./judge.ts";
import { replayLine, requestLine } from "./words.ts";

/** Returns the text, with a final line feed. */
export function renderSarif(judgement: Judgement): string {
  return printableJson(JSON.stringify(sarifOf(judgement), null, 2)) + "\n";
}

/** Returns the log that is printed. */
export function sarifOf({ answers, report, notices, ...rest }: Judgement) {
  const { engine, solver } = report;
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{
      tool: {
        driver: {
          name: "openshell policy prove",
          version: VERSION,
          semanticVersion: VERSION,
          rules: answers.map(ruleOf),
        },
      },
      // Columns of a diagnostic count characters, as this says.
      columnKind: "unicodeCodePoints",
      invocations: [{
        executionSuccessful: rest.verdict !== "unknown",
        exitCode: rest.exitCode,
        toolExecutionNotifications: [
          { level: "note", message: { text: describeEngines(report) } },
          ...notices.map(({ message, risk }) => ({
            level: "warning",
            message: { text: message },
            locations: [locationOf(rest.risksFile ?? "risks", { line: risk.line })],
          })),
        ],
      }],
      results: answers.flatMap((answer, index) => resultsOf(answer, index, rest.file)),
      properties: {
        engine,
        solver,
        fast: engine === "exact",
        strict: rest.isStrict,
        verdict: rest.verdict,
      },
    }],
  };
}

function ruleOf({ question, title, meaning, remediation, level }: JudgedAnswer) {
  return {
    id: question,
    shortDescription: { text: title },
    fullDescription: { text: meaning },
    help: { text: remediation },
    defaultConfiguration: { level: level satisfies Level },
  };
}

/** Only what is not proved is a result. No answer is one as well, since it counts as a failure. */
function resultsOf(answer: JudgedAnswer, ruleIndex: number, file: string) {
  const { question, level, status, reason, findings, findingsHidden } = answer;
  const base = { ruleId: question, ruleIndex, level };
  if (status === "unknown") {
    return [{
      ...base,
      message: { text: `No answer: ${reason ?? "the reason is not known"}` },
      locations: [locationOf(file, { line: 1 })],
      partialFingerprints: { "openshellProof/v1": `${question}:unknown` },
    }];
  }
  const hidden = findingsHidden === 0 ? [] : [{
    ...base,
    message: { text: `${findingsHidden} more findings` },
    locations: [locationOf(file, { line: 1 })],
    partialFingerprints: { "openshellProof/v1": `${question}:hidden` },
  }];
  return [...findings.map((finding) => ({ ...base, ...resultOf(finding) })), ...hidden];
}

function resultOf(finding: JudgedFinding) {
  const { message, file, range, fingerprint, accepted, witness, curl, foretold, path } = finding;
  const text = [
    message,
    ...(witness === null ? [] : [`Request: ${requestLine(witness)}`]),
    ...(witness === null || foretold.length === 0 ? [] : [`Replay: ${replayLine(foretold)}`]),
    ...(curl === null ? [] : [`Try it: ${curl}`]),
  ].join("\n");
  return {
    message: { text },
    locations: [{
      ...locationOf(file, {
        line: range?.line ?? 1,
        ...(range === null ? {} : {
          column: range.column,
          endLine: range.endLine,
          endColumn: range.endColumn,
        }),
      }),
      ...(path === null ? {} : { logicalLocations: [{ fullyQualifiedName: path }] }),
    }],
    partialFingerprints: { "openshellProof/v1": fingerprint },
    ...(accepted === null ? {} : {
      suppressions: [{
        kind: "external",
        status: "accepted",
        justification: `${accepted.reason} (until ${accepted.expires})`,
      }],
    }),
    properties: { witness },
  };
}

function locationOf(file: string, region: {
  readonly line: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}) {
  const { line, column, endLine, endColumn } = region;
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(file) },
      region: {
        startLine: line,
        ...(column === undefined ? {} : { startColumn: column }),
        ...(endLine === undefined ? {} : { endLine }),
        ...(endColumn === undefined ? {} : { endColumn }),
      },
    },
  };
}

/** A relative path stays relative: services look it up in the repository. */
function uriOf(file: string): string {
  if (file === "-") return "stdin";
  const encoded = file.split("/").map(encodeURIComponent).join("/").replace(/^(\.\/)+/, "");
  return file.startsWith("/") ? `file://${encoded}` : encoded;
}
