/**
 * Decides which paths in a writable bind are held: kept from being written, replaced or made.
 *
 * A mount point cannot be renamed or removed, and neither can what it covers be written through it.
 * So each protected path becomes a mount of itself, read-only, and each folder above it one of
 * itself as well, writable: else it could be moved away and made anew. What does not exist yet
 * needs something to mount on: an empty folder, which everybody reads as "not there".
 *
 * Pure: what the host has is asked through `look`. Links are refused: a link cannot be mounted on,
 * so it could be replaced.
 *
 * @module
 */

import { BIND_DEPTH_MAX, BIND_FOLDERS_MAX } from "../../../proto/limits.ts";
import { MountPlanError } from "./isolation_error.ts";
import type { PathFacts } from "./look_at_path.ts";
import {
  HOME_SIGNS,
  PROTECTED_IF_THERE,
  PROTECTED_IN_FOLDERS,
  PROTECTED_IN_HOMES,
  PROTECTED_IN_REPOSITORIES,
  SIGNS_OF_REPOSITORY,
  STOP_FOR_GIT,
} from "../../../proto/protected_paths.ts";

/** A folder or file of the host that is given in place. */
export interface BindRequest {
  /** On the host. */
  readonly source: string;
  /** In the sandbox. */
  readonly target: string;
  readonly writable: boolean;
  /** Protected paths that are writable after all, relative to `source`. */
  readonly unprotect: readonly string[];
}

/** One held path, relative to the bind. */
export interface Pin {
  readonly path: string;
  readonly writable: boolean;
  /** It is missing, and a placeholder is made for it. */
  readonly placeholder: boolean;
}

type Look = (path: string) => PathFacts;

/**
 * Returns what is held in a writable bind of a folder, parents first.
 *
 * @throws {MountPlanError} for a protected path that is a link, for an exception from what is not
 * protected, and for a bare repository.
 */
export function planPins({ source, unprotect }: BindRequest, look: Look): readonly Pin[] {
  if (isBare(source, look)) {
    throw new MountPlanError(
      source,
      "it is a repository without a working tree, and git runs what is written there",
      "Bind it read-only, or bind a clone",
    );
  }
  const draft = new PinDraft(source, unprotect, look);
  const isHome = /^\/(root|home\/[^/]+)$/.test(source) ||
    HOME_SIGNS.some((name) => look(`${source}/${name}`).kind !== "missing");
  for (const { path } of PROTECTED_IN_FOLDERS) draft.hold(path, true);
  for (const { path } of PROTECTED_IN_HOMES) draft.hold(path, isHome);
  for (const git of [".git", ...findRepositories(source, look)]) draft.holdRepository(git);
  return draft.finish();
}

class PinDraft {
  readonly #source: string;
  readonly #unprotect: ReadonlySet<string>;
  readonly #look: Look;
  readonly #known = new Set<string>();
  readonly #pins = new Map<string, Pin>();

  constructor(source: string, unprotect: readonly string[], look: Look) {
    this.#source = source;
    this.#unprotect = new Set(unprotect);
    this.#look = look;
  }

  /** Holds a path; where it is missing, only if asked to. */
  hold(path: string, whenMissing: boolean): void {
    this.#known.add(path);
    if (this.#unprotect.has(path)) return;
    const parts = path.split("/");
    if (!whenMissing && this.#isMissing(path)) return;
    for (const [at] of parts.entries()) {
      const part = parts.slice(0, at + 1).join("/");
      const kind = this.#kindOf(part);
      const placeholder = kind === "missing";
      const through = part !== path && kind === "directory";
      this.#pin({ path: part, writable: through, placeholder });
      // What is held covers all below it.
      if (!through) return;
    }
  }

  /** Holds what git trusts in a folder of its own, as `.git` is one. */
  holdRepository(git: string): void {
    const parts = [...PROTECTED_IN_REPOSITORIES, ...PROTECTED_IF_THERE];
    for (const { path } of parts) this.#known.add(`${git}/${path}`);
    this.#known.add(git);
    if (this.#unprotect.has(git)) return;
    const isRepository = this.#kindOf(git) === "directory" &&
      this.#look(`${this.#source}/${git}/HEAD`).kind !== "missing";
    if (git === ".git" || isRepository) this.#holdFolderOf(git);
    if (!isRepository) return this.hold(git, git === ".git");
    for (const { path } of PROTECTED_IN_REPOSITORIES) this.hold(`${git}/${path}`, true);
    for (const { path } of PROTECTED_IF_THERE) this.hold(`${git}/${path}`, false);
  }

  /** Keeps git from taking the folder that `.git` is in for a repository itself. */
  #holdFolderOf(git: string): void {
    if (git !== ".git" && !git.endsWith("/.git")) return;
    const beside = (name: string) => git.slice(0, -".git".length) + name;
    const missing = SIGNS_OF_REPOSITORY.find((name) => this.#isMissing(beside(name)));
    this.hold(beside(missing ?? "HEAD"), true);
    this.hold(beside(STOP_FOR_GIT), true);
  }

  finish(): readonly Pin[] {
    for (const path of this.#unprotect) {
      if (this.#known.has(path)) continue;
      throw new MountPlanError(
        `${this.#source}/${path}`,
        "it is named as an exception, and is not protected",
        "Name a protected path as it stands in the list, relative to the folder",
      );
    }
    return [...this.#pins.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Read-only wins. */
  #pin(pin: Pin): void {
    if (this.#pins.get(pin.path)?.writable !== false) this.#pins.set(pin.path, pin);
  }

  #isMissing(path: string): boolean {
    return this.#look(`${this.#source}/${path}`).kind === "missing" &&
      this.#look(`${this.#source}/${path}`).link === null;
  }

  #kindOf(path: string): PathFacts["kind"] {
    const { link, kind } = this.#look(`${this.#source}/${path}`);
    if (link === null) return kind;
    throw new MountPlanError(
      `${this.#source}/${path}`,
      "it is protected, and a link could be replaced",
      `Put a plain file or folder there, or name "${path}" as an exception (unprotect)`,
    );
  }
}

/** What git takes for a repository, whatever its name is. */
function isBare(folder: string, look: Look): boolean {
  return ["objects", "refs"].every((name) => look(`${folder}/${name}`).kind === "directory") &&
    look(`${folder}/HEAD`).kind === "file";
}

/**
 * Returns each `.git` below, and bare repositories, to a bounded depth. Links are not followed.
 */
function findRepositories(source: string, look: Look): readonly string[] {
  const found: string[] = [];
  let level: readonly string[] = [""];
  let seen = 0;
  for (let depth = 0; depth < BIND_DEPTH_MAX; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      if (folder !== "" && isBare(`${source}/${folder}`, look)) {
        found.push(folder);
        continue;
      }
      for (const name of look(`${source}${folder && `/${folder}`}`).names()) {
        if (name === ".git") {
          if (folder !== "") found.push(`${folder}/.git`);
          continue;
        }
        if (++seen > BIND_FOLDERS_MAX) return found;
        next.push(folder === "" ? name : `${folder}/${name}`);
      }
    }
    level = next;
  }
  return found;
}
