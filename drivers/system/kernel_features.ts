/**
 * What this machine's kernel offers to close a sandbox off, and what a person can do about the rest.
 *
 * Facts come in through a port, the verdict goes out as data: `doctor` prints it, and tests make up
 * machines. What cannot be read counts as missing.
 *
 * @module
 */

import { readSubordinateIds, SUBORDINATE_IDS_MIN, type SubordinateIds } from "./subordinate_ids.ts";

/** How a machine is looked at. */
export interface KernelProbe {
  /** Returns the text of a file, or `null` where it cannot be read. */
  readonly readText: (path: string) => string | null;
  /** The kernel's level of Landlock; 0 without it. */
  readonly landlockAbi: () => number;
  /** Whether the kernel takes seccomp filters. */
  readonly hasSeccompFilter: () => boolean;
  /** User and group that this program runs as. */
  readonly uid: number;
  readonly gid: number;
  /** Whether a program is where base systems have it. */
  readonly hasProgram: (name: string) => boolean;
  /** Whether this user gets a user namespace with all capabilities: tried, not looked up. */
  readonly canMakeUserNamespace: () => boolean;
}

/** What makes a user namespace and its maps: of util-linux, and of shadow (Debian: uidmap). */
const ROOTLESS_PROGRAMS = ["unshare", "newuidmap", "newgidmap"] as const;

/** Namespaces that a sandbox has for itself. */
export const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] as const;

export type Namespace = (typeof NAMESPACES)[number];

export interface KernelFeatures {
  /** `major.minor`, or `null` where it is not known. */
  readonly release: string | null;
  readonly landlockAbi: number;
  readonly seccompFilter: boolean;
  readonly noNewPrivileges: boolean;
  readonly namespaces: readonly Namespace[];
  /** Who may make user namespaces: the rootless way needs them. */
  readonly userNamespaces:
    | "allowed"
    | "switched_off"
    | "restricted_by_apparmor"
    | "refused"
    | "missing";
  readonly cgroups: "v2" | "v1" | "hybrid" | "missing";
  /** Controllers that limit a sandbox, among `cpu`, `memory` and `pids`. */
  readonly controllers: readonly string[];
  /** `null` for root, who needs nothing of it. */
  readonly rootless: RootlessFeatures | null;
}

/** What an ordinary user has instead of root's rights. */
export interface RootlessFeatures {
  readonly missingPrograms: readonly string[];
  readonly subordinateIds: SubordinateIds | null;
  /** For the fix. */
  readonly uid: number;
}

/** One thing that is missing, in words for a person. */
export interface MissingFeature {
  readonly feature:
    | "landlock"
    | "landlock_level"
    | "seccomp"
    | "no_new_privs"
    | "namespaces"
    | "user_namespaces"
    | "subordinate_ids"
    | "programs"
    | "cgroups";
  /** Without it no sandbox starts; else the sandbox is less than it could be. */
  readonly required: boolean;
  /** What is missing, why it matters, and how to mend it. */
  readonly sentence: string;
}

/** The level at which Landlock also keeps signals and abstract sockets inside. */
const LANDLOCK_ABI_WANTED = 6;

/** Looks at the machine. Changes nothing. */
export function readKernelFeatures(probe: KernelProbe): KernelFeatures {
  const release = /^\d+\.\d+/.exec(probe.readText("/proc/sys/kernel/osrelease") ?? "");
  return {
    release: release?.[0] ?? null,
    landlockAbi: probe.landlockAbi(),
    seccompFilter: probe.hasSeccompFilter(),
    noNewPrivileges: /^NoNewPrivs:/m.test(probe.readText("/proc/self/status") ?? ""),
    namespaces: readNamespaces(probe),
    userNamespaces: readUserNamespaces(probe),
    ...readCgroups(probe),
    rootless: probe.uid === 0 ? null : readRootless(probe),
  };
}

