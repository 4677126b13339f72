/**
 * Knows what the protected parts of writable binds held when a sandbox started, so that a person can
 * be told what has become of one that was lost.
 *
 * A program of the host replaces a file by a new one, as `git config` does; the mount that kept the
 * agent out goes with the old one. Until the sandbox has ended the agent could write the new one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import {
  PROTECTED_IF_THERE,
  PROTECTED_IN_FOLDERS,
  PROTECTED_IN_HOMES,
  PROTECTED_IN_REPOSITORIES,
} from "../../../proto/protected_paths.ts";
import type { MountPlan } from "./mount_plan.ts";
import type { Breach } from "./read_back.ts";

/** A protected path whose mount is gone. */
export interface LostPath {
  /** On the host. */
  readonly path: string;
  /** Compared with the start of the sandbox; what cannot be compared counts as changed. */
  readonly state: "same" | "changed" | "gone";
  /** What would run or trust it. */
  readonly reason: string;
}

/** Beyond them a folder is not compared. */
const ENTRIES_MAX = 256;
const BYTES_MAX = 1024 * 1024;

const PROTECTED = [
  ...PROTECTED_IN_REPOSITORIES,
  ...PROTECTED_IF_THERE,
  ...PROTECTED_IN_FOLDERS,
  ...PROTECTED_IN_HOMES,
];

interface Held {
  readonly path: string;
  readonly digest: string | null;
}

export class HeldFiles {
  /** By where the sandbox sees it. */
  readonly #held: ReadonlyMap<string, Held>;

  /** Reads what there is now. */
  constructor({ mounts }: MountPlan) {
    this.#held = new Map(mounts.flatMap((mount) => {
      if (mount.kind !== "pin" || mount.writable) return [];
      const path = `${mount.source}/${mount.path}`;
      return [[mount.target, { path, digest: digestOf(path) }] as const];
    }));
  }

  /** Returns what of it was lost. Call it when nothing of the agent's runs any more. */
  findLost(breaches: readonly Breach[]): readonly LostPath[] {
    return [...this.#held].flatMap(([target, { path, digest }]) => {
      const isLost = breaches.some(({ control, found }) =>
        control === "mounts" && found === `${target} is missing`
      );
      if (!isLost) return [];
      const isSame = digest !== null && digestOf(path) === digest;
      const state = lstatOrNull(path) === null ? "gone" : isSame ? "same" : "changed";
      return [{ path, state, reason: reasonOf(path) }];
    });
  }
}

/** Says in words for a person what was lost, and what to do. */
export function describeLost(lost: readonly LostPath[]): string {
  return lost.map(({ path, state, reason }) => {
    const what = `"${path}" was replaced or removed on this machine while the sandbox ran, and ` +
      "its protection with it";
    if (state !== "changed") {
      return `${what}; it ${state === "same" ? "holds what it did" : "is gone"}`;
    }
    return `${what}; it is not what it was, and the agent may have written it: read it before you ` +
      `go on, since ${reason}`;
  }).join(". ");
}

function reasonOf(path: string): string {
  const found = PROTECTED.find((each) => path.endsWith(`/${each.path}`));
  return found?.reason ?? "programs of this machine run or trust it";
}

/** Returns `null` for what is too large, or cannot be read. */
function digestOf(path: string): string | null {
  const hash = createHash("sha256");
  try {
    new Walk((text) => hash.update(text)).add(path, "");
    return hash.digest("hex");
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** It is larger than what is compared, or of another kind. */
class NotCompared extends Error {
  override readonly name = "NotCompared";
}

/** Tells all that there is below a path, without following a link. */
class Walk {
  readonly #tell: (bytes: string | Uint8Array) => void;
  #entries = 0;
  #bytes = 0;

  constructor(tell: (bytes: string | Uint8Array) => void) {
    this.#tell = tell;
  }

  add(path: string, name: string): void {
    if (++this.#entries > ENTRIES_MAX) throw new NotCompared();
    const info = lstatOrNull(path);
    if (info === null) return this.#tell(`${name}\0missing\0`);
    const { isDirectory, isSymlink, isFile, mode, size } = info;
    this.#tell(`${name}\0${mode}\0${isDirectory ? "" : size}\0`);
    if (isSymlink) this.#tell(Deno.readLinkSync(path));
    if (isFile) {
      this.#bytes += size;
      if (this.#bytes > BYTES_MAX) throw new NotCompared();
      this.#tell(readPlainFile(path));
    }
    if (!isDirectory) return;
    const names = [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
    for (const each of names) this.add(`${path}/${each}`, `${name}/${each}`);
  }
}

/** Waits for nobody: by now another agent may have put a pipe in the place of the file. */
function readPlainFile(path: string): Uint8Array {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const file = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    if (!fstatSync(file).isFile()) throw new NotCompared();
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function lstatOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
