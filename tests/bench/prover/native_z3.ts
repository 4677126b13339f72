/**
 * The machine's own z3, where there is one: the same formulas, and what becomes of patterns that
 * are handed to it as regular expressions.
 *
 * @module
 */

import type { HttpRule, Policy } from "../../../policy-wasm/policy.ts";
import { prove } from "../../../prover/prove.ts";
import type { SolverPort } from "../../../prover/solver/port.ts";
import { type Asked, inputOf } from "./policies.ts";

/** What z3 said, and how long it took. */
export interface Solved {
  readonly answer: string;
  readonly ms: number;
}

/** Returns the version, `null` where the machine has no z3. */
export async function nativeVersion(): Promise<string | null> {
  try {
    const { stdout } = await new Deno.Command("z3", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Asks a process of its own, start included. */
export async function solveNatively(script: string, timeoutS: number): Promise<Solved> {
  const start = performance.now();
  const child = new Deno.Command("z3", {
    args: ["-in", `-T:${timeoutS}`],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${script}(check-sat)\n`));
  await writer.close();
  const { stdout } = await output;
  const answer = new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "";
  return { answer, ms: performance.now() - start };
}

/** Returns the formulas of one proof, and how long the usual solver takes for each. */
export async function formulasOf(
  asked: Asked,
  rules: number,
  solver: SolverPort,
): Promise<readonly { readonly script: string; readonly wasm: Solved }[]> {
  const formulas: { script: string; wasm: Solved }[] = [];
  const timed: SolverPort = {
    name: "timed",
    check: async (script, timeoutMs) => {
      const start = performance.now();
      const answer = await solver.check(script, timeoutMs);
      formulas.push({ script, wasm: { answer, ms: performance.now() - start } });
      return answer;
    },
  };
  await prove(inputOf(asked, rules), { engine: "both", solver: timed, timeoutMs: 300_000 });
  return formulas;
}

/** Returns containment with hosts, paths and methods as text, and patterns as expressions. */
export function naiveContainment(policy: Policy, ceiling: Policy): string {
  return [
    "(set-logic ALL)",
    ...["binary", "host", "path", "method", "verbose"].map((name) =>
      `(declare-const ${name} String)`
    ),
    "(declare-const port Int)",
    `(assert ${passes(policy)})`,
    `(assert (not ${passes(ceiling)}))`,
    "",
  ].join("\n");
}

function passes({ rules }: Policy): string {
  const parts = rules.flatMap(({ binaries, endpoints }) =>
    endpoints.flatMap(({ host, ports, allow }) =>
      allow.filter((rule) => rule.kind === "http").map((rule) =>
        `(and ${anyOf(binaries.map(({ path }) => matches("binary", path, "/")))} ` +
        `${matches("host", host, ".")} ${anyOf(ports.map((port) => `(= port ${port})`))} ` +
        `${request(rule)})`
      )
    )
  );
  return anyOf(parts);
}

function request({ method, path, query }: HttpRule): string {
  const methods = method === "GET" ? ["GET", "HEAD"] : [method];
  const named = method === "*" ? "true" : anyOf(methods.map((name) => `(= method "${name}")`));
  const values = query.map(({ value }) => anyOf(value.map((one) => matches("verbose", one, "."))));
  return `${named} ${matches("path", path, "/")} ${values.join(" ")}`;
}

function anyOf(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : `(or false ${parts.join(" ")})`;
}

function matches(variable: string, pattern: string, separator: string): string {
  const rest = separator === "/"
    ? `(re.union (re.range " " ".") (re.range "0" "~"))`
    : `(re.union (re.range " " "-") (re.range "/" "~"))`;
  const tokens = pattern.match(/\*\*|\*|\[[^\]]*\]|[^*[]+/g) ?? [];
  if (tokens.length === 1 && !/[*[]/.test(pattern)) return `(= ${variable} "${pattern}")`;
  const parts = tokens.map((token) => {
    if (token === "**") return "(re.* re.allchar)";
    if (token === "*") return `(re.* ${rest})`;
    if (!token.startsWith("[")) return `(str.to_re "${token}")`;
    return `(re.union ${[...token.slice(1, -1)].map((one) => `(str.to_re "${one}")`).join(" ")})`;
  });
  const text = parts.length === 1 ? parts[0]! : `(re.++ ${parts.join(" ")})`;
  return `(str.in_re ${variable} ${text})`;
}
