/**
 * Languages and patterns of one proof, each made once and only when it is needed.
 *
 * @module
 */

import { buildAutomaton, matchAll } from "../../policy-wasm/glob/automaton.ts";
import type { Glob, GlobUse } from "../../policy-wasm/glob/glob.ts";
import { literalGlob, parseGlob } from "../../policy-wasm/glob/glob.ts";
import type { Language } from "../atoms/language.ts";
import * as languages from "../atoms/language.ts";
import { BudgetSpent } from "../atoms/limits.ts";

const MAKERS = {
  executable: languages.executablePaths,
  field: () => languages.graphqlNames(false),
  host: languages.hostNames,
  operation: () => languages.graphqlNames(true),
  path: () => languages.requestPaths(false),
  slashPath: () => languages.requestPaths(true),
  text: languages.texts,
  tool: languages.toolNames,
} satisfies Record<string, () => Language>;

/** Which values a list of atoms is about. */
export type LanguageName = keyof typeof MAKERS;

/** Makes and keeps languages, globs and single matches. */
export class Matcher {
  readonly #languages = new Map<LanguageName, Language>();
  readonly #globs = new Map<string, Glob>();
  readonly #matches = new Map<string, boolean>();

  language(name: LanguageName): Language {
    let language = this.#languages.get(name);
    if (language === undefined) {
      language = MAKERS[name]();
      this.#languages.set(name, language);
    }
    return language;
  }

  /** @throws {BudgetSpent} The pattern is malformed or too long, which validation refuses. */
  glob(pattern: string, use: GlobUse): Glob {
    const key = `${use} ${pattern}`;
    let glob = this.#globs.get(key);
    if (glob === undefined) {
      const parsed = parseGlob(pattern, use);
      if (!parsed.ok) {
        throw new BudgetSpent(`Pattern ${JSON.stringify(pattern)}: ${parsed.message}`);
      }
      glob = parsed.glob;
      this.#globs.set(key, glob);
    }
    return glob;
  }

  /** A binary is a glob only when it holds `*`. */
  binary(path: string): Glob {
    return path.includes("*") ? this.glob(path, "path") : literalGlob(path, "path");
  }

  /** A host is a pattern only when it holds `*`. */
  host(host: string): Glob {
    return host.includes("*") ? this.glob(host, "host") : literalGlob(host, "host");
  }

  /** Tells whether one pattern matches one value, by the automaton of the pattern. */
  matches(pattern: string, use: GlobUse, value: string): boolean {
    const key = `${use} ${pattern} ${value}`;
    let answer = this.#matches.get(key);
    if (answer === undefined) {
      const automaton = buildAutomaton([this.glob(pattern, use)]);
      if (automaton === null) throw new BudgetSpent("A pattern needs too large a machine");
      answer = matchAll(automaton, new TextEncoder().encode(value)).length > 0;
      this.#matches.set(key, answer);
    }
    return answer;
  }
}
