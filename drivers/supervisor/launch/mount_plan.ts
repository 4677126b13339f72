/**
 * Decides what a sandbox finds in its file system: every mount, and what Landlock allows where.
 *
 * Pure: what the host has is asked through `look`. The plan is data, so tests and `doctor` can read
 * it, and the read-back compares the kernel's list with it.
 *
 * Fails closed: what is not planned does not exist in the new root.
 *
 * @module
 */

import type { FilesystemPolicy, Policy } from "../../../policy-wasm/policy.ts";
import { type BindRequest, planPins } from "./bind_plan.ts";
import { MountPlanError } from "./isolation_error.ts";
import type { PathFacts } from "./look_at_path.ts";
import { findShown, isWithin, type TableMount } from "./mount_table.ts";
import { PROTECTED_IN_FOLDERS, PROTECTED_IN_HOMES } from "../../../proto/protected_paths.ts";

/** One mount or link, in the new root. `target` is absolute there. */
export type Mount =
  | { readonly kind: "bind"; readonly target: string; readonly source: string } & BindOptions
  | {
    readonly kind: "tmpfs";
    readonly target: string;
    readonly mode: string;
    readonly bytesMax: number;
    /** Belongs to the identity of the sandbox, not to root. */
    readonly owned: boolean;
  }
  | {
    /** Part of a bind, mounted on itself so that it stays where it is. */
    readonly kind: "pin";
    readonly target: string;
    /** The bind that it is part of, by its target and source, and where in it. */
    readonly bind: string;
    readonly source: string;
    readonly path: string;
    readonly writable: boolean;
    readonly placeholder: boolean;
  }
  | { readonly kind: "devpts"; readonly target: string }
  | { readonly kind: "link"; readonly target: string; readonly to: string };

interface BindOptions {
  readonly file: boolean;
  readonly writable: boolean;
  /** Device files work here; everywhere else they are dead. */
  readonly devices: boolean;
  /** The sandbox's identity stands for the owner of the source. */
  readonly mapsOwner?: boolean;
}

/** What Landlock allows beneath one path. Reading includes executing. */
export interface Access {
  readonly path: string;
  readonly level: "read" | "write";
  readonly file: boolean;
  readonly devices: boolean;
}

/** Parents before children. */
export interface MountPlan {
  readonly mounts: readonly Mount[];
  readonly access: readonly Access[];
  /** Listed by the policy, absent on this machine, and left out. */
  readonly skipped: readonly string[];
  /**
   * Paths of the host that are made when the jail starts and removed when it ends, so that they can
   * be protected. Whoever starts a jail keeps the list, for `removePlaceholders` after a crash.
   */
  readonly placeholders: readonly string[];
}

export interface MountRequest {
  readonly filesystem: FilesystemPolicy;
  readonly compatibility: Policy["landlock"]["compatibility"];
  /** Host folder that the agent may write, and where it sees it. */
  readonly workspace: { readonly source: string; readonly target: string };
  /** Folders and files of the host that are given in place. */
  readonly binds: readonly BindRequest[];
  /** Host folders that every program needs, read-only. */
  readonly systemFolders: readonly string[];
  /** Bytes of each private folder in memory: `/tmp`, `/dev/shm`, a missing read-write path. */
  readonly tmpBytesMax: number;
  /**
   * Folders of the host that no sandbox may see, nor any folder that holds one: keys, records and
   * programs of OpenShell itself, and where a person's own programs listen. With them an agent could
   * open its own door.
   */
  readonly ownFolders: readonly string[];
  /** What is mounted on the host: the same files may be there a second time. */
  readonly hostMounts: readonly TableMount[];
}

/** What programs are made of. Nothing here belongs to a person. */
export const SYSTEM_FOLDERS: readonly string[] = [
  "/bin",
  "/etc",
  "/lib",
  "/lib32",
  "/lib64",
  "/sbin",
  "/usr",
];

const DEVICES = ["full", "null", "random", "tty", "urandom", "zero"].map((name) => `/dev/${name}`);

/** Paths that a jail has of its own, so that the host's are never shown. */
const OWN = [...DEVICES, "/dev", "/dev/ptmx", "/dev/pts", "/dev/shm", "/proc", "/tmp"];

/**
 * Returns the mounts and rights for one sandbox.
 *
 * @throws {MountPlanError} for `/`, under `hard_requirement` for a missing read-only path, and for
 * a bind that cannot be given or protected.
 */
export function planMounts(request: MountRequest, look: (path: string) => PathFacts): MountPlan {
  const draft = new Draft(request, look);
  for (const folder of request.systemFolders) draft.addSystemFolder(folder);
  draft.addOwnFolders();
  const { source, target } = request.workspace;
  draft.addBind(target, source, { file: false, writable: true, devices: false });
  for (const bind of request.binds) draft.addRequestedBind(bind);
  const { readOnly, readWrite, includeWorkdir } = request.filesystem;
  const listed = [
    ...readOnly.map((path) => ({ path, level: "read" as const })),
    ...readWrite.map((path) => ({ path, level: "write" as const })),
  ];
  // INVARIANT: parents first, because a child is planned by what its parent already shows.
  for (const { path, level } of listed.toSorted((a, b) => comparePaths(a.path, b.path))) {
    draft.addListed(path, level);
  }
  if (includeWorkdir) draft.allow({ path: target, level: "write", file: false, devices: false });
  return draft.finish();
}

