/**
 * Gives a verb typed access to what was given for it.
 *
 * @module
 */

import type { Command, Flag, Invocation } from "./command.ts";
import type { Context } from "./context.ts";
import { flagsOf, type ParsedCall } from "./parse_args.ts";

/** Returns the invocation of a parsed call. */
export function createInvocation(
  program: Command,
  call: ParsedCall,
  context: Context,
): Invocation {
  return new ParsedInvocation(program, call, context);
}

class ParsedInvocation implements Invocation {
  readonly command: Command;
  readonly path: readonly string[];
  readonly passthrough: readonly string[];
  readonly #call: ParsedCall;

  constructor(readonly program: Command, call: ParsedCall, readonly context: Context) {
    this.command = call.command;
    this.path = call.path;
    this.passthrough = call.passthrough;
    this.#call = call;
  }

  get verbosity(): number {
    return this.#given("verbose").length;
  }

  switch(name: string): boolean {
    this.#declared(name, "switch");
    return this.#given(name).length > 0;
  }

  text(name: string): string | undefined {
    const flag = this.#declared(name, "text");
    invariant(flag.repeated !== true, `--${name} is repeated`);
    return this.#given(name)[0] ?? flag.default;
  }

  requiredText(name: string): string {
    const text = this.text(name);
    invariant(text !== undefined, `--${name} is required`);
    return text;
  }

  texts(name: string): readonly string[] {
    invariant(this.#declared(name, "text").repeated === true, `--${name} is not repeated`);
    return this.#given(name);
  }

  integer(name: string): number | undefined {
    const flag = this.#declared(name, "integer");
    const text = this.#given(name)[0];
    return text === undefined ? flag.default : Number(text);
  }

  requiredInteger(name: string): number {
    const integer = this.integer(name);
    invariant(integer !== undefined, `--${name} is required`);
    return integer;
  }

  argument(name: string): string {
    const [first, ...more] = this.arguments(name);
    invariant(first !== undefined && more.length === 0, `${name} has one value`);
    return first;
  }

  arguments(name: string): readonly string[] {
    const values = this.#call.arguments.get(name);
    invariant(values !== undefined, `argument ${name} is declared`);
    return values;
  }

  #given(name: string): readonly string[] {
    return this.#call.flags.get(name) ?? [];
  }

  #declared<Kind extends Flag["kind"]>(name: string, kind: Kind): Extract<Flag, { kind: Kind }> {
    const flag = flagsOf(this.command).find((candidate) => candidate.name === name);
    invariant(flag?.kind === kind, `flag --${name} is a ${kind}`);
    return flag as Extract<Flag, { kind: Kind }>;
  }
}

/** `node:assert` would cost as much time at the start as the rest of the program. */
function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new InvariantError(`Broken invariant: ${what}`);
}

class InvariantError extends Error {
  override readonly name = "InvariantError";
}
