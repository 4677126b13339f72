/**
 * `openshell policy prove`.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { PROOF_COMMAND_MS_DEFAULT } from "../../proto/proof_limits.ts";
import { EngineDisagreementError, ReplayMismatchError } from "../../prover/errors.ts";
import type { ProofInput, ProofOptions } from "../../prover/input.ts";
import { prove as proveInput } from "../../prover/prove.ts";
import type { Level, ProofReport } from "../../prover/report.ts";
import type { Registry } from "../../prover/registry/registry.ts";
import { SolverError } from "../../prover/solver/z3.ts";
import type { Invocation } from "../command.ts";
import { EXIT_BAD_INPUT, EXIT_DISAGREEMENT, EXIT_UNKNOWN } from "../exit.ts";
import { reportError } from "../report_error.ts";
import { styleOf } from "../style.ts";
import { UsageError } from "../usage_error.ts";
import { judge, type Judgement } from "./judge.ts";
import { parseLevels } from "./levels.ts";
import { NativeSolverError, openNativeSolver } from "./native_solver.ts";
import { ProgressClock } from "./progress.ts";
import { readProofInput } from "./read_input.ts";
import { render } from "./render.ts";
import { watchProof } from "./watch.ts";

/** Proves one policy, and returns an exit code of its own: see `PROVE`. */
export async function prove(invocation: Invocation): Promise<number> {
  return await withProofCodes(invocation, async () => {
    checkFlags(invocation);
    if (invocation.switch("watch")) return await watchProof(invocation, () => judged(invocation));
    const judgement = await judged(invocation);
    const { stdout } = invocation.context;
    const format = invocation.requiredText("output");
    stdout.write(render(judgement, format, styleOf(stdout, invocation.context)));
    return judgement.exitCode;
  });
}

/** Reads everything, proves it and judges the answers. */
async function judged(invocation: Invocation): Promise<Judgement> {
  const { input, registry, ...read } = await readProofInput(invocation);
  const levels = parseLevels(invocation.texts("level"), read.claimKeys);
  const report = await runProof(invocation, input, { registry });
  return judge(report, {
    files: read.files,
    levels,
    risks: read.risks,
    risksFile: read.risksFile,
    isStrict: invocation.switch("strict"),
  });
}

/** Runs the prover as the flags of a command say; they are those of `PROOF_FLAGS`. */
export async function runProof(
  invocation: Invocation,
  input: ProofInput,
  { registry = null, levels = {} }: {
    readonly registry?: Registry | null;
    readonly levels?: Readonly<Record<string, Level>>;
  } = {},
): Promise<ProofReport> {
  const clock = new ProgressClock(invocation.context.stderr);
  const isNative = invocation.text("solver") === "native";
  const options: ProofOptions = {
    engine: invocation.switch("fast") ? "exact" : "both",
    timeoutMs: parseTimeout(invocation.text("timeout")),
    levels,
    now: clock.now,
    ...(registry === null ? {} : { registry }),
    ...(isNative ? { solver: await openNativeSolver() } : {}),
  };
  try {
    return await proveInput(input, options);
  } finally {
    clock.end();
  }
}

/** Reports what went wrong, and says by the exit code whether the input or the prover is at fault. */
export async function withProofCodes(
  invocation: Invocation,
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const code = proofCodeOf(error);
    if (code === null) throw error;
    const { stderr } = invocation.context;
    const style = styleOf(stderr, invocation.context);
    stderr.write(reportError(error, { verbosity: invocation.verbosity, style }));
    return code;
  }
}

/** Returns the exit code of an error, `null` for what is no matter of a proof. */
export function proofCodeOf(error: unknown): number | null {
  if (error instanceof EngineDisagreementError || error instanceof ReplayMismatchError) {
    return EXIT_DISAGREEMENT;
  }
  // Without the second engine nothing is proved.
  if (error instanceof SolverError || error instanceof NativeSolverError) return EXIT_UNKNOWN;
  if (!(error instanceof CodedError)) return null;
  return error.code === "internal" ? EXIT_DISAGREEMENT : EXIT_BAD_INPUT;
}

/** @throws {UsageError} for flags that contradict one another */
function checkFlags(invocation: Invocation): void {
  if (invocation.switch("fast") && invocation.text("solver") !== undefined) {
    throw new UsageError("Cannot use --solver with --fast: there is no second engine then");
  }
  if (invocation.switch("watch") && invocation.requiredText("output") !== "table") {
    throw new UsageError("Cannot use --watch with --output: it prints what changes, for a person");
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Longest time of one proof, in milliseconds. Beyond it the flag is refused. */
const TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000;

/** Returns milliseconds. @throws {UsageError} */
export function parseTimeout(text: string | undefined): number {
  if (text === undefined) return PROOF_COMMAND_MS_DEFAULT;
  const [, number, unit] = /^(\d{1,8})(ms|s|m)$/.exec(text) ?? [];
  const timeoutMs = Number(number) * (UNITS[unit ?? ""] ?? NaN);
  if (timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX) return timeoutMs;
  throw new UsageError(
    `Cannot use --timeout "${text}": it should be a time such as 500ms, 60s or 5m`,
  );
}
