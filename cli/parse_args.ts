/**
 * Reads a command line by the command data: which verb, which flags, which arguments.
 *
 * Pure and strict: what is not understood is an error, never ignored, and a flag given twice with
 * two meanings is an error, not a guess. Written by hand because importing any `node:` module,
 * `util.parseArgs` included, would double the time that the program needs to start.
 *
 * @module
 */

import type { Argument, Command, Flag } from "./command.ts";
import { findCommand } from "./find_command.ts";
import { GLOBAL_FLAGS } from "./flags.ts";
import { type GivenFlag, hasValue, isFlag, splitFlags } from "./split_flags.ts";
import { nearest } from "../policy-wasm/parse/nearest.ts";
import { missingError, unknownFlagError, UsageError } from "./usage_error.ts";

/** Texts given for flags and arguments, by name. A flag without a value counts as empty texts. */
export type Values = ReadonlyMap<string, readonly string[]>;

/** A verb with everything that was given for it, checked. */
export interface ParsedCall {
  readonly kind: "run";
  readonly command: Command;
  readonly path: readonly string[];
  readonly flags: Values;
  readonly arguments: Values;
  readonly passthrough: readonly string[];
}

/** What the person asked for. */
export type ParsedArgs =
  | { readonly kind: "version" }
  | { readonly kind: "help"; readonly command: Command; readonly path: readonly string[] }
  | ParsedCall;

/**
 * Reads the words after the program's name.
 *
 * @throws {UsageError} for anything that is not understood, missing or out of range
 */
export function parseArgs(program: Command, args: readonly string[]): ParsedArgs {
  const { command, path, args: words } = findCommand(program, args);
  const leading = beforeDashes(words);
  // A value never starts with a dash unless it is glued on, so these words are no values.
  if (leading.includes("--help") || leading.includes("-h")) return { kind: "help", command, path };
  const name = path.join(" ");
  const scan = scanWords(words, flagsOf(command), name);
  if (scan.flags.has("help")) return { kind: "help", command, path };
  if (scan.flags.has("version")) return { kind: "version" };
  const takesRest = command.passthrough !== undefined;
  const positionals = takesRest ? scan.positionals : [...scan.positionals, ...scan.afterDashes];
  const assigned = assignArguments(positionals, command.arguments ?? [], name);
  if (command.load === undefined) return { kind: "help", command, path };
  const call: ParsedCall = {
    kind: "run",
    command,
    path,
    flags: scan.flags,
    arguments: assigned,
    passthrough: takesRest ? scan.afterDashes : [],
  };
  checkRequired(call);
  return call;
}

/** Flags that a command accepts: its own first, which may take over a global name. */
export function flagsOf(command: Command): readonly Flag[] {
  const own = command.flags ?? [];
  return [...own, ...GLOBAL_FLAGS.filter((flag) => own.every((other) => other.name !== flag.name))];
}

interface Scan {
  readonly flags: Map<string, string[]>;
  readonly positionals: string[];
  readonly afterDashes: readonly string[];
}

function beforeDashes(words: readonly string[]): readonly string[] {
  const dashes = words.indexOf("--");
  return dashes < 0 ? words : words.slice(0, dashes);
}

function scanWords(words: readonly string[], flags: readonly Flag[], name: string): Scan {
  const leading = beforeDashes(words);
  const afterDashes = words.slice(leading.length + 1);
  const scan: Scan = { flags: new Map(), positionals: [], afterDashes };
  for (let index = 0; index < leading.length; index += 1) {
    const word = leading[index]!;
    if (!isFlag(word)) {
      scan.positionals.push(word);
      continue;
    }
    for (const given of splitFlags(word, flags)) {
      const { flag, shown } = given;
      if (flag === undefined) throw unknownFlagError(shown, flags, name);
      if (!hasValue(flag)) {
        addSwitch(scan.flags, flag, given);
        continue;
      }
      const text = given.value ?? nextWord(leading[++index], shown);
      addValue(scan.flags, flag, { shown, text });
    }
  }
  return scan;
}

function nextWord(word: string | undefined, shown: string): string {
  if (word !== undefined && !isFlag(word)) return word;
  const hint = word === undefined
    ? {}
    : { hint: `Write "${shown}=${word}" if the value starts with a dash` };
  throw new UsageError(`Cannot use flag "${shown}": its value is missing`, hint);
}

function addSwitch(values: Map<string, string[]>, flag: Flag, given: GivenFlag): void {
  if (given.value !== undefined) {
    throw new UsageError(`Cannot use flag "${given.shown}": it takes no value`);
  }
  append(values, flag.name, [""]);
}

function addValue(
  values: Map<string, string[]>,
  flag: Flag,
  { shown, text }: { readonly shown: string; readonly text: string },
): void {
  checkValue(flag, shown, text);
  const repeated = flag.kind === "text" && flag.repeated === true;
  if (values.has(flag.name) && !repeated) {
    throw new UsageError(`Cannot use flag "${shown}": it is given twice`);
  }
  const separator = flag.kind === "text" ? flag.separator : undefined;
  const texts = separator === undefined ? [text] : text.split(separator);
  append(values, flag.name, texts);
}

function append(values: Map<string, string[]>, name: string, texts: string[]): void {
  const present = values.get(name);
  if (present === undefined) values.set(name, texts);
  else for (const text of texts) present.push(text);
}

function checkValue(flag: Flag, shown: string, text: string): void {
  if (flag.kind === "text") return checkChoice(`flag "${shown}"`, flag.choices, text);
  if (flag.kind !== "integer") return;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= flag.min && value <= flag.max) return;
  throw new UsageError(
    `Cannot use value "${text}" of flag "${shown}": ` +
      `it should be a whole number from ${flag.min} to ${flag.max}`,
  );
}

function checkChoice(what: string, choices: readonly string[] | undefined, text: string): void {
  if (choices === undefined || choices.includes(text)) return;
  const near = nearest(text, choices);
  throw new UsageError(
    `Cannot use value "${text}" of ${what}: it should be one of ${choices.join(", ")}`,
    near === null ? {} : { hint: `Write "${near}"` },
  );
}

function assignArguments(
  words: readonly string[],
  declared: readonly Argument[],
  name: string,
): Values {
  const values = new Map<string, readonly string[]>();
  let used = 0;
  for (const argument of declared) {
    const taken = words.slice(used, argument.repeated === true ? undefined : used + 1);
    for (const word of taken) checkChoice(`argument ${argument.name}`, argument.choices, word);
    used += taken.length;
    values.set(argument.name, taken);
  }
  if (used === words.length) return values;
  const takes = declared.length === 0
    ? "takes no arguments"
    : `takes only ${declared.map((argument) => argument.name).join(" ")}`;
  throw new UsageError(`Cannot use argument "${words[used]}": "${name}" ${takes}`, {
    hint: `See "${name} --help"`,
  });
}

function checkRequired({ command, path, flags, arguments: assigned }: ParsedCall): void {
  const missing = [
    ...(command.flags ?? [])
      .filter((flag) => hasValue(flag) && flag.required === true && !flags.has(flag.name))
      .map((flag) => `--${flag.name}`),
    ...(command.arguments ?? [])
      .filter((argument) => argument.optional !== true && assigned.get(argument.name)!.length === 0)
      .map((argument) => argument.name),
  ];
  if (missing.length > 0) throw missingError(missing, path.join(" "));
}
