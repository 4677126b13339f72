/**
 * Reads back, from outside the jail, that every control is in force.
 *
 * The jail thread cannot vouch for itself: the main thread, which is not confined, reads what the
 * kernel says about that thread and about init, and compares it with the specification.
 *
 * Fails closed: what cannot be read counts as not in force.
 *
 * @module
 */

import { CORE_BYTES_MAX } from "./confine.ts";
import { GATE_SHELL } from "./gated_command.ts";
import type { Control } from "./isolation_error.ts";
import type { Confinement, JailSpec } from "./jail_spec.ts";
import { parseMountTable } from "./mount_table.ts";
import { ENOSYS, EPERM } from "./seccomp_filter.ts";

/** What the kernel says. `""` stands for what could not be read. */
export interface Evidence {
  /** `status` of the jail thread and of init. */
  readonly thread: string;
  readonly init: string;
  /** `limits` of init, which every command gets as well. */
  readonly limits: string;
  readonly mountinfo: string;
  /** Owner and mode of the shell at the gate. */
  readonly gate: string;
  /** `net/dev` of the jail thread. */
  readonly interfaces: string;
  /** Namespaces by name, of the jail thread, of init and of this thread. */
  readonly namespaces: {
    readonly thread: Readonly<Record<string, string>>;
    readonly init: Readonly<Record<string, string>>;
    readonly own: Readonly<Record<string, string>>;
  };
}

/** A control that is not in force, and what was found instead. */
export interface Breach {
  readonly control: Control;
  readonly found: string;
}

const NAMESPACES = ["ipc", "mnt", "net", "uts"];

const EACCES = 13;

/** Asks the kernel. Only the texts are read here; judging is `findBreaches`. */
export function gatherEvidence(confinement: Confinement): Evidence {
  const thread = `/proc/self/task/${confinement.threadId}`;
  const init = `/proc/${confinement.initPid}`;
  const names = [...NAMESPACES, "pid", "pid_for_children"];
  const namespaces = (folder: string) =>
    Object.fromEntries(names.map((name) => [name, readLink(`${folder}/ns/${name}`)]));
  return {
    thread: readText(`${thread}/status`),
    init: readText(`${init}/status`),
    limits: readText(`${init}/limits`),
    mountinfo: readText(`${thread}/mountinfo`),
    gate: readOwnerAndMode(`${init}/root${GATE_SHELL}`),
    interfaces: readText(`${thread}/net/dev`),
    namespaces: {
      thread: namespaces(thread),
      init: namespaces(init),
      own: namespaces("/proc/thread-self"),
    },
  };
}

/** Returns every control that is not in force; empty means that commands may be spawned. */
export function findBreaches(
  evidence: Evidence,
  spec: JailSpec,
  confinement: Confinement,
): readonly Breach[] {
  return [
    ...checkNamespaces(evidence),
    ...checkMounts(evidence.mountinfo, spec),
    ...checkNetwork(evidence.interfaces),
    ...checkPrivileges(evidence, spec),
    ...checkLimits(evidence.limits, spec),
    ...checkGate(evidence.gate),
    ...checkProbes(confinement),
  ];
}

function checkNamespaces({ namespaces: { thread, init, own } }: Evidence): readonly Breach[] {
  const pairs = [
    ...NAMESPACES.map((name) => ({ name, inside: thread[name], outside: own[name] })),
    ...NAMESPACES.map((name) => ({ name, inside: init[name], outside: own[name] })),
    { name: "pid", inside: init["pid"], outside: own["pid"] },
  ];
  const shared = pairs.filter(({ inside, outside }) => !inside || !outside || inside === outside);
  const breaches = shared.map(({ name }) =>
    breach("namespaces", `${name} is shared with the host`)
  );
  if (!init["pid"] || init["pid"] !== thread["pid_for_children"]) {
    breaches.push(breach("namespaces", "children do not start in the pid namespace of init"));
  }
  return breaches;
}

function checkMounts(mountinfo: string, { plan }: JailSpec): readonly Breach[] {
  const mounts = parseMountTable(mountinfo);
  const planned = new Map(plan.mounts.map((mount) => [mount.target, mount]));
  const breaches: Breach[] = [];
  for (const { target, options } of mounts) {
    const above = nearest(planned, target);
    const known = target === "/" || target === "/proc" || target.startsWith("/proc/") ||
      above !== undefined;
    if (!known) breaches.push(breach("mounts", `${target} is not planned`));
    const writable = above !== undefined && (!("writable" in above) || above.writable) ||
      target === "/proc" || target.startsWith("/proc/");
    if ((!writable || target === "/dev") && !options.includes("ro")) {
      breaches.push(breach("mounts", `${target} is writable`));
    }
    if (!options.includes("nosuid") && !target.startsWith("/proc/")) {
      breaches.push(breach("mounts", `${target} lets programs gain rights`));
    }
    const hasDevices = above?.kind === "devpts" || above?.kind === "bind" && above.devices;
    if (!options.includes("nodev") && !hasDevices && !target.startsWith("/proc/")) {
      breaches.push(breach("mounts", `device files work in ${target}`));
    }
  }
  const present = new Set(mounts.map(({ target }) => target));
  for (const target of ["/", "/proc", ...planned.keys()]) {
    if (planned.get(target)?.kind === "link" || present.has(target)) continue;
    breaches.push(breach("mounts", `${target} is missing`));
  }
  return breaches;
}