class Draft {
  readonly #mounts = new Map<string, Mount>();
  readonly #access = new Map<string, Access>();
  readonly #skipped: string[] = [];
  readonly #request: MountRequest;
  readonly #look: (path: string) => PathFacts;

  constructor(request: MountRequest, look: (path: string) => PathFacts) {
    this.#request = request;
    this.#look = look;
  }

  addSystemFolder(path: string): void {
    const { link, kind } = this.#look(path);
    if (kind !== "directory") return;
    if (link !== null) {
      this.#mounts.set(path, { kind: "link", target: path, to: link });
      return;
    }
    this.addBind(path, path, { file: false, writable: false, devices: false });
    this.allow({ path, level: "read", file: false, devices: false });
  }

  addOwnFolders(): void {
    this.#addTmpfs("/dev", { mode: "0755", owned: false });
    this.#addTmpfs("/dev/shm", { mode: "1777", owned: false });
    this.#addTmpfs("/tmp", { mode: "1777", owned: false });
    this.#mounts.set("/dev/pts", { kind: "devpts", target: "/dev/pts" });
    for (const path of DEVICES) {
      this.addBind(path, path, { file: true, writable: true, devices: true });
      this.allow({ path, level: "write", file: true, devices: path === "/dev/tty" });
    }
    for (const [name, to] of [["fd", ""], ["stdin", "/0"], ["stdout", "/1"], ["stderr", "/2"]]) {
      const target = `/dev/${name}`;
      this.#mounts.set(target, { kind: "link", target, to: `/proc/self/fd${to}` });
    }
    this.#mounts.set("/dev/ptmx", { kind: "link", target: "/dev/ptmx", to: "pts/ptmx" });
    this.allow({ path: "/dev/pts", level: "write", file: false, devices: true });
    this.allow({ path: "/dev/shm", level: "write", file: false, devices: false });
    this.allow({ path: "/proc", level: "read", file: false, devices: false });
    const listed = this.#request.filesystem.readOnly.includes("/tmp");
    this.allow({ path: "/tmp", level: listed ? "read" : "write", file: false, devices: false });
  }

