/**
 * Makes the new root of a sandbox in a mount namespace of its own, and moves into it.
 *
 * INVARIANT: every source is opened before anything covers it, and every target is resolved inside
 * the new root, so no link of the host leads a mount elsewhere.
 *
 * @module
 */

import { TERMINALS_MAX, TMP_BYTES_PER_FILE } from "../../../proto/limits.ts";
import { GATE_SHELL } from "./gated_command.ts";
import { IsolationError, SyscallError } from "./isolation_error.ts";
import type { JailSpec, OwnerMap } from "./jail_spec.ts";
import type { Libc } from "./libc_ffi.ts";
import type { Mount } from "./mount_plan.ts";
import { COMMONDIR_TEXT } from "../../../proto/protected_paths.ts";

/** Exists on every machine. Covered in the private namespace only, and gone with the old root. */
const STAGE = "/tmp";

const MS_NOSUID = 2n;
const MS_NODEV = 4n;
const MS_NOEXEC = 8n;
const MS_BIND = 4096n;
const MS_REC = 16384n;
const MS_PRIVATE = 1n << 18n;

const ATTR_RDONLY = 1;
const ATTR_NOSUID = 2;
const ATTR_NODEV = 4;

const ENOENT = 2;
const EEXIST = 17;

/** Folders of `/proc` that say more about the machine than a sandbox needs. */
const HIDDEN = ["kcore", "keys", "sched_debug", "sysrq-trigger", "timer_list"];

/** Where the old root is until `leaveOldRoot`. */
const OLD_ROOT = "openshell-old-root";

/**
 * Builds the root and moves into it. `/proc` in it is still empty: in a user namespace the kernel
 * gives a new one only to who still sees one in full, so the old root stays until that is done.
 */
export function buildRoot(
  libc: Libc,
  { plan, identity }: JailSpec,
  ownerMaps: readonly OwnerMap[],
): void {
  libc.setUmask(0o022);
  // INVARIANT: private before the first mount, or the host would see what follows.
  libc.mount("/", { flags: MS_REC | MS_PRIVATE });
  const sources = new Map<string, number>();
  let root: number | null = null;
  const shell = Deno.readFileSync("/bin/sh");
  try {
    openSources(libc, plan.mounts, sources);
    const flags = MS_NOSUID | MS_NODEV;
    libc.mount(STAGE, { source: "root", type: "tmpfs", flags, data: "size=1m,mode=0755" });
    root = libc.openPath(STAGE);
    libc.close(makeTarget(libc, root, "/proc", false));
    for (const mount of plan.mounts) {
      place(libc, mount, { root, identity, sources, ownerMaps });
    }
    // INVARIANT: on a file system of the jail's own, so nothing of the host is written.
    Deno.writeFileSync(STAGE + GATE_SHELL, shell, { createNew: true });
    Deno.chmodSync(STAGE + GATE_SHELL, 0o711);
  } finally {
    if (root !== null) libc.close(root);
    for (const source of sources.values()) libc.close(source);
  }
  Deno.mkdirSync(`${STAGE}/${OLD_ROOT}`, { mode: 0o700 });
  libc.changeRoot(STAGE, OLD_ROOT);
}

/** Takes the old root away; the new one is then the only one. */
export function leaveOldRoot(libc: Libc): void {
  libc.unmount(`/${OLD_ROOT}`);
  Deno.removeSync(`/${OLD_ROOT}`);
}

/** Takes the right to write from what only held mount points, and hides parts of `/proc`. */
export function sealRoot(libc: Libc): void {
  for (const name of HIDDEN) {
    try {
      libc.mount(`/proc/${name}`, { source: "/dev/null", flags: MS_BIND });
    } catch (error) {
      if (!(error instanceof SyscallError && error.errno === ENOENT)) throw error;
    }
  }
  for (const path of ["/", "/dev"]) {
    const descriptor = libc.openPath(path);
    try {
      libc.setMountAttributes(descriptor, ATTR_RDONLY, false);
    } finally {
      libc.close(descriptor);
    }
  }
}

interface Placing {
  /** Descriptor of the new root. */
  readonly root: number;
  readonly identity: JailSpec["identity"];
  readonly sources: ReadonlyMap<string, number>;
  readonly ownerMaps: readonly OwnerMap[];
}

function openSources(libc: Libc, mounts: readonly Mount[], sources: Map<string, number>): void {
  for (const mount of mounts) {
    if (mount.kind !== "bind" || sources.has(mount.source)) continue;
    sources.set(mount.source, libc.openPath(mount.source));
  }
}

