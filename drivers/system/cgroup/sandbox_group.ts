/**
 * The control group of one sandbox: memory, processor time and the number of its processes.
 *
 * A limit that was asked for and cannot be held is an error, never a warning. Where nothing was
 * asked for, the number of processes is limited all the same if that is possible here.
 *
 * @module
 */

import { CGROUP_END_MS_MAX, PROCESSES_DEFAULT } from "../../../proto/limits.ts";
import { CgroupError, type Controller, LimitUnavailableError } from "./cgroup_error.ts";
import { type CgroupFiles, HOST_FILES } from "./cgroup_files.ts";
import { CONTROLLERS, findHierarchies, type Hierarchy } from "./find_hierarchies.ts";
import { checkLimits, type GroupLimits, limitWrites } from "./limit_writes.ts";
import { OWN_LEAF, placeInVersion2 } from "./place_in_version_2.ts";

/** What a group uses now; `null` where nobody counts. */
export interface GroupUsage {
  readonly memoryBytes: number | null;
  readonly processes: number | null;
  readonly cpuMs: number | null;
}

export interface SandboxGroup {
  /** Controllers that are in force. */
  readonly controllers: readonly Controller[];
  /** Puts a process, and what it starts from then on, into the group. */
  join(pid: number): void;
  usage(): GroupUsage;
  /** Kills every process in it, and resolves when there is none. */
  killAll(): Promise<void>;
  /** Removes the empty group. */
  remove(): Promise<void>;
}

/** Between two looks at a group that empties, in milliseconds. */
const LOOK_MS = 5;

/**
 * Makes the group of that name, or takes over an empty one that a crash has left.
 *
 * @throws {LimitValueError}
 * @throws {LimitUnavailableError} for a limit that was asked for and cannot be held here.
 * @throws {CgroupError} for a group of that name that is in use.
 */
export function createSandboxGroup(
  name: string,
  limits: GroupLimits,
  files: CgroupFiles = HOST_FILES,
): SandboxGroup {
  checkName(name);
  checkLimits(limits);
  const asked = askedControllers(limits);
  const folders = new Map<string, Folder>();
  try {
    for (const controller of CONTROLLERS) {
      const required = asked.includes(controller);
      if (!required && controller !== "pids") continue;
      const folder = makeFolder(name, controller, { files, asked, required, folders });
      if (folder === null) continue;
      folder.controllers.push(controller);
      apply(controller, folder, limits, files);
    }
    return new MadeGroup(name, [...folders.values()], files);
  } catch (error) {
    for (const { path } of folders.values()) files.removeFolder(path);
    throw error;
  }
}

/**
 * Kills and removes the groups whose names begin so, which a supervisor that is dead has left.
 * Returns how many there were. Not for one that may still be running.
 */
export async function removeLeftovers(
  prefix: string,
  files: CgroupFiles = HOST_FILES,
): Promise<number> {
  checkName(prefix);
  const left = new Map<string, Folder[]>();
  for (const { version, own, mount } of findHierarchies(files)) {
    const parents = version === 2 && own !== mount ? [own, parentOf(own)] : [own];
    for (const parent of parents) {
      for (const name of files.folders(parent)) {
        if (!name.startsWith(prefix) || name === OWN_LEAF) continue;
        const folder = { path: `${parent}/${name}`, version, controllers: [] };
        left.set(name, [...left.get(name) ?? [], folder]);
      }
    }
  }
  for (const [name, folders] of left) {
    const group = new MadeGroup(name, folders, files);
    await group.killAll();
    await group.remove();
  }
  return left.size;
}

/** A group's folder in one tree. */
interface Folder {
  readonly path: string;
  readonly version: 1 | 2;
  readonly controllers: Controller[];
}

class MadeGroup implements SandboxGroup {
  readonly #name: string;
  readonly #folders: readonly Folder[];
  readonly #files: CgroupFiles;

  constructor(name: string, folders: readonly Folder[], files: CgroupFiles) {
    this.#name = name;
    this.#folders = folders;
    this.#files = files;
  }

  get controllers(): readonly Controller[] {
    return this.#folders.flatMap(({ controllers }) => controllers);
  }

