/**
 * Builds the program as one file, `dist/openshell`: `deno task build`.
 *
 * Where the base runtime of `deno compile` can be had, the file is a compiled executable. Where it
 * cannot, it is a self-extracting file with the runtime that ran this script. Both hold the same
 * bundle. `--self-extracting` asks for the second form.
 *
 * @module
 */

import { createSelfExtracting, type LauncherOptions } from "./packaging/create_self_extracting.ts";
import { createTar, type TarFile } from "./packaging/create_tar.ts";
import { finishBundle } from "./packaging/finish_bundle.ts";
import { readSolverFiles, SOLVER_SCRIPT } from "./packaging/solver_files.ts";
import { VERSION } from "./program_version.ts";

/** Time for `deno compile` to fetch its base runtime and finish, in milliseconds. */
const COMPILE_TIMEOUT_MS = 90_000;

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);
const BUNDLE = new URL("bundle/", DIST);
const PROGRAM = new URL("openshell", DIST);
const ENTRY = "main.js";

/** Threads start from a module of their own, beside the others. */
const WORKERS = [
  "drivers/supervisor/launch/jail_worker.ts",
  "prover/proof_worker.ts",
  "prover/solver/z3_worker.ts",
];

/** A step of the build did not succeed. */
class BuildError extends Error {
  override readonly name = "BuildError";
}

interface Outcome {
  readonly ok: boolean;
  /** Everything that the program printed. */
  readonly text: string;
}

/** Content of each file that the program consists of, by its name. */
type Payload = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

async function build(): Promise<void> {
  const payload = await makePayload();
  const wantsCompiled = !Deno.args.includes("--self-extracting");
  if (wantsCompiled && await makeCompiled(payload)) return await finish("compiled executable");
  await makeSelfExtracting(payload);
  await finish("self-extracting file");
}

async function makePayload(): Promise<Payload> {
  await Deno.mkdir(DIST, { recursive: true });
  await Deno.remove(BUNDLE, { recursive: true }).catch(ignoreNotFound);
  await bundleEntry("cli/main.ts");
  for (const worker of WORKERS) await bundleEntry(worker);
  const raw = new Map<string, string>();
  for await (const { name } of Deno.readDir(BUNDLE)) {
    raw.set(name, await Deno.readTextFile(new URL(name, BUNDLE)));
  }
  const bundle = finishBundle(new Map([...raw].sort(([a], [b]) => a < b ? -1 : 1)), ENTRY);
  const encoder = new TextEncoder();
  const modules = [...bundle].map(([name, text]) => [name, encoder.encode(text)] as const);
  const payload = new Map([...modules, ...await readSolverFiles()]);
  for (const [name, bytes] of payload) await Deno.writeFile(new URL(name, BUNDLE), bytes);
  return payload;
}

async function bundleEntry(entry: string): Promise<void> {
  const bundled = await runDeno([
    "bundle",
    "--quiet",
    // Packages then come without `node:` modules, which cost as much as the start itself.
    "--platform=browser",
    "--code-splitting",
    "--external",
    SOLVER_SCRIPT,
    "--outdir",
    BUNDLE.pathname,
    new URL(entry, ROOT).pathname,
  ]);
  if (!bundled.ok) throw new BuildError(`Cannot bundle "${entry}": ${bundled.text}`);
}

/** Returns whether it worked: without a network the base runtime may be out of reach. */
async function makeCompiled(payload: Payload): Promise<boolean> {
  const output = new URL("openshell.compiled", DIST);
  const others = [...payload.keys()].filter((name) => name !== ENTRY);
  const compiled = await runDeno([
    "compile",
    "--quiet",
    "--allow-all",
    "--no-config",
    "--no-lock",
    "--output",
    output.pathname,
    ...others.flatMap((name) => ["--include", new URL(name, BUNDLE).pathname]),
    new URL(ENTRY, BUNDLE).pathname,
  ], COMPILE_TIMEOUT_MS);
  const works = compiled.ok && await isWorking(output);
  if (works) await Deno.rename(output, PROGRAM);
  else await Deno.remove(output).catch(ignoreNotFound);
  if (!works) {
    const reason = compiled.ok ? "what it made does not run" : lastCause(compiled.text);
    console.log(`deno compile is of no use here (${reason}): making a self-extracting file`);
  }
  return works;
}

async function makeSelfExtracting(payload: Payload): Promise<void> {
  const files: TarFile[] = [
    ...[...payload].map(([name, bytes]) => ({ name, mode: 0o400, bytes })),
    { name: "deno", mode: 0o500, bytes: await Deno.readFile(Deno.execPath()) },
  ];
  const tar = createTar(files);
  const archive = await compress(tar);
  const options: LauncherOptions = {
    version: VERSION,
    target: Deno.build.target,
    files: files.map(({ name }) => name),
    digest: await sha256(archive),
  };
  const temporary = new URL("openshell.new", DIST);
  await Deno.writeFile(temporary, createSelfExtracting(options, archive), { mode: 0o755 });
  await Deno.rename(temporary, PROGRAM);
  if (!await isWorking(PROGRAM)) {
    throw new BuildError(`Cannot run "${PROGRAM.pathname}": it should print its version`);
  }
}

async function finish(form: string): Promise<void> {
  const bytes = await Deno.readFile(PROGRAM);
  const digest = await sha256(bytes);
  await Deno.writeTextFile(new URL("openshell.sha256", DIST), `${digest}  openshell\n`);
  const megabytes = (bytes.length / 1e6).toFixed(1);
  console.log(`Made dist/openshell: ${form}, ${megabytes} MB, sha256 ${digest}`);
}

/** Tries the version, and a command that has to be loaded. */
async function isWorking(program: URL): Promise<boolean> {
  const cache = await Deno.makeTempDir();
  try {
    const command = new Deno.Command(program.pathname, {
      args: ["version"],
      env: { XDG_CACHE_HOME: cache },
      stdin: "null",
    });
    const { success, stdout } = await command.output();
    return success && new TextDecoder().decode(stdout).startsWith(`openshell ${VERSION}\n`);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

async function runDeno(args: readonly string[], timeoutMs?: number): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    ...timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) },
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { ok: success, text: (decoder.decode(stdout) + decoder.decode(stderr)).trim() };
}

async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes.slice());
  return new Uint8Array(digest).toHex();
}

/** Returns the innermost cause that the runtime names. */
function lastCause(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(/^\s*(\d+: )?/, "").trim());
  return lines.findLast((line) => line !== "" && !/^(Stack backtrace:|<unknown>)$/.test(line)) ??
    "";
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

if (import.meta.main) await build();
