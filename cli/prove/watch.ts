/**
 * Proves again whenever an input changes, and prints what changed in the answers.
 *
 * @module
 */

import { POLICY_TEXT_BYTES_MAX } from "../../proto/limits.ts";
import { CodedError } from "../../proto/errors.ts";
import type { Invocation } from "../command.ts";
import { STANDARD_STREAM } from "../files.ts";
import { printableLine } from "../printable.ts";
import { reportError } from "../report_error.ts";
import { type Style, styleOf } from "../style.ts";
import { UsageError } from "../usage_error.ts";
import type { JudgedAnswer, Judgement } from "./judge.ts";
import { FILE_FLAGS } from "./read_input.ts";
import { renderAnswer, renderTable } from "./render_table.ts";
import { statusWord, verdictLine } from "./words.ts";

/** Time between two looks. A change counts when two looks see the same, in milliseconds. */
const LOOK_MS = 200;

/**
 * Prints the first proof in full and then only changes, until a signal ends the program.
 *
 * @throws {UsageError} for standard input, which cannot be read twice
 */
export async function watchProof(
  invocation: Invocation,
  prove: () => Promise<Judgement>,
): Promise<never> {
  const { context } = invocation;
  const { stdout, stderr, machine } = context;
  const files = filesOf(invocation);
  if (files.includes(STANDARD_STREAM)) {
    throw new UsageError('Cannot watch "-": standard input does not change');
  }
  const style = styleOf(stdout, context);
  let last: Judgement | null = null;
  let known = await snapshot(invocation, files);
  for (;;) {
    try {
      const next = await prove();
      stdout.write(last === null ? renderTable(next, style) : renderChanges(last, next, style));
      last = next;
    } catch (error) {
      // A file that is half written is no reason to stop.
      if (!(error instanceof CodedError) || error.code === "internal") throw error;
      const told = { verbosity: invocation.verbosity, style: styleOf(stderr, context) };
      stderr.write(reportError(error, told));
    }
    known = await nextChange(known, () => snapshot(invocation, files), (ms) => machine.sleep(ms));
  }
}

/** Returns what is new since the last proof; one line where nothing is. */
export function renderChanges(before: Judgement, after: Judgement, style: Style): string {
  const old = new Map(before.answers.map((answer) => [answer.question, answer]));
  const changed = after.answers.filter((answer) =>
    keyOf(answer) !== keyOf(old.get(answer.question))
  );
  const names = new Set(after.answers.map(({ question }) => question));
  const gone = before.answers.filter(({ question }) => !names.has(question));
  const verdict = `${style.bold(printableLine(verdictLine(after)))}\n`;
  if (changed.length === 0 && gone.length === 0) return `No answer has changed. ${verdict}`;
  return [
    ...gone.map(({ question }) => `${printableLine(question)}: no longer asked\n`),
    ...changed.map((answer) => {
      const was = old.get(answer.question);
      const from = was === undefined ? "new" : statusWord(was.status);
      const arrow = `${printableLine(answer.question)}: ${from} -> ${statusWord(answer.status)}\n`;
      const isBad = answer.status !== "proved" && answer.status !== "not_asked";
      return isBad ? `${arrow}${renderAnswer(answer, style)}` : arrow;
    }),
    verdict,
  ].join("");
}

function keyOf(answer: JudgedAnswer | undefined): string {
  if (answer === undefined) return "";
  const { level, status, reason, findings, findingsHidden } = answer;
  const found = findings.map(({ fingerprint, accepted }) => [fingerprint, accepted]);
  return JSON.stringify([level, status, reason, found, findingsHidden]);
}

/** Waits until the content is another one, and has stayed so from one look to the next. */
export async function nextChange(
  known: string,
  look: () => Promise<string>,
  sleep: (ms: number) => Promise<void>,
): Promise<string> {
  let seen = known;
  for (;;) {
    await sleep(LOOK_MS);
    const now = await look();
    if (now !== known && now === seen) return now;
    seen = now;
  }
}

function filesOf(invocation: Invocation): readonly string[] {
  const named = FILE_FLAGS.map((flag) => invocation.text(flag)).filter((file) =>
    file !== undefined
  );
  return [invocation.argument("POLICY"), ...named];
}

/** Content of all files; one that cannot be read has none. */
async function snapshot({ context }: Invocation, files: readonly string[]): Promise<string> {
  const decoder = new TextDecoder();
  const parts = await Promise.all(files.map(async (file) => {
    try {
      return decoder.decode(await context.files.read(file, POLICY_TEXT_BYTES_MAX));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }));
  return JSON.stringify(parts);
}