  addListed(listed: string, level: "read" | "write"): void {
    if (listed === "/") {
      throw new MountPlanError(
        "/",
        "the whole root holds what no sandbox may see",
        "List the folders that the agent needs",
      );
    }
    const path = this.#throughLinks(listed);
    const own = OWN.includes(path) || isWithin(path, "/proc");
    if (own) {
      if (!path.startsWith("/dev")) {
        this.allow({ path, level, file: false, devices: false });
      }
      return;
    }
    // The workspace is the sandbox's own: what the host has at that path is not meant.
    if (isWithin(path, this.#request.workspace.target)) return this.#allowWorkspace(path, level);
    if (this.#request.binds.some((bind) => isWithin(path, bind.target))) {
      return this.#allowInBind(path, level);
    }
    const { kind } = this.#look(path);
    if (kind === "missing") return this.#addMissing(path, level);
    this.#refuseOwn(path, "Leave it out, and list the folders that are needed");
    const devices = isWithin(path, "/dev");
    const file = kind === "file";
    const writable = level === "write";
    if (!this.#shows(path, writable)) this.addBind(path, path, { file, writable, devices });
    this.allow({ path, level, file, devices });
  }

  addRequestedBind(bind: BindRequest): void {
    const { source, target, writable } = bind;
    checkBind(bind, this.#request);
    this.#refuseOwn(source, "Bind the folders of the work instead");
    const { kind } = this.#look(source);
    if (kind === "missing") {
      throw new MountPlanError(source, "the machine does not have it", "Bind a path that exists");
    }
    const file = kind === "file";
    this.addBind(target, source, { file, writable, devices: false, mapsOwner: writable });
    this.allow({ path: target, level: writable ? "write" : "read", file, devices: false });
    if (file || !writable) return;
    for (const pin of planPins(bind, this.#look)) {
      const at = `${target}/${pin.path}`;
      this.#mounts.set(at, { kind: "pin", target: at, bind: target, source, ...pin });
    }
  }

  addBind(target: string, source: string, options: BindOptions): void {
    this.#mounts.set(target, { kind: "bind", target, source, ...options });
  }

  /** Writing wins where a path is allowed twice. */
  allow(access: Access): void {
    if (this.#access.get(access.path)?.level === "write" && access.level === "read") return;
    this.#access.set(access.path, access);
  }

  finish(): MountPlan {
    return {
      mounts: [...this.#mounts.values()].sort((a, b) => comparePaths(a.target, b.target)),
      access: [...this.#access.values()].sort((a, b) => comparePaths(a.path, b.path)),
      skipped: this.#skipped,
      placeholders: [...this.#mounts.values()].flatMap((mount) =>
        mount.kind === "pin" && mount.placeholder ? [`${mount.source}/${mount.path}`] : []
      ),
    };
  }

  /** The bind says what is there, and whether it may be written. */
  #allowInBind(path: string, level: "read" | "write"): void {
    const bind = this.#request.binds.find(({ target }) => isWithin(path, target));
    if (bind === undefined) return;
    const { kind } = this.#look(bind.source + path.slice(bind.target.length));
    if (kind !== "missing") this.allow({ path, level, file: kind === "file", devices: false });
  }

  /** By where it leads: a link would show the same files, and so would a mount of them elsewhere. */
  #refuseOwn(path: string, hint: string): void {
    const { real = path } = this.#look(path);
    const own = findShown(real, this.#request.ownFolders, this.#request.hostMounts);
    if (own === undefined) return;
    throw new MountPlanError(path, `it shows "${own}", which no sandbox may see`, hint);
  }

  #allowWorkspace(path: string, level: "read" | "write"): void {
    const { target } = this.#request.workspace;
    if (path === target) return this.allow({ path, level, file: false, devices: false });
    throw new MountPlanError(
      path,
      "it lies in the workspace, which is allowed as a whole",
      `List ${target}, or a folder outside it`,
    );
  }

  #addMissing(path: string, level: "read" | "write"): void {
    if (level === "write") {
      this.#addTmpfs(path, { mode: "0700", owned: true });
      this.allow({ path, level, file: false, devices: false });
      return;
    }
    if (this.#request.compatibility === "hard_requirement") {
      throw new MountPlanError(path, "the machine does not have it", "Remove it from read_only");
    }
    this.#skipped.push(path);
  }

  #addTmpfs(target: string, options: { readonly mode: string; readonly owned: boolean }): void {
    const bytesMax = this.#request.tmpBytesMax;
    this.#mounts.set(target, { kind: "tmpfs", target, bytesMax, ...options });
  }

  /** Whether the nearest mount above shows the same host path in the same way. */
  #shows(path: string, writable: boolean): boolean {
    const above = [...this.#mounts.values()]
      .filter(({ kind, target }) => kind !== "link" && isWithin(path, target))
      .sort((a, b) => b.target.length - a.target.length)[0];
    if (above?.kind !== "bind" || above.writable !== writable) return false;
    return above.source + path.slice(above.target.length) === path;
  }

  /** Returns where a path lies once the linked system folders are followed. */
  #throughLinks(path: string): string {
    for (const mount of this.#mounts.values()) {
      if (mount.kind !== "link" || isWithin(mount.target, "/dev")) continue;
      if (!isWithin(path, mount.target)) continue;
      const to = mount.to.startsWith("/") ? mount.to : `/${mount.to}`;
      return to + path.slice(mount.target.length);
    }
    return path;
  }
}

/** @throws {MountPlanError} for a bind that would cover or hand out what is not a person's. */
function checkBind(
  { source, target, writable }: BindRequest,
  { binds, systemFolders, workspace }: MountRequest,
): void {
  const refuse = (path: string, detail: string, hint: string) => {
    throw new MountPlanError(path, detail, hint);
  };
  for (const path of [source, target]) {
    if (!isPlainPath(path)) refuse(path, "it is not a plain absolute path", "Write it in full");
  }
  const own = [...OWN, ...systemFolders].some((path) => isWithin(path, target)) ||
    ["/dev", "/proc"].some((folder) => isWithin(target, folder));
  if (own) refuse(target, "the sandbox has its own there", "Choose another place for the bind");
  if (target !== workspace.target && isWithin(workspace.target, target)) {
    refuse(target, "it would cover the workspace", "Choose another place for the bind");
  }
  if (binds.filter((other) => isWithin(other.target, target)).length > 1) {
    refuse(target, "another bind lies in it", "Choose places that do not cover each other");
  }
  const [name] = source.split("/").filter((part) => GUARDED_NAMES.has(part));
  const system = source === "/home" || isWithin("/usr", source) ||
    [...systemFolders, "/boot", "/dev", "/proc", "/sys"].some((folder) => isWithin(source, folder));
  if (writable && (system || name !== undefined)) {
    const what = name === undefined ? "the machine" : `"${name}", which is protected`;
    refuse(source, `it is a part of ${what}`, "Bind it read-only, or bind a folder of the work");
  }
}

/** Protected names that are a folder or file of their own wherever they are. */
const GUARDED_NAMES: ReadonlySet<string> = new Set([
  ".git",
  ...[...PROTECTED_IN_FOLDERS, ...PROTECTED_IN_HOMES].map(({ path }) => path)
    .filter((path) => path.startsWith(".") && !path.includes("/")),
]);

function isPlainPath(path: string): boolean {
  return /^(\/[^/\0]+)+$/.test(path) &&
    !path.split("/").some((part) => part === "." || part === "..");
}

function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  for (const [at, part] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return left.length - right.length;
}
