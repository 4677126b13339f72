/**
 * Installs the agents as a person does, `npm install --global`, into a folder of its own that
 * later runs find again.
 *
 * @module
 */

import { run } from "../../support/commands.ts";
import { findMissing, hasTool } from "../../support/requirements.ts";
import { VERSIONS } from "../versions.ts";

/** Where the agents are, or why they cannot be there. */
export type Installation =
  | { readonly kind: "installed"; readonly prefix: string; readonly installMs: number | null }
  | { readonly kind: "missing"; readonly reason: string };

/** A slow registry is waited for, one that is not there is not. */
const INSTALL_MS_MAX = 10 * 60_000;
const NPM_FLAGS = ["--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000"];

/** What npm says when it cannot reach the registry; anything else is a failure of the tests. */
const UNREACHABLE =
  /\b(EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|EIDLETIMEOUT|E50[234])\b/;

/**
 * Returns the installation, which it makes where there is none.
 *
 * @throws {Error} when npm reaches the registry and fails all the same
 */
export async function install(): Promise<Installation> {
  const reason = findObstacle();
  if (reason !== null) return { kind: "missing", reason };
  const folder = cacheFolder();
  await Deno.mkdir(folder, { recursive: true });
  // Files of tests run at the same time: the first one installs, the others wait for it.
  using lock = await Deno.open(`${folder}/lock`, { create: true, write: true });
  await lock.lock(true);
  const prefix = `${folder}/${await versionsHash()}`;
  if (isThere(prefix)) return { kind: "installed", prefix, installMs: null };
  return await installInto(prefix);
}

function findObstacle(): string | null {
  if (Deno.env.get("OPENSHELL_E2E_AGENTS") === "0") return "OPENSHELL_E2E_AGENTS is 0";
  const missing = findMissing();
  if (missing !== null) return missing;
  if (Deno.uid() !== 0) return "needs root";
  if (Deno.build.arch !== "x86_64" && Deno.build.arch !== "aarch64") return "needs x64 or arm64";
  return hasTool("git") ? null : "needs the program git";
}

async function installInto(prefix: string): Promise<Installation> {
  const began = performance.now();
  const partial = `${prefix}.partial`;
  await removeFolder(partial);
  const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
  const args = ["install", "--global", "--prefix", partial, ...NPM_FLAGS, ...packages];
  const outcome = await run(["npm", ...args], { timeoutMs: INSTALL_MS_MAX }).catch(noNpm);
  if (outcome === null) return { kind: "missing", reason: "needs the program npm" };
  if (outcome.code !== 0) {
    await removeFolder(partial);
    const [code] = UNREACHABLE.exec(outcome.stderr) ?? [];
    if (code === undefined) throw new Error(`Cannot install the agents: ${outcome.stderr}`);
    return { kind: "missing", reason: `the registry of npm cannot be reached: ${code}` };
  }
  // A person's Node.js is a file in `bin`, so that a policy can name it.
  const node = `${partial}/bin/node`;
  const program = await Deno.realPath(node);
  await Deno.remove(node);
  await Deno.link(program, node);
  await Deno.rename(partial, prefix);
  return { kind: "installed", prefix, installMs: Math.round(performance.now() - began) };
}

function noNpm(error: unknown): null {
  if (error instanceof Deno.errors.NotFound) return null;
  throw error;
}

/** Outside of the tree: it holds more than a gigabyte. */
function cacheFolder(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return `${cache}/openshell-e2e-agents`;
}

async function versionsHash(): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify([VERSIONS, Deno.build.arch]));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return hash.slice(0, 6).toHex();
}

async function removeFolder(path: string): Promise<void> {
  if (isThere(path)) await Deno.remove(path, { recursive: true });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
