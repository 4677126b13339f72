/**
 * Makes what `deno bundle` wrote start fast.
 *
 * Two things cost time before the first line of a program runs. The runtime reads and parses every
 * module that a literal `import("…")` names, though most are never run: the names are hidden from
 * it. And any `node:` module costs as much as the rest of the start: nothing that every start needs
 * may import one.
 *
 * Three things more are mended here. A package in CommonJS asks for a `require`, which a module has
 * not. A worker is named by its source, which a bundle has not. And so is the script of z3.
 *
 * @module
 */

import { nameSolver } from "./solver_files.ts";

/** Gives a module the `require` that packages in it ask for: all that is not bundled is built in. */
const REQUIRE = "const require = (name) => globalThis.process.getBuiltinModule(name);\n";

/** Text of each module by file name, without folders. */
export type Bundle = ReadonlyMap<string, string>;

/** A module that every start loads imports something slow. */
export class SlowStartError extends Error {
  override readonly name = "SlowStartError";
}

/**
 * Returns the bundle with its dynamic imports hidden from the runtime.
 *
 * @throws {SlowStartError} when a module that `entry` imports statically imports a `node:` module
 */
export function finishBundle(bundle: Bundle, entry: string): Bundle {
  const finished = new Map(
    [...bundle].map(([name, text]) => [name, mend(text, bundle)]),
  );
  for (const name of staticClosure(finished, entry)) {
    const slow = /^import[^;]*?"(node:[^"]+)"/m.exec(finished.get(name) ?? "");
    if (slow !== null) {
      throw new SlowStartError(`Cannot bundle "${entry}": its start loads "${slow[1]}"`);
    }
  }
  return finished;
}

function mend(text: string, bundle: Bundle): string {
  return nameSolver(nameWorkers(giveRequire(hideImports(text, bundle))));
}

/** Names of the modules that a start loads: those that `entry` reaches by static imports. */
export function staticClosure(bundle: Bundle, entry: string): ReadonlySet<string> {
  const reached = new Set([entry]);
  for (const name of reached) {
    const text = bundle.get(name) ?? "";
    for (const [, imported] of text.matchAll(/^(?:import|export)\b[^;]*?"\.\/([^"]+)";$/gm)) {
      if (imported !== undefined) reached.add(imported);
    }
  }
  return reached;
}

/** The bundler leaves a check in each module that calls it. */
function giveRequire(text: string): string {
  return text.includes("typeof require !==") ? REQUIRE + text : text;
}

/** Workers lie beside the modules of the bundle. */
function nameWorkers(text: string): string {
  return text.replaceAll(
    /new URL\("\.\/(\w+_worker)\.ts", import\.meta\.url\)/g,
    'new URL("./$1.js", import.meta.url)',
  );
}

function hideImports(text: string, bundle: Bundle): string {
  return text.replaceAll(
    /\bimport\("\.\/([^"]+)"\)/g,
    (whole, name) => bundle.has(name) ? `import(["./${name}"][0])` : whole,
  );
}