function readRootless(probe: KernelProbe): RootlessFeatures {
  const { uid, gid } = probe;
  return {
    missingPrograms: ROOTLESS_PROGRAMS.filter((name) => !probe.hasProgram(name)),
    subordinateIds: readSubordinateIds(probe.readText, { uid, gid }),
    uid,
  };
}

/** Returns what is missing, the required things first. */
export function findMissing(features: KernelFeatures): readonly MissingFeature[] {
  const missing = [
    ...findMissingControls(features),
    ...findMissingNamespaces(features),
    ...features.rootless === null ? [] : findMissingRootless(features, features.rootless),
    ...findMissingCgroups(features),
  ];
  return missing.sort((a, b) => Number(b.required) - Number(a.required));
}

function findMissingControls(features: KernelFeatures): readonly MissingFeature[] {
  const missing: MissingFeature[] = [];
  const add = (feature: MissingFeature["feature"], required: boolean, sentence: string) =>
    missing.push({ feature, required, sentence });
  const { landlockAbi } = features;
  if (landlockAbi === 0) {
    add(
      "landlock",
      true,
      "Landlock is missing: without it a policy cannot limit files. Use Linux 5.13 or newer, and " +
        "add landlock to the lsm= list of the kernel's command line",
    );
  } else if (landlockAbi < LANDLOCK_ABI_WANTED) {
    add(
      "landlock_level",
      false,
      `Landlock is of level ${landlockAbi}, not ${LANDLOCK_ABI_WANTED}: ` +
        `${describeGaps(landlockAbi)} not governed by it. Use Linux 6.12 or newer`,
    );
  }
  if (!features.seccompFilter) {
    add(
      "seccomp",
      true,
      "Seccomp filters are missing: without them an agent can use every system call. Use a kernel " +
        "built with CONFIG_SECCOMP_FILTER, and lift an outer container's ban on the seccomp call",
    );
  }
  if (!features.noNewPrivileges) {
    add(
      "no_new_privs",
      true,
      "The bit no_new_privs is missing: without it a set-uid program can gain rights. Use Linux 4.10 or " +
        "newer, and mount /proc",
    );
  }
  return missing;
}

function describeGaps(abi: number): string {
  const gaps = [
    { since: 2, what: "moving files between folders" },
    { since: 3, what: "truncating files" },
    { since: 5, what: "commands to devices" },
    { since: 6, what: "signals and abstract sockets" },
  ].filter(({ since }) => abi < since).map(({ what }) => what);
  return `${gaps.join(", ")} are`;
}

function findMissingNamespaces(features: KernelFeatures): readonly MissingFeature[] {
  const missing: MissingFeature[] = [];
  const needed = NAMESPACES.filter((name) => name !== "user" && name !== "cgroup");
  const absent = needed.filter((name) => !features.namespaces.includes(name));
  if (absent.length > 0) {
    missing.push({
      feature: "namespaces",
      required: true,
      sentence: `Namespaces are missing (${absent.join(", ")}): without them a sandbox sees the ` +
        "host's files, processes or network. Use a kernel built with CONFIG_NAMESPACES and all " +
        "that belong to it, and mount /proc",
    });
  }
  return missing;
}

const USER_NAMESPACE_FIXES: Readonly<Record<KernelFeatures["userNamespaces"], string | null>> = {
  allowed: null,
  missing: "Use a kernel built with CONFIG_USER_NS",
  switched_off: "Set the sysctl user.max_user_namespaces above 0, and where it exists " +
    "kernel.unprivileged_userns_clone to 1",
  restricted_by_apparmor:
    "Set the sysctl kernel.apparmor_restrict_unprivileged_userns to 0, or give unshare an " +
    "AppArmor profile with the userns rule",
  refused: "Lift an outer container's ban on the unshare call, and use util-linux 2.36 or newer",
};

