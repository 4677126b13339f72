/**
 * The thread of z3: starts it, then answers one script after the other.
 *
 * z3 is asked on this very thread. Its own way is a thread for each question, and one that a thread
 * starts takes a second before it does anything. So no limit of time is known here: whoever asks
 * ends this thread when an answer takes too long.
 *
 * @module
 */

import type { Z3Question, Z3Reply } from "./z3_message.ts";

/** What of a worker's global scope is used; the library of types has only the window's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Z3Question>) => void) | null;
  postMessage(reply: Z3Reply): void;
}

/** What is used of z3. Addresses are numbers, and none is ever zero but in an error. */
interface Z3Module {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
  _Z3_mk_config(): number;
  _Z3_del_config(config: number): void;
  _Z3_mk_context(config: number): number;
  _Z3_del_context(context: number): void;
  _set_noop_error_handler(context: number): void;
  _Z3_get_error_code(context: number): number;
  _Z3_mk_solver(context: number): number;
  _Z3_solver_inc_ref(context: number, solver: number): void;
  _Z3_solver_dec_ref(context: number, solver: number): void;
  _Z3_solver_from_string(context: number, solver: number, text: number): void;
  /** With no terms, this is a check of the solver, and the only one that needs no other thread. */
  _Z3_get_implied_equalities(
    context: number,
    solver: number,
    termCount: number,
    terms: number,
    classes: number,
  ): number;
  ccall(name: string, returns: "string", types: readonly [], values: readonly []): string;
}

interface StartOptions {
  instantiateWasm?(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): Record<string, never>;
}

type Start = (options: StartOptions) => Promise<Z3Module>;

/** What z3 calls true, false and neither. */
const ANSWERS = new Map([[1, "sat"], [-1, "unsat"], [0, "unknown"]] as const);

async function start(): Promise<Z3Module> {
  // The build of the program puts a file of its own in this place.
  const { default: startModule }: { default: Start } = await import("z3-solver/build/z3-built.js");
  const isBundled = !import.meta.url.endsWith(".ts");
  return await new Promise((resolve, reject) => {
    const options: StartOptions = isBundled
      ? {
        instantiateWasm(imports, receive) {
          instantiate(imports).then(({ instance, module }) => receive(instance, module), reject);
          return {};
        },
      }
      : {};
    startModule(options).then(resolve, reject);
  });
}

/** z3 lies beside the program compressed, since few commands need it. */
async function instantiate(
  imports: WebAssembly.Imports,
): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  const file = await Deno.open(new URL("./z3-built.wasm.gz", import.meta.url));
  const bytes = await new Response(
    file.readable.pipeThrough(new DecompressionStream("gzip")),
  ).bytes();
  return await WebAssembly.instantiate(bytes, imports);
}

function ask(z3: Z3Module, script: string): Z3Reply {
  const config = z3._Z3_mk_config();
  const context = z3._Z3_mk_context(config);
  z3._Z3_del_config(config);
  // Errors are read below; the usual handler would end the program.
  z3._set_noop_error_handler(context);
  const bytes = new TextEncoder().encode(`${script}\0`);
  const text = z3._malloc(bytes.length);
  const solver = z3._Z3_mk_solver(context);
  z3._Z3_solver_inc_ref(context, solver);
  try {
    z3.HEAPU8.set(bytes, text);
    z3._Z3_solver_from_string(context, solver, text);
    const parseError = z3._Z3_get_error_code(context);
    if (parseError !== 0) return { kind: "failed", detail: `parse error ${parseError}` };
    const answer = ANSWERS.get(
      z3._Z3_get_implied_equalities(context, solver, 0, 0, 0) as 1 | 0 | -1,
    );
    const error = z3._Z3_get_error_code(context);
    return error === 0 && answer !== undefined
      ? { kind: "answer", answer }
      : { kind: "failed", detail: `error ${error}` };
  } finally {
    z3._free(text);
    z3._Z3_solver_dec_ref(context, solver);
    z3._Z3_del_context(context);
  }
}

const scope = self as unknown as WorkerScope;
const starting = start();
scope.onmessage = ({ data }) => {
  starting.then((z3) => scope.postMessage(ask(z3, data.script))).catch(fail);
};
starting.then((z3) => {
  const version = z3.ccall("Z3_get_full_version", "string", [], []);
  scope.postMessage({ kind: "ready", version });
}).catch(fail);

function fail(error: unknown): void {
  const detail = error instanceof Error ? error.message : String(error);
  scope.postMessage({ kind: "failed", detail });
}
