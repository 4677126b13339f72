/**
 * Reads the material of a refresh from flags. No error shows a value.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { UsageError } from "../usage_error.ts";
import { refuseTwice } from "./parse_credentials.ts";

export interface MaterialFlags {
  /** `KEY=VALUE` each. */
  readonly material: readonly string[];
  /** `KEY` or `KEY=VARIABLE` each. */
  readonly secretEnv: readonly string[];
  readonly secretKeys: readonly string[];
}

export interface GivenMaterial {
  /** It may hold secrets. */
  readonly material: Readonly<Record<string, string>>;
  /** Names of pieces that are secret. */
  readonly secretMaterialKeys: readonly string[];
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** Names of what is always secret, and better not typed. */
const SECRETS = /secret|token|private|password/;

/** Takes values from flags and from variables. Says so where a secret was typed. @throws {UsageError} */
export function parseMaterial(context: Context, flags: MaterialFlags): GivenMaterial {
  const typed = flags.material.map((text) => {
    const [name, value] = split(text, "material", "KEY=VALUE, as client_id=ID");
    if (value === null) throw usage("material", "KEY=VALUE, as client_id=ID");
    return [name, value] as const;
  });
  const read = flags.secretEnv.map((text) => {
    const [name, given] = split(text, "secret-material-env", "KEY or KEY=VARIABLE");
    const variable = given ?? name;
    const value = context.env(variable) ?? "";
    if (value !== "") return [name, value] as const;
    // Whoever gives the value in the place of the variable must not see it again.
    const shown = given === null || /^[A-Z][A-Z0-9_]{0,63}$/.test(given) ? variable : null;
    throw new UsageError(
      `Cannot use material "${name}": the variable ${shown ?? "that is named"} is not set`,
      {
        hint: shown === null
          ? "It takes the name of a variable, in capitals, and not the secret itself"
          : `Set it where the shell keeps no history: read -rs ${shown}; export ${shown}`,
      },
    );
  });
  const entries = [...typed, ...read];
  refuseTwice("material", entries);
  const names = entries.map(([name]) => name);
  for (const key of flags.secretKeys) {
    if (names.includes(key)) continue;
    throw new UsageError('Cannot use "--secret-material-key": there is no material of that name', {
      hint: `It takes the name of a piece, and not the secret itself: ${
        names.join(", ") || "there is none"
      }`,
    });
  }
  warn(context, typed.map(([name]) => name), flags.secretKeys);
  return {
    material: Object.fromEntries(entries),
    secretMaterialKeys: [...new Set([...read.map(([name]) => name), ...flags.secretKeys])],
  };
}

function split(text: string, flag: string, form: string): readonly [string, string | null] {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  if (!NAME.test(name)) throw usage(flag, form);
  return [name, equals < 0 ? null : text.slice(equals + 1)];
}

function usage(flag: string, form: string): UsageError {
  return new UsageError(`Cannot use "--${flag}": it should be ${form}`);
}

function warn(context: Context, typed: readonly string[], secretKeys: readonly string[]): void {
  const secrets = typed.filter((name) => SECRETS.test(name) || secretKeys.includes(name));
  if (secrets.length === 0) return;
  context.stderr.write(
    `! The value of ${
      secrets.join(", ")
    } is in the history of your shell now, and was visible to ` +
      `other programs\n→ Next time export it, and write --secret-material-env ${
        secrets[0]
      }=VARIABLE\n`,
  );
}
