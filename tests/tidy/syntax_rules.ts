/**
 * Rules about what is written inside a module.
 *
 * @module
 */

import { type Finding, isAssembly, isScript, isTest } from "./finding.ts";
import type { Mention, Syntax } from "./read_syntax.ts";

/** Lines of one function, its first and last included. */
export const FUNCTION_LINES_MAX = 70;

interface Rule {
  readonly rule: string;
  readonly message: string;
  /** Files that the rule is about. */
  readonly applies: (path: string) => boolean;
  readonly find: (syntax: Syntax) => readonly Mention[];
}

const REASONED = /^deno-(lint-ignore(-file)?( [\w/-]+,?)+|fmt-ignore(-file)?) -- \S/;

const RULES: readonly Rule[] = [
  {
    rule: "bare-error",
    message: "Throw a CodedError with a code, not a bare Error",
    applies: isProduct,
    find: ({ thrown }) => named(thrown, "Error"),
  },
  {
    rule: "no-url-judging",
    message: "Judge bytes with canonical/, not with URL, which repairs what it reads",
    applies: (path) => path.startsWith("policy-wasm/") && isProduct(path),
    find: ({ constructions }) => named(constructions, "URL"),
  },
  {
    rule: "no-fetch",
    message: "Use the ports of drivers/system/, not fetch, which follows proxies and redirects",
    applies: (path) => path.startsWith("drivers/") && isProduct(path),
    find: ({ calls }) => named(calls, "fetch"),
  },
  {
    rule: "no-eval",
    message: "Do not run text as code",
    applies: () => true,
    find: ({ calls, constructions }) => [
      ...named(calls, "eval"),
      ...named([...calls, ...constructions], "Function"),
    ],
  },
  {
    rule: "no-console",
    message: "Write to a port of the context, not to the console",
    applies: (path) => isProduct(path) && path !== "cli/main.ts",
    find: ({ members }) => members.filter(({ text }) => /^(globalThis\.)?console\.\w+$/.test(text)),
  },
  {
    rule: "no-exit",
    message: "Return an exit code or throw: only cli/main.ts ends the process",
    applies: (path) => path !== "cli/main.ts" && !isScript(path),
    find: ({ members }) =>
      members.filter(({ text }) => /^(globalThis\.)?(Deno|process)\.exit$/.test(text)),
  },
  {
    rule: "native-code",
    message: "Load native code only in files that end in _ffi.ts",
    applies: (path) => !path.endsWith("_ffi.ts"),
    find: ({ members }) => members.filter(({ text }) => /^(globalThis\.)?Deno\.dlopen$/.test(text)),
  },
  {
    rule: "any-cast",
    message: "Narrow the type, or cast through unknown to what it is",
    applies: (path) => !isAssembly(path),
    find: ({ anyCasts }) => anyCasts,
  },
  {
    rule: "module-variable",
    message: "Keep state in an object that the caller makes, not in a variable of the module",
    applies: (path) => !isAssembly(path),
    find: ({ moduleVariables }) => moduleVariables,
  },
  {
    rule: "only-reexports",
    message: "Put code into a folder: mod.ts only re-exports",
    applies: (path) => path === "mod.ts",
    find: ({ ownStatements }) => ownStatements,
  },
  {
    rule: "silenced-types",
    message: "Mend the type instead, or use @ts-expect-error with the reason behind it",
    applies: (path) => !isAssembly(path),
    find: ({ comments }) =>
      comments.filter(({ text }) => /^@ts-(ignore|nocheck|expect-error$)/.test(text)),
  },
  {
    rule: "silenced-lint",
    message: "Name the rule and, behind two dashes on the same line, the reason",
    applies: () => true,
    find: ({ comments }) =>
      comments.filter(({ text }) => /^deno-(lint|fmt)-ignore/.test(text) && !REASONED.test(text)),
  },
];

/** Returns the findings of all rules about the inside of a module. */
export function checkSyntax(syntax: Syntax): readonly Finding[] {
  const { path } = syntax.file;
  const findings = RULES.filter(({ applies }) => applies(path)).flatMap(({ rule, message, find }) =>
    find(syntax).map(({ line }): Finding => ({ path, line, rule, message }))
  );
  return [...findings, ...checkFunctions(syntax)];
}

function checkFunctions({ file, functions }: Syntax): readonly Finding[] {
  return functions.flatMap(({ first, last }): Finding[] => {
    const lines = last - first + 1;
    if (lines <= FUNCTION_LINES_MAX) return [];
    const message = `Split the function: it has ${lines} lines, at most ${FUNCTION_LINES_MAX} fit`;
    return [{ path: file.path, line: first, rule: "function-length", message }];
  });
}

function isProduct(path: string): boolean {
  return !isTest(path) && !isScript(path) && !isAssembly(path);
}

function named(mentions: readonly Mention[], name: string): readonly Mention[] {
  return mentions.filter(({ text }) => text === name || text === `globalThis.${name}`);
}