function place(libc: Libc, mount: Mount, placing: Placing): void {
  const { root } = placing;
  if (mount.kind === "link") {
    const [parent, name] = split(mount.target);
    const folder = makeTarget(libc, root, parent, false);
    try {
      libc.makeLink(folder, name, mount.to);
    } finally {
      libc.close(folder);
    }
    return;
  }
  if (mount.kind === "pin") return pin(libc, mount, placing);
  const file = mount.kind === "bind" && mount.file;
  const target = makeTarget(libc, root, mount.target, file);
  try {
    mountOn(libc, `/proc/self/fd/${target}`, mount, placing);
  } finally {
    libc.close(target);
  }
  if (mount.kind !== "bind") return;
  // Opened again: the descriptor above is what the mount now covers.
  const mounted = libc.openInRoot(root, mount.target);
  const attributes = ATTR_NOSUID | (mount.writable ? 0 : ATTR_RDONLY) |
    (mount.devices ? 0 : ATTR_NODEV);
  try {
    libc.setMountAttributes(mounted, attributes, true);
  } finally {
    libc.close(mounted);
  }
}

function mountOn(
  libc: Libc,
  target: string,
  mount: Exclude<Mount, { kind: "link" | "pin" }>,
  { identity, sources, ownerMaps }: Placing,
): void {
  if (mount.kind === "bind") {
    const map = ownerMaps.find((candidate) => candidate.target === mount.target);
    if (map !== undefined) return mountMapped(libc, target, sources.get(mount.source)!, map);
    const source = `/proc/self/fd/${sources.get(mount.source)}`;
    libc.mount(target, { source, flags: MS_BIND | MS_REC });
    return;
  }
  const flags = MS_NOSUID | (mount.kind === "devpts" ? MS_NOEXEC : MS_NODEV);
  if (mount.kind === "devpts") {
    const data = `newinstance,ptmxmode=0666,mode=0620,max=${TERMINALS_MAX}`;
    libc.mount(target, { source: "devpts", type: "devpts", flags, data });
    return;
  }
  const owner = mount.owned ? `,uid=${identity.uid},gid=${identity.gid}` : "";
  const files = Math.ceil(mount.bytesMax / TMP_BYTES_PER_FILE);
  const data = `size=${mount.bytesMax},nr_inodes=${files},mode=${mount.mode}${owner}`;
  libc.mount(target, { source: "tmpfs", type: "tmpfs", flags, data });
}

/** Mounts the source with its owner's files as those of the sandbox's identity. */
function mountMapped(libc: Libc, target: string, source: number, map: OwnerMap): void {
  const namespace = libc.openForReading(`/proc/${map.helperPid}/ns/user`);
  const tree = libc.copyMounts(source);
  try {
    libc.mapOwners(tree, namespace);
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause;
    const detail = `the file system of ${map.target} cannot map owners (errno ${cause.errno})`;
    throw new IsolationError("ownership", detail, { cause });
  } finally {
    libc.close(namespace);
  }
  try {
    libc.moveMount(tree, target);
  } finally {
    libc.close(tree);
  }
}

/**
 * INVARIANT: resolved beneath the bind and through no link, so a link that has come since the plan
 * was made is an error.
 */
function pin(
  libc: Libc,
  { bind, path, source, placeholder, writable }: Extract<Mount, { kind: "pin" }>,
  { root, sources }: Placing,
): void {
  if (placeholder) makePlaceholder(libc, sources.get(source)!, path);
  const within = libc.openInRoot(root, bind);
  try {
    const covered = libc.openBeneath(within, path);
    try {
      const same = `/proc/self/fd/${covered}`;
      libc.mount(same, { source: same, flags: MS_BIND });
    } finally {
      libc.close(covered);
    }
    const mounted = libc.openBeneath(within, path);
    const attributes = ATTR_NOSUID | ATTR_NODEV | (writable ? 0 : ATTR_RDONLY);
    try {
      libc.setMountAttributes(mounted, attributes, false);
    } finally {
      libc.close(mounted);
    }
  } finally {
    libc.close(within);
  }
}

/** In the host's own folder: as the sandbox sees it, root's files cannot be made there. */
function makePlaceholder(libc: Libc, source: number, path: string): void {
  const at = path.lastIndexOf("/");
  const parent = libc.openBeneath(source, at < 0 ? "." : path.slice(0, at));
  const name = path.slice(at + 1);
  try {
    // In a repository. Beside one it is a folder, on which git fails.
    if (path.endsWith(".git/commondir")) libc.makeFile(parent, name, COMMONDIR_TEXT);
    else libc.makeFolder(parent, name);
  } catch (error) {
    // Somebody was quicker; what is there now is held.
    if (!(error instanceof SyscallError && error.errno === EEXIST)) throw error;
  } finally {
    libc.close(parent);
  }
}

/** Opens a path of the new root, and makes what is missing of it. */
function makeTarget(libc: Libc, root: number, path: string, file: boolean): number {
  try {
    return libc.openInRoot(root, path);
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === ENOENT)) throw error;
  }
  const [parent, name] = split(path);
  const folder = makeTarget(libc, root, parent, false);
  try {
    if (file) libc.makeFile(folder, name, "");
    else libc.makeFolder(folder, name);
  } finally {
    libc.close(folder);
  }
  return libc.openInRoot(root, path);
}

function split(path: string): readonly [string, string] {
  const at = path.lastIndexOf("/");
  return [path.slice(0, at) || "/", path.slice(at + 1)];
}
