/**
 * Takes one word of a command line apart into the flags it gives.
 *
 * @module
 */

import type { Flag } from "./command.ts";

/** One flag in a word. */
export interface GivenFlag {
  /** The flag, `undefined` where no such flag is known. */
  readonly flag: Flag | undefined;
  /** As the person wrote it, for messages. */
  readonly shown: string;
  /** Value in the same word, `undefined` where none is glued on. */
  readonly value: string | undefined;
}

/** True for a word that is read as flags. A single dash is an argument: standard input. */
export function isFlag(word: string): boolean {
  return word.startsWith("-") && word !== "-" && word !== "--";
}

/** Splits `--name`, `--name=value`, `-x`, `-xyz`, `-xvalue` and `-x=value`. Never empty. */
export function splitFlags(word: string, flags: readonly Flag[]): readonly GivenFlag[] {
  if (word.startsWith("--")) {
    const [shown, value] = cutAtEquals(word);
    return [{ flag: flags.find((flag) => `--${flag.name}` === shown), shown, value }];
  }
  const given: GivenFlag[] = [];
  for (let index = 1; index < word.length; index += 1) {
    const shown = `-${word[index]}`;
    const flag = flags.find((candidate) => candidate.short === word[index]);
    if (flag === undefined) return [...given, { flag, shown, value: undefined }];
    if (hasValue(flag)) {
      const rest = word.slice(index + 1);
      const value = rest === "" ? undefined : rest.replace(/^=/, "");
      return [...given, { flag, shown, value }];
    }
    given.push({ flag, shown, value: undefined });
  }
  return given;
}

/** True for a flag that stands with a value. */
export function hasValue(flag: Flag): flag is Exclude<Flag, { kind: "switch" | "count" }> {
  return flag.kind === "text" || flag.kind === "integer";
}

/** True when the word after this one is the value of its last flag. */
export function wantsNextWord(given: readonly GivenFlag[]): boolean {
  const last = given.at(-1);
  return last?.flag !== undefined && hasValue(last.flag) && last.value === undefined;
}

function cutAtEquals(word: string): [string, string | undefined] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}
