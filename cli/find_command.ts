/**
 * Finds the verb that a command line names.
 *
 * @module
 */

import type { Command, Flag } from "./command.ts";
import { GLOBAL_FLAGS, OUTPUT_FLAG, REMOTE_FLAGS } from "./flags.ts";
import { isFlag, splitFlags, wantsNextWord } from "./split_flags.ts";
import { nearest } from "../policy-wasm/parse/nearest.ts";
import { unknownFlagError, UsageError } from "./usage_error.ts";

/** Flags that may stand before the verb. The verb then decides whether it takes them. */
export const FLAGS_BEFORE_VERB: readonly Flag[] = [
  ...GLOBAL_FLAGS,
  OUTPUT_FLAG,
  ...REMOTE_FLAGS,
];

/** The command that is named, how to get there, and what is left for it. */
export interface FoundCommand {
  readonly command: Command;
  /** Names from the program down, aliases resolved. */
  readonly path: readonly string[];
  /** Flags and arguments, without the names of the commands. */
  readonly args: readonly string[];
}

/**
 * Follows names and aliases down to a verb, or to the last group that is named.
 *
 * @throws {UsageError} for a name or a leading flag that does not exist
 */
export function findCommand(program: Command, args: readonly string[]): FoundCommand {
  const path = [program.name];
  const flags: string[] = [];
  let command = program;
  let index = 0;
  while (command.commands !== undefined && index < args.length && args[index] !== "--") {
    const word = args[index++]!;
    if (!isFlag(word)) {
      command = childOf(command, word) ?? unknownCommand(command, word, path.join(" "));
      path.push(command.name);
      continue;
    }
    const given = splitFlags(word, FLAGS_BEFORE_VERB);
    const unknown = given.find((one) => one.flag === undefined);
    if (unknown !== undefined) {
      throw unknownFlagError(unknown.shown, FLAGS_BEFORE_VERB, path.join(" "));
    }
    flags.push(word);
    if (wantsNextWord(given) && index < args.length) flags.push(args[index++]!);
  }
  return { command, path, args: [...flags, ...args.slice(index)] };
}

/** Returns the command of a group by name or alias. */
export function childOf(group: Command, word: string): Command | undefined {
  return group.commands?.find((child) =>
    child.name === word || child.aliases?.includes(word) === true
  );
}

function unknownCommand(group: Command, word: string, name: string): never {
  const names = (group.commands ?? []).filter((command) => command.hidden !== true)
    .flatMap((command) => [command.name, ...command.aliases ?? []]);
  const near = nearest(word, names);
  throw new UsageError(`Cannot find command "${word}": "${name}" has no such command`, {
    hint: near === null
      ? `See "${name} --help" for the commands`
      : `Write "${name} ${near}", or see "${name} --help"`,
  });
}
