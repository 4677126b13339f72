/**
 * Levels of questions, as `--level QUESTION=LEVEL` gives them.
 *
 * @module
 */

import { nearest } from "../../policy-wasm/parse/nearest.ts";
import { CATALOG } from "../../prover/questions/catalog.ts";
import { UsageError } from "../usage_error.ts";
import type { CommandLevel } from "./judge.ts";

/** What a question's level may be. */
export const LEVELS: readonly CommandLevel[] = ["error", "warning", "note", "off"];

/**
 * Returns levels by question.
 *
 * @throws {UsageError} for a question or level that does not exist
 */
export function parseLevels(
  texts: readonly string[],
  claims: readonly string[],
): Readonly<Record<string, CommandLevel>> {
  const questions = [...Object.keys(CATALOG), ...claims.map((key) => `claim:${key}`)];
  return Object.fromEntries(texts.map((text) => {
    const at = text.lastIndexOf("=");
    const question = at < 0 ? text : text.slice(0, at);
    const level = LEVELS.find((one) => one === text.slice(at + 1));
    if (!questions.includes(question)) throw unknownQuestion(question, questions);
    if (at < 0 || level === undefined) {
      throw new UsageError(
        `Cannot use --level "${text}": it should be QUESTION=${LEVELS.join("|")}`,
      );
    }
    return [question, level];
  }));
}

function unknownQuestion(question: string, questions: readonly string[]): UsageError {
  const near = nearest(question, questions);
  return new UsageError(`Cannot set the level of "${question}": there is no such question`, {
    hint: near === null ? `Write one of ${questions.join(", ")}` : `Write "${near}"`,
  });
}
