/**
 * Commands as data: names, flags, arguments, help texts, and where the code of each one is.
 *
 * Parser, help, completion and documentation all read the same data, so they cannot disagree.
 *
 * @module
 */

import type { Context } from "./context.ts";

/** What a shell offers for a value that has no fixed choices. */
export type Completion = "none" | "files" | "directories" | "gateways" | "sandboxes" | "providers";

interface FlagBase {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** One line for the help, without a full stop. */
  readonly summary: string;
  /** Works, but help and completion leave it out. */
  readonly hidden?: boolean;
}

/** A flag without a value: given or not. */
export interface SwitchFlag extends FlagBase {
  readonly kind: "switch";
}

/** A flag without a value whose occurrences count. */
export interface CountFlag extends FlagBase {
  readonly kind: "count";
}

/** A flag with a text. */
export interface TextFlag extends FlagBase {
  readonly kind: "text";
  /** Placeholder in the help, upper case. */
  readonly value: string;
  /** The only texts accepted. */
  readonly choices?: readonly string[];
  /** Value where the flag is not given. */
  readonly default?: string;
  readonly required?: boolean;
  /** May be given more than once. */
  readonly repeated?: boolean;
  /** Splits each value into several. Only with `repeated`. */
  readonly separator?: string;
  /** `none` where left out. */
  readonly complete?: Completion;
}

/** A flag with a whole number, `min` and `max` included. */
export interface IntegerFlag extends FlagBase {
  readonly kind: "integer";
  /** Placeholder in the help, upper case. */
  readonly value: string;
  readonly min: number;
  readonly max: number;
  readonly default?: number;
  readonly required?: boolean;
}

export type Flag = SwitchFlag | CountFlag | TextFlag | IntegerFlag;

/** A positional argument. */
export interface Argument {
  /** Upper case, as the help shows it. */
  readonly name: string;
  /** One line for the help, without a full stop. */
  readonly summary: string;
  readonly optional?: boolean;
  /** Takes all that are left. Only the last argument may be repeated. */
  readonly repeated?: boolean;
  readonly choices?: readonly string[];
  /** `none` where left out. */
  readonly complete?: Completion;
}

/** A command line to copy, and what it is good for. */
export interface Example {
  readonly purpose: string;
  readonly line: string;
}

/** A program, a group of verbs, or a verb. A group has `commands`, a verb has `load`. */
export interface Command {
  readonly name: string;
  /** Other names that work, not shown in lists. */
  readonly aliases?: readonly string[];
  /** Works, but help and completion leave it out. */
  readonly hidden?: boolean;
  /** Heading under which the help of the group above lists it. */
  readonly section?: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Paragraphs below the summary, wrapped when printed. */
  readonly description?: readonly string[];
  readonly flags?: readonly Flag[];
  readonly arguments?: readonly Argument[];
  /** What may follow `--`. Without it, what follows `--` are ordinary arguments. */
  readonly passthrough?: Argument;
  readonly examples?: readonly Example[];
  readonly commands?: readonly Command[];
  /** Imports the code of the verb, and nothing before the verb is asked for. */
  readonly load?: () => Promise<Run>;
}

/** Runs a verb and returns the exit code: see `exit.ts`. */
export type Run = (invocation: Invocation) => number | Promise<number>;

/**
 * One call of a verb, checked against its data. Each accessor asserts that the verb declares a
 * flag or argument of that name and kind.
 */
export interface Invocation {
  readonly context: Context;
  /** The root of the command data. */
  readonly program: Command;
  readonly command: Command;
  /** Names from the program down to the verb, aliases resolved. */
  readonly path: readonly string[];
  /** How often `-v` was given. */
  readonly verbosity: number;
  /** What follows `--`, for a verb with `passthrough`. */
  readonly passthrough: readonly string[];
  /** True when the switch is given. */
  switch(name: string): boolean;
  /** Value, else default, else `undefined`. */
  text(name: string): string | undefined;
  /** Value of a required flag or of one with a default. */
  requiredText(name: string): string;
  /** All values of a repeated flag, in order. */
  texts(name: string): readonly string[];
  /** Value, else default, else `undefined`. */
  integer(name: string): number | undefined;
  /** Value of a required flag or of one with a default. */
  requiredInteger(name: string): number;
  /** Value of an argument that is neither optional nor repeated. */
  argument(name: string): string;
  /** All values of any argument, in order; empty for an optional one that is left out. */
  arguments(name: string): readonly string[];
}
