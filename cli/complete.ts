/**
 * Decides what a shell offers at the cursor.
 *
 * Tolerant where the parser is strict: a line that is half written is still completed.
 *
 * @module
 */

import type { Command, Completion, Flag } from "./command.ts";
import { childOf, FLAGS_BEFORE_VERB } from "./find_command.ts";
import { flagsOf } from "./parse_args.ts";
import { hasValue, isFlag, splitFlags, wantsNextWord } from "./split_flags.ts";

/** One word that fits at the cursor. */
export interface Candidate {
  readonly value: string;
  readonly summary: string;
}

/** What fits at the cursor: words, or whatever the shell itself knows of this kind. */
export interface Completions {
  readonly kind: "words" | Exclude<Completion, "none">;
  /** Empty unless the kind is `words`. */
  readonly candidates: readonly Candidate[];
}

/** Returns what fits for `current`, the word at the cursor, after the words before it. */
export function complete(
  program: Command,
  before: readonly string[],
  current: string,
): Completions {
  const state = follow(program, before);
  if (state.pending !== undefined) return valuesOf(state.pending, "", current);
  if (state.afterDashes) {
    return state.command.passthrough === undefined ? completeArgument(state, current) : NOTHING;
  }
  if (current.startsWith("-")) return completeFlag(state, current);
  if (state.command.commands !== undefined) {
    const visible = state.command.commands.filter((child) => child.hidden !== true);
    return words(visible.map(({ name, summary }) => ({ value: name, summary })), current);
  }
  return completeArgument(state, current);
}

interface State {
  command: Command;
  /** Flags that fit here. */
  flags: readonly Flag[];
  readonly used: Set<string>;
  /** Flag whose value the next word is. */
  pending: Flag | undefined;
  afterDashes: boolean;
  /** Arguments before the cursor. */
  argumentCount: number;
}

const NOTHING: Completions = { kind: "words", candidates: [] };

function follow(program: Command, before: readonly string[]): State {
  const state: State = {
    command: program,
    flags: FLAGS_BEFORE_VERB,
    used: new Set(),
    pending: undefined,
    afterDashes: false,
    argumentCount: 0,
  };
  for (const word of before) step(state, word);
  return state;
}

function step(state: State, word: string): void {
  if (state.pending !== undefined) {
    state.pending = undefined;
  } else if (state.afterDashes) {
    state.argumentCount += 1;
  } else if (word === "--") {
    state.afterDashes = true;
  } else if (isFlag(word)) {
    const given = splitFlags(word, state.flags);
    for (const { flag } of given) if (flag !== undefined) state.used.add(flag.name);
    state.pending = wantsNextWord(given) ? given.at(-1)?.flag : undefined;
  } else {
    const child = childOf(state.command, word);
    if (child === undefined) {
      state.argumentCount += 1;
    } else {
      state.command = child;
      state.flags = child.commands === undefined ? flagsOf(child) : FLAGS_BEFORE_VERB;
    }
  }
}

function completeFlag(state: State, current: string): Completions {
  const [given] = splitFlags(current, state.flags);
  if (current.startsWith("--") && given?.flag !== undefined && given.value !== undefined) {
    return valuesOf(given.flag, `${given.shown}=`, given.value);
  }
  const offered = state.flags.filter((flag) =>
    flag.hidden !== true && (mayRepeat(flag) || !state.used.has(flag.name))
  );
  return words(
    offered.map((flag) => ({ value: `--${flag.name}`, summary: flag.summary })),
    current === "-" ? "--" : current,
  );
}

function completeArgument(state: State, current: string): Completions {
  const declared = state.command.arguments ?? [];
  const last = declared.at(-1);
  const argument = declared[state.argumentCount] ?? (last?.repeated === true ? last : undefined);
  return argument === undefined ? NOTHING : offer(argument, "", current);
}

function valuesOf(flag: Flag, prefix: string, current: string): Completions {
  return flag.kind === "text" ? offer(flag, prefix, current) : NOTHING;
}

function offer(
  of: { readonly choices?: readonly string[]; readonly complete?: Completion },
  prefix: string,
  current: string,
): Completions {
  if (of.choices !== undefined) {
    const all = of.choices.map((choice) => ({ value: prefix + choice, summary: "" }));
    return words(all, prefix + current);
  }
  return of.complete === undefined || of.complete === "none"
    ? NOTHING
    : { kind: of.complete, candidates: [] };
}

function mayRepeat(flag: Flag): boolean {
  return flag.kind === "count" ||
    (hasValue(flag) && flag.kind === "text" && flag.repeated === true);
}

function words(candidates: readonly Candidate[], current: string): Completions {
  return { kind: "words", candidates: candidates.filter(({ value }) => value.startsWith(current)) };
}