/** An ordinary user gets the same sandbox, or is told what is missing for it. */
function findMissingRootless(
  { userNamespaces }: KernelFeatures,
  { missingPrograms, subordinateIds, uid }: RootlessFeatures,
): readonly MissingFeature[] {
  const missing: MissingFeature[] = [];
  const add = (feature: MissingFeature["feature"], sentence: string) =>
    missing.push({ feature, required: true, sentence: `${sentence}, or run OpenShell as root` });
  if (missingPrograms.length > 0) {
    add(
      "programs",
      `Programs are missing (${missingPrograms.join(", ")}): without them only root can run ` +
        "sandboxes. Install util-linux, and uidmap (Debian, Ubuntu) or shadow-utils (Fedora)",
    );
  }
  const fix = USER_NAMESPACE_FIXES[userNamespaces];
  if (fix !== null && !missingPrograms.includes("unshare")) {
    add(
      "user_namespaces",
      `User namespaces are not to be had: without them only root can run sandboxes. ${fix}`,
    );
  }
  if (subordinateIds === null) {
    add(
      "subordinate_ids",
      `User ${uid} has no ${SUBORDINATE_IDS_MIN} subordinate ids in /etc/subuid and /etc/subgid: ` +
        'an agent would share its user with you. Run "sudo usermod --add-subuids 100000-165535 ' +
        '--add-subgids 100000-165535 $USER" with a range that nobody has',
    );
  }
  return missing;
}

function findMissingCgroups(features: KernelFeatures): readonly MissingFeature[] {
  const { cgroups, controllers, rootless } = features;
  const absent = ["cpu", "memory", "pids"].filter((name) => !controllers.includes(name));
  if (absent.length === 0) {
    if (rootless === null || cgroups === "v2") return [];
    return [{
      feature: "cgroups",
      required: false,
      sentence:
        "Control groups of version 1 are root's alone: --memory and --cpu are refused for " +
        "an ordinary user. Boot with systemd.unified_cgroup_hierarchy=1",
    }];
  }
  const what = cgroups === "missing" ? "Control groups" : "Controllers of control groups";
  return [{
    feature: "cgroups",
    required: false,
    sentence: `${what} are missing (${absent.join(", ")}): without them one sandbox can use up ` +
      "the machine. Mount cgroup2 at /sys/fs/cgroup, and enable the controllers there",
  }];
}

function readNamespaces(probe: KernelProbe): readonly Namespace[] {
  // Each kind of namespace that the kernel has, has a limit; 0 switches it off.
  return NAMESPACES.filter((name) => {
    const limit = probe.readText(`/proc/sys/user/max_${name}_namespaces`);
    return limit !== null && Number(limit) > 0;
  });
}

function readUserNamespaces(probe: KernelProbe): KernelFeatures["userNamespaces"] {
  const read = (path: string) => probe.readText(`/proc/sys/${path}`)?.trim() ?? null;
  const limit = read("user/max_user_namespaces");
  if (limit === null) return "missing";
  if (!(Number(limit) > 0) || read("kernel/unprivileged_userns_clone") === "0") {
    return "switched_off";
  }
  if (probe.uid === 0 || probe.canMakeUserNamespace()) return "allowed";
  const restricted = read("kernel/apparmor_restrict_unprivileged_userns") ?? "0";
  return restricted === "0" ? "refused" : "restricted_by_apparmor";
}

function readCgroups(probe: KernelProbe): Pick<KernelFeatures, "cgroups" | "controllers"> {
  const mounts = (probe.readText("/proc/self/mounts") ?? "").split("\n").map((line) => {
    const [, target = "", type = "", options = ""] = line.split(" ");
    return { target, type, options: options.split(",") };
  });
  const unified = mounts.find(({ type }) => type === "cgroup2");
  const legacy = mounts.filter(({ type }) => type === "cgroup");
  const path = `${unified?.target}/cgroup.controllers`;
  const modern = unified === undefined ? [] : probe.readText(path)?.trim().split(/\s+/) ?? [];
  const offered = new Set([...modern, ...legacy.flatMap(({ options }) => options)]);
  const both = legacy.length > 0 ? "hybrid" : "v2";
  return {
    cgroups: unified === undefined ? (legacy.length > 0 ? "v1" : "missing") : both,
    controllers: ["cpu", "memory", "pids"].filter((name) => offered.has(name)),
  };
}
