/**
 * What sandboxes and gateway left behind on the host after they have ended: there should be none.
 *
 * @module
 */

const CGROUP_ROOT = "/sys/fs/cgroup";
/** Control groups of sandboxes are not deeper than this. */
const CGROUP_DEPTH = 4;

/** What belonged to the machine under test. */
export interface Traces {
  /** Folder of its home and state; its name is unique on the host. */
  readonly folder: string;
  /** Ids of every sandbox that it had. */
  readonly ids: readonly string[];
  /** Processes that are still in its network namespace. */
  readonly processes: readonly number[];
}

/** Returns a sentence for each thing that is still there. */
export function findLeftovers({ folder, ids, processes }: Traces): readonly string[] {
  return [
    ...processes.map((pid) => `process ${pid}: ${commandOf(pid)}`),
    ...findMounts(folder),
    ...findControlGroups(ids),
    ...findFiles(folder),
  ];
}

/** Processes of a sandbox see its workspace as a mount, whatever namespaces they are in. */
export function findMounts(folder: string): readonly string[] {
  const name = folder.slice(folder.lastIndexOf("/") + 1);
  return processIds().filter((pid) => readOr(`/proc/${pid}/mountinfo`, "").includes(name))
    .map((pid) => `mount seen by process ${pid}: ${commandOf(pid)}`);
}

function findControlGroups(ids: readonly string[]): readonly string[] {
  return [...foldersBelow(CGROUP_ROOT, CGROUP_DEPTH)]
    .filter((path) => ids.some((id) => path.includes(id)))
    .map((path) => `control group ${path}`);
}

/** The state of the sandboxes is to be gone, and nothing temporary is to stay. */
function findFiles(folder: string): readonly string[] {
  const sandboxes = entries(`${folder}/state/openshell/embedded`);
  const temporary = entries(`${folder}/tmp`).filter((name) => !isDownloadedCode(name));
  return [
    ...sandboxes.map((name) => `folder of the sandbox ${name}`),
    ...temporary.map((name) => `temporary file ${name}`),
    ...[...filesBelow(folder)].filter(({ isSocket }) => isSocket)
      .map(({ path }) => `socket ${path}`),
  ];
}

/** A self-extracting executable unpacks itself where the home folder cannot hold it. */
function isDownloadedCode(name: string): boolean {
  return /^openshell-\d+$/.test(name);
}

function processIds(): readonly number[] {
  return entries("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

function commandOf(pid: number): string {
  return readOr(`/proc/${pid}/cmdline`, "(gone)").replaceAll("\0", " ").trim();
}

function readOr(path: string, otherwise: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return otherwise; // Processes come and go while we look.
  }
}

function entries(folder: string): readonly string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}

function* foldersBelow(folder: string, depth: number): Generator<string> {
  if (depth === 0) return;
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (!isDirectory) continue;
      yield `${folder}/${name}`;
      yield* foldersBelow(`${folder}/${name}`, depth - 1);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function* filesBelow(folder: string): Generator<{ path: string; isSocket: boolean }> {
  for (const name of entries(folder)) {
    const path = `${folder}/${name}`;
    const info = Deno.lstatSync(path);
    if (info.isDirectory) yield* filesBelow(path);
    else yield { path, isSocket: info.isSocket === true };
  }
}
