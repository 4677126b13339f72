/**
 * For tests: policies in which each expected finding is marked where it belongs.
 *
 * `port: «port_out_of_range»0` says that the value `0` gets exactly that code, and that nothing
 * else is found anywhere else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ParsedPolicy, parsePolicy } from "../parse_policy.ts";

/** A case of a table: a marked policy and, where it matters, the fixes in source order. */
export interface MarkedCase {
  readonly name: string;
  readonly policy: string;
  readonly fix?: string | null;
}

/** Parses a marked policy, checks every finding and its place, and returns the result. */
export function checkMarked(marked: string): ParsedPolicy {
  const { text, want } = unmark(marked);
  const parsed = parsePolicy(text);
  const got = parsed.diagnostics.map((d) => `${d.line}:${d.column} ${d.code}`);
  const messages = parsed.diagnostics.map((d) => d.message).join("\n");
  assert.deepEqual(got.sort(), want.sort(), `${text.slice(0, 2000)}\n${messages}`);
  const hasErrors = parsed.diagnostics.some((d) => d.severity === "error");
  assert.equal(parsed.policy === null, hasErrors);
  return parsed;
}

/** Checks a case of a table. */
export function checkCase({ policy, fix }: MarkedCase): void {
  const { diagnostics } = checkMarked(policy);
  if (fix !== undefined) assert.equal(diagnostics[0]?.fix ?? null, fix);
}

/** Returns the codes that a marked policy expects. */
export function markedCodes(marked: string): string[] {
  return [...marked.matchAll(MARK)].map((match) => match[1]!);
}

/** Wraps the lines of one endpoint. */
export function withEndpoint(lines: string): string {
  return withEndpoints(`- ${lines.replaceAll("\n", "\n  ")}`);
}

/** Wraps a list of endpoints. */
export function withEndpoints(lines: string): string {
  const indented = lines.split("\n").map((line) => `      ${line}`).join("\n");
  return `version: 1
network_policies:
  r:
    endpoints:
${indented}
    binaries: [{ path: /usr/bin/curl }]
`;
}

/** Wraps entries of `rules` of a `rest` endpoint or one with other lines. */
export function withRules(lines: string, endpoint = "protocol: rest"): string {
  return withEndpoint(`host: a.example.com\nport: 443\n${endpoint}\nrules:\n${indent(lines)}`);
}

/** Wraps entries of `deny_rules` of a `rest` endpoint or one with other lines. */
export function withDenyRules(
  lines: string,
  endpoint = "protocol: rest\naccess: read-only",
): string {
  return withEndpoint(`host: a.example.com\nport: 443\n${endpoint}\ndeny_rules:\n${indent(lines)}`);
}

/** Wraps `network_middlewares` beside one L4 endpoint. */
export function withMiddlewares(lines: string, tls = ""): string {
  return withEndpoint(`host: a.example.com\nport: 443${tls}`) +
    `network_middlewares:\n${indent(lines)}\n`;
}

const MARK = /«([a-z_]+)»/g;

function indent(lines: string): string {
  return lines.split("\n").map((line) => `  ${line}`).join("\n");
}

function unmark(marked: string): { text: string; want: string[] } {
  const want: string[] = [];
  const lines = marked.split("\n").map((line, index) => {
    for (let match = /«([a-z_]+)»/.exec(line); match; match = /«([a-z_]+)»/.exec(line)) {
      want.push(`${index + 1}:${[...line.slice(0, match.index)].length + 1} ${match[1]}`);
      line = line.slice(0, match.index) + line.slice(match.index + match[0].length);
    }
    return line;
  });
  return { text: lines.join("\n"), want };
}