  join(pid: number): void {
    for (const { path } of this.#folders) {
      try {
        this.#files.write(`${path}/cgroup.procs`, String(pid));
      } catch (cause) {
        throw new CgroupError("join", this.#name, `process ${pid} is refused`, { cause });
      }
    }
  }

  usage(): GroupUsage {
    const number = (...names: readonly string[]) => {
      for (const { path } of this.#folders) {
        for (const name of names) {
          const text = this.#files.read(`${path}/${name}`);
          if (text !== null) return Number(text);
        }
      }
      return null;
    };
    const statistics = this.#folders.map(({ path }) => this.#files.read(`${path}/cpu.stat`) ?? "");
    const micros = /^usage_usec (\d+)/m.exec(statistics.join("\n"))?.[1];
    return {
      memoryBytes: number("memory.current", "memory.usage_in_bytes"),
      processes: number("pids.current"),
      cpuMs: micros === undefined ? null : Number(micros) / 1000,
    };
  }

  async killAll(): Promise<void> {
    await this.#until("empty", () => {
      const pids = this.#folders.flatMap((folder) => this.#kill(folder));
      return pids.length === 0;
    });
  }

  async remove(): Promise<void> {
    // A process that was killed counts until its parent knows.
    await this.#until(
      "remove",
      () => this.#folders.map(({ path }) => this.#files.removeFolder(path)).every(Boolean),
    );
  }

  /** Returns who was there. */
  #kill({ path, version }: Folder): readonly number[] {
    const pids = (this.#files.read(`${path}/cgroup.procs`) ?? "").split("\n")
      .map(Number).filter((pid) => pid > 0);
    if (pids.length === 0) return [];
    if (version === 2 && this.#files.read(`${path}/cgroup.type`) !== null) {
      try {
        this.#files.write(`${path}/cgroup.kill`, "1");
        return pids;
      } catch (error) {
        // Before Linux 5.14 there is no such file.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    // Else a program that forks could be quicker.
    if (this.#files.read(`${path}/pids.max`) !== null) this.#files.write(`${path}/pids.max`, "0");
    for (const pid of pids) this.#files.kill(pid);
    return pids;
  }

  async #until(operation: string, isDone: () => boolean): Promise<void> {
    for (let waited = 0; !isDone(); waited += LOOK_MS) {
      if (waited > CGROUP_END_MS_MAX) {
        throw new CgroupError(operation, this.#name, "processes in it do not end");
      }
      await this.#files.sleep(LOOK_MS);
    }
  }
}

function askedControllers(limits: GroupLimits): readonly Controller[] {
  const { memoryBytesMax, cpuMax, processesMax } = limits;
  return [
    ...memoryBytesMax === null ? [] : ["memory" as const],
    ...cpuMax === null ? [] : ["cpu" as const],
    ...processesMax === null ? [] : ["pids" as const],
  ];
}

interface MakeOptions {
  readonly files: CgroupFiles;
  readonly asked: readonly Controller[];
  readonly required: boolean;
  /** By path: what is made already for another controller of the same tree. */
  readonly folders: Map<string, Folder>;
}

/** Returns the folder for a controller, or `null` where it is neither there nor required. */
function makeFolder(
  name: string,
  controller: Controller,
  { files, asked, required, folders }: MakeOptions,
): Folder | null {
  try {
    const { parent, version } = findParent(controller, asked, files);
    const path = `${parent}/${name}`;
    const made = folders.get(path);
    if (made !== undefined) return made;
    // One that is there was left by a crash: if it is empty it can be made anew.
    if (!files.makeFolder(path) && !(files.removeFolder(path) && files.makeFolder(path))) {
      throw new CgroupError("make", name, "there is one that is in use");
    }
    const folder = { path, version, controllers: [] };
    folders.set(path, folder);
    return folder;
  } catch (error) {
    if (error instanceof CgroupError) throw error;
    if (!required) return null;
    if (error instanceof LimitUnavailableError) throw error;
    throw new LimitUnavailableError(controller, "its group cannot be made", { cause: error });
  }
}

function findParent(
  controller: Controller,
  asked: readonly Controller[],
  files: CgroupFiles,
): { readonly parent: string; readonly version: 1 | 2 } {
  const hierarchies = findHierarchies(files);
  const first = hierarchies.find(({ controllers }) => controllers.includes(controller));
  if (first !== undefined) return { parent: first.own, version: 1 };
  const second = hierarchies.find(({ version }) => version === 2);
  if (second === undefined) throw new LimitUnavailableError(controller, "no tree has it mounted");
  const elsewhere = (name: Controller) => hasVersion1(hierarchies, name);
  const together = [...new Set([controller, ...asked])].filter((name) => !elsewhere(name));
  return { parent: placeInVersion2(second, controller, together, files), version: 2 };
}

function hasVersion1(hierarchies: readonly Hierarchy[], controller: Controller): boolean {
  return hierarchies.some(({ controllers }) => controllers.includes(controller));
}

/** INVARIANT: what was written is read back: a limit that the kernel did not take is none. */
function apply(
  controller: Controller,
  { path, version }: Folder,
  limits: GroupLimits,
  files: CgroupFiles,
): void {
  const hasSwap = (files.read("/proc/swaps") ?? "").trim().split("\n").length > 1;
  const withDefault = { ...limits, processesMax: limits.processesMax ?? PROCESSES_DEFAULT };
  for (const { file, text, optional } of limitWrites(controller, version, withDefault)) {
    if (files.read(`${path}/${file}`) === null) {
      if (optional && !hasSwap) continue;
      throw new LimitUnavailableError(controller, `this kernel has no ${file}`);
    }
    try {
      files.write(`${path}/${file}`, text);
    } catch (cause) {
      throw new LimitUnavailableError(controller, `${file} does not take ${text}`, { cause });
    }
    const found = files.read(`${path}/${file}`)?.trim();
    if (found !== text) {
      throw new LimitUnavailableError(controller, `${file} is ${found} instead of ${text}`);
    }
  }
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/.test(name) && name !== OWN_LEAF) return;
  throw new CgroupError("name", name, "it should be letters, digits, dots and dashes");
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
