/**
 * The files of z3, which cannot be part of a bundle: its threads load its script by themselves.
 *
 * They lie beside the bundle, and nothing but a proof reads them. The program of z3 stays compressed
 * there, since it is a third as large as the runtime and few commands need it.
 *
 * @module
 */

/** How the sources name z3's script. */
export const SOLVER_SCRIPT = "z3-solver/build/z3-built.js";

/** Name of the script beside the bundle: as a module of Node, whatever its folder says. */
const SCRIPT_NAME = "z3-built.cjs";

const PROGRAM_NAME = "z3-built.wasm.gz";

/** Returns the content of each file by its name beside the bundle. */
export async function readSolverFiles(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const script = new URL(import.meta.resolve(SOLVER_SCRIPT));
  const program = await Deno.open(new URL("z3-built.wasm", script));
  const compressed = program.readable.pipeThrough(new CompressionStream("gzip"));
  return new Map([
    [SCRIPT_NAME, await Deno.readFile(script)],
    [PROGRAM_NAME, await new Response(compressed).bytes()],
  ]);
}

/** Lets a module of the bundle find the script beside it. */
export function nameSolver(text: string): string {
  return text.replaceAll(`import("${SOLVER_SCRIPT}")`, `import(["./${SCRIPT_NAME}"][0])`);
}
