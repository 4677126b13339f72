/**
 * Compiles the evaluator to WebAssembly, release and debug, as modules that hold the bytes:
 * `build/release.ts` and `build/debug.ts`, which are not committed.
 *
 * Does nothing when the sources are those of the last build.
 *
 * @module
 */

import { createHash } from "node:crypto";
import asc from "assemblyscript/asc";
import { MODULE_DATA_AT } from "./assembly/format.ts";

const SOURCES = new URL("./assembly/", import.meta.url);
const OUTPUT = new URL("./build/", import.meta.url);

/** Options of both builds. The first page of memory belongs to the host: see `format.ts`. */
const COMMON = [
  "index.ts",
  "--runtime",
  "stub",
  "--memoryBase",
  String(MODULE_DATA_AT),
  "--initialMemory",
  "8",
  "--enable",
  "bulk-memory",
];

const TARGETS = {
  release: [...COMMON, "-O3", "--noAssert", "--converge"],
  debug: [...COMMON, "--debug"],
};

/** Thrown when the sources do not compile. */
class BuildError extends Error {
  override readonly name = "BuildError";
}

/**
 * Compiles the evaluator. `edit` is for the mutation check: it may change a source on the way.
 *
 * @throws {BuildError} The sources do not compile.
 */
export async function compileEvaluator(
  name: keyof typeof TARGETS,
  edit: (file: string, text: string) => string = (_, text) => text,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...TARGETS[name], "--outFile", "out.wasm"], {
    readFile: (file: string) => {
      try {
        return edit(file, Deno.readTextFileSync(new URL(file, SOURCES)));
      } catch {
        return null;
      }
    },
    writeFile: (file: string, contents: string | Uint8Array) => {
      if (file === "out.wasm" && typeof contents !== "string") bytes = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || bytes === undefined) {
    throw new BuildError(`Cannot compile the policy evaluator "${name}": ${stderr.toString()}`);
  }
  return new Uint8Array(bytes);
}

function digestOfSources(): string {
  const hash = createHash("sha256").update(JSON.stringify(TARGETS));
  const names = [...Deno.readDirSync(SOURCES)].map((entry) => entry.name).sort();
  for (const name of names) hash.update(name).update(Deno.readTextFileSync(new URL(name, SOURCES)));
  return hash.digest("hex");
}

function isBuilt(digest: string): boolean {
  try {
    return Object.keys(TARGETS).every((name) =>
      Deno.readTextFileSync(new URL(`${name}.ts`, OUTPUT)).startsWith(`// ${digest}\n`)
    );
  } catch {
    return false;
  }
}

async function build(): Promise<void> {
  const digest = digestOfSources();
  if (isBuilt(digest)) return;
  Deno.mkdirSync(OUTPUT, { recursive: true });
  for (const name of Object.keys(TARGETS) as (keyof typeof TARGETS)[]) {
    const bytes = await compileEvaluator(name);
    const text = `// ${digest}
/** The evaluator, ${name} build: WebAssembly in base64. @module */
export const wasmBase64 =
  "${bytes.toBase64()}";
`;
    Deno.writeTextFileSync(new URL(`${name}.ts`, OUTPUT), text);
    console.error(`policy-wasm/build/${name}.ts: ${bytes.length} bytes of WebAssembly`);
  }
}

if (import.meta.main) await build();