function checkNetwork(interfaces: string): readonly Breach[] {
  const names = [...interfaces.matchAll(/^\s*([^\s:|]+):/gm)].map(([, name]) => name);
  if (names.length === 1 && names[0] === "lo") return [];
  return [breach("network", `interfaces ${names.join(", ") || "unknown"} instead of lo alone`)];
}

function checkPrivileges({ thread, init }: Evidence, spec: JailSpec): readonly Breach[] {
  const { uid, gid } = spec.identity;
  const none = "0000000000000000";
  const rows: readonly (readonly [Control, string, string, string])[] = [
    ["no_new_privs", thread, "NoNewPrivs", "1"],
    ["no_new_privs", init, "NoNewPrivs", "1"],
    ["seccomp", thread, "Seccomp", "2"],
    ["seccomp", init, "Seccomp", "2"],
    ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((name) =>
      ["capabilities", thread, name, none] as const
    ),
    ...["CapInh", "CapPrm", "CapEff", "CapAmb"].map((name) =>
      ["capabilities", init, name, none] as const
    ),
    ["identity", thread, "Uid", Array(4).fill(uid).join("\t")],
    ["identity", thread, "Gid", Array(4).fill(gid).join("\t")],
    ["identity", thread, "Groups", ""],
  ];
  // The last number is the session as init itself sees it; one from outside would be 0.
  const session = field(init, "NSsid")?.split(/\s+/).at(-1);
  const shared = session === "1" ? [] : [breach("init", "init shares a session with the host")];
  return shared.concat(rows.flatMap(([control, status, name, wanted]) => {
    const found = field(status, name);
    if (found === wanted) return [];
    return [breach(control, `${name} is ${found ?? "unknown"} instead of ${wanted || "none"}`)];
  }));
}

function checkLimits(text: string, { limits }: JailSpec): readonly Breach[] {
  const rows = [
    ["Max core file size", CORE_BYTES_MAX],
    ["Max open files", limits.openFilesMax],
    ["Max processes", limits.processesMax],
  ] as const;
  return rows.flatMap(([name, wanted]) => {
    const line = text.split("\n").find((candidate) => candidate.startsWith(name)) ?? "";
    const [soft, hard] = line.slice(name.length).trim().split(/\s+/);
    if (soft === String(wanted) && hard === String(wanted)) return [];
    return [breach("limits", `${name} is ${soft || "unknown"}/${hard} instead of ${wanted}`)];
  });
}

/** A gate that the agent may read is one that it can open. */
function checkGate(gate: string): readonly Breach[] {
  if (gate === "0 711") return [];
  return [breach("limits", `the shell at the gate has owner and mode ${gate || "unknown"}`)];
}

function checkProbes({ probes }: Confinement): readonly Breach[] {
  const rows = [
    ["landlock", "landlock", EACCES],
    ["seccomp", "seccomp_refuses", EPERM],
    ["seccomp", "seccomp_hides", ENOSYS],
    ["seccomp", "seccomp_sockets", EPERM],
    ["seccomp", "seccomp_final", EPERM],
  ] as const;
  return rows.flatMap(([control, name, wanted]) => {
    const found = probes[name];
    if (found === wanted) return [];
    return [breach(control, `the probe ${name} got ${found} instead of error ${wanted}`)];
  });
}

function nearest<T>(planned: ReadonlyMap<string, T>, target: string): T | undefined {
  for (let path = target; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    const found = planned.get(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns one line of `status`, without its name; `undefined` where it is missing. */
function field(status: string, name: string): string | undefined {
  const line = status.split("\n").find((candidate) => candidate.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

function breach(control: Control, found: string): Breach {
  return { control, found };
}

/** What cannot be read is evidence of nothing, and so a breach. */
function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Error) return "";
    throw error;
  }
}

function readOwnerAndMode(path: string): string {
  try {
    const { uid, mode } = Deno.lstatSync(path);
    return `${uid} ${((mode ?? 0) & 0o7777).toString(8)}`;
  } catch (error) {
    if (error instanceof Error) return "";
    throw error;
  }
}

function readLink(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Error) return "";
    throw error;
  }
}
