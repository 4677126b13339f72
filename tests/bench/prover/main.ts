/**
 * How long proofs take, cold and warm, beside the machine's own z3 and beside patterns as regular
 * expressions; prints tables, and which budgets hold.
 *
 * `deno task bench:prover` takes some minutes; with `--quick` it leaves the largest policies out.
 *
 * @module
 */

import type { Policy } from "../../../policy-wasm/policy.ts";
import { prove } from "../../../prover/prove.ts";
import { startZ3 } from "../../../prover/solver/z3.ts";
import { duration, grouped, table } from "../table.ts";
import {
  formulasOf,
  naiveContainment,
  nativeVersion,
  type Solved,
  solveNatively,
} from "./native_z3.ts";
import { ASKED, type Asked, oneHost } from "./policies.ts";
import { type Measured, runProof } from "./run_proof.ts";

/** Asks this program to prove one thing. */
const PROOF = "--proof";

const SIZES = [10, 200, 1_000, 5_000];
const NAIVE_SIZES = [3, 6, 10, 30];
const NAIVE_TIMEOUT_S = 10;

async function main(isQuick: boolean): Promise<void> {
  const sizes = isQuick ? SIZES.slice(0, 2) : SIZES;
  const measured = new Map<string, Measured>();
  for (const rules of sizes) {
    const rows: string[][] = [];
    for (const asked of ASKED) {
      const [exact, both] = [
        await measure(asked, rules, "exact"),
        await measure(asked, rules, "both"),
      ];
      measured.set(`${asked} ${rules} exact`, exact).set(`${asked} ${rules} both`, both);
      rows.push([asked, ...timesOf(exact), ...timesOf(both), grouped(both.cells)]);
    }
    const head = [
      "asked",
      "exact cold",
      "CPU",
      "warm",
      "MB",
      "both cold",
      "CPU",
      "warm",
      "MB",
      "cells",
    ];
    console.log(table(`${grouped(rules)} request rules`, head, rows));
  }
  await compareSolvers(isQuick);
  const head = ["all questions of a policy", "at most", "measured", ""];
  console.log(table("Budgets", head, budgetsOf(measured)));
  console.log(`Load of the machine over the last minute: ${Deno.loadavg()[0]!.toFixed(2)}`);
}

async function measure(asked: Asked, rules: number, engine: string): Promise<Measured> {
  const script = new URL(import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, PROOF, asked, String(rules), engine],
    stderr: "inherit",
  }).output();
  if (!success) Deno.exit(1);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function timesOf({ coldMs, coldCpuMs, warmMs, peakMb, unknown }: Measured): readonly string[] {
  const doubt = unknown === 0 ? "" : ` (${unknown} unknown)`;
  return [
    `${duration(coldMs * 1e6)}${doubt}`,
    duration(coldCpuMs * 1e6),
    warmMs === null ? "-" : duration(warmMs * 1e6),
    peakMb.toFixed(0),
  ];
}

/** The same formulas in both builds of z3, and one question without atoms. */
async function compareSolvers(isQuick: boolean): Promise<void> {
  const version = await nativeVersion();
  if (version === null) {
    console.log("There is no z3 on this machine to compare with (apt-get install z3)\n");
    return;
  }
  const solver = await startZ3();
  const rows: string[][] = [];
  for (const rules of isQuick ? [10, 200] : [10, 200, 1_000]) {
    for (const asked of ASKED) {
      const formulas = await formulasOf(asked, rules, solver);
      let [wasmMs, nativeMs] = [0, 0];
      for (const { script, wasm } of formulas) {
        const native = await solveNatively(script, 60);
        const agrees = native.answer === wasm.answer ? "" : ` ${native.answer}!`;
        if (agrees !== "") rows.push([`${asked}: the two disagree${agrees}`, "", "", "", ""]);
        [wasmMs, nativeMs] = [wasmMs + wasm.ms, nativeMs + native.ms];
      }
      const size = formulas.reduce((sum, { script }) => sum + script.length, 0);
      rows.push([
        asked,
        grouped(rules),
        `${formulas.length} of ${grouped(size)} characters`,
        duration(wasmMs * 1e6),
        duration(nativeMs * 1e6),
      ]);
    }
  }
  const head = ["asked", "rules", "formulas", "WebAssembly", version];
  console.log(table("z3 over atoms, one process for each formula on the right", head, rows));
  await compareNaive(isQuick);
  (solver as { close?: () => void }).close?.();
}

async function compareNaive(isQuick: boolean): Promise<void> {
  const rows: string[][] = [];
  for (const rules of isQuick ? NAIVE_SIZES.slice(0, 3) : NAIVE_SIZES) {
    const [policy, ceiling] = [oneHost(rules, false), oneHost(rules, true)];
    const solved = await solveNatively(naiveContainment(policy, ceiling), NAIVE_TIMEOUT_S);
    const refuted = await solveNatively(naiveContainment(ceiling, policy), NAIVE_TIMEOUT_S);
    const start = performance.now();
    const { answers } = await prove({ policy: subject(policy), ceiling: subject(ceiling) });
    const ms = performance.now() - start;
    const { status } = answers.find(({ question }) => question === "within_ceiling")!;
    rows.push([
      grouped(rules),
      textOf(solved),
      textOf(refuted),
      textOf({ answer: status, ms }),
    ]);
  }
  const title = `Containment with patterns as regular expressions, at most ${NAIVE_TIMEOUT_S} s`;
  console.log(
    table(title, ["rules", "that holds", "that does not", "over atoms, that holds"], rows),
  );
}

function subject(policy: Policy) {
  return { policy, locate: () => null };
}

function textOf({ answer, ms }: Solved): string {
  return `${answer} ${duration(ms * 1e6)}`;
}

function budgetsOf(measured: ReadonlyMap<string, Measured>): readonly string[][] {
  const limits = [[200, 300, 3_000], [1_000, 1_000, 6_000]] as const;
  return limits.flatMap(([rules, exactMs, bothMs]) => {
    const exact = measured.get(`policy alone ${rules} exact`);
    const both = measured.get(`policy alone ${rules} both`);
    if (exact === undefined || both === undefined) return [];
    return [
      budget(`${grouped(rules)} rules, cold, exact, ms`, exact.coldMs, exactMs),
      budget("  the same, time of processors", exact.coldCpuMs, exactMs),
      budget(`${grouped(rules)} rules, cold, both, ms`, both.coldMs, bothMs),
      budget("  the same, time of processors", both.coldCpuMs, bothMs),
      budget(`${grouped(rules)} rules, both, MB`, both.peakMb, MEMORY_MB),
    ];
  });
}

const MEMORY_MB = 500;

function budget(name: string, got: number, limit: number): string[] {
  return [name, grouped(limit), grouped(Math.round(got)), got <= limit ? "holds" : "MISSED"];
}

/** Measures one proof and prints it as JSON, in a process that this program started. */
async function proveOne([asked, rules, engine]: readonly string[]): Promise<never> {
  const measured = await runProof(asked as Asked, Number(rules), engine as "exact" | "both");
  console.log(JSON.stringify(measured));
  // The solver may keep its threads.
  Deno.exit(0);
}

if (import.meta.main) {
  const [first, ...rest] = Deno.args;
  await (first === PROOF ? proveOne(rest) : main(Deno.args.includes("--quick")));
  Deno.exit(0);
}
