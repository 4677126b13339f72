import assert from "node:assert/strict";
import type { Confinement, JailSpec } from "./jail_spec.ts";
import { type Evidence, findBreaches } from "./read_back.ts";

const BIND = { kind: "bind", file: false, writable: false, devices: false } as const;

const SPEC: JailSpec = {
  initIdentity: { uid: 4_000, gid: 4_000 },
  plan: {
    mounts: [
      { kind: "link", target: "/bin", to: "usr/bin" },
      { kind: "tmpfs", target: "/dev", mode: "0755", bytesMax: 1, owned: false },
      {
        ...BIND,
        target: "/dev/null",
        source: "/dev/null",
        file: true,
        writable: true,
        devices: true,
      },
      { kind: "devpts", target: "/dev/pts" },
      { ...BIND, target: "/my work", source: "/host", writable: true },
      { ...BIND, target: "/usr", source: "/usr" },
    ],
    access: [],
    skipped: [],
    placeholders: [],
  },
  identity: { uid: 1000, gid: 1001 },
  limits: { openFilesMax: 100, processesMax: 50 },
  hostname: "jail",
};

const CONFINEMENT: Confinement = {
  socketTable: -1,
  threadId: 1,
  initPid: 2,
  landlockAbi: 7,
  probes: {
    landlock: 13,
    seccomp_refuses: 1,
    seccomp_hides: 38,
    seccomp_sockets: 1,
    seccomp_final: 1,
  },
};

const NONE = "0000000000000000";
const CAPS = ["Inh", "Prm", "Eff", "Bnd", "Amb"].map((name) => `Cap${name}:\t${NONE}`).join("\n");
const STATUS = `${CAPS}\nNoNewPrivs:\t1\nSeccomp:\t2\n`;
const INSIDE = { ipc: "i2", mnt: "m2", net: "n2", uts: "u2" };

const EVIDENCE: Evidence = {
  thread: `Uid:\t1000\t1000\t1000\t1000\nGid:\t1001\t1001\t1001\t1001\nGroups:\t \n${STATUS}`,
  init: `NSsid:\t77\t1\n${STATUS}`,
  limits: [
    "Max core file size        1                    1                    bytes",
    "Max processes             50                   50                   processes",
    "Max open files            100                  100                  files",
  ].join("\n"),
  mountinfo: [
    "1 0 0:1 / / ro,nosuid,nodev - tmpfs root rw",
    "2 1 0:1 / /dev ro,nosuid,nodev - tmpfs tmpfs rw",
    "7 2 0:1 / /dev/null rw,nosuid - devtmpfs x rw",
    "8 2 0:1 / /dev/pts rw,nosuid,noexec - devpts x rw",
    "3 1 0:1 / /my\\040work rw,nosuid,nodev - ext4 x rw",
    "4 1 0:1 / /usr ro,nosuid,nodev - ext4 x rw",
    "5 1 0:1 / /proc rw,nosuid,nodev,noexec - proc proc rw",
    "6 5 0:1 / /proc/keys rw,nosuid - devtmpfs x rw",
  ].join("\n"),
  gate: "0 711",
  interfaces: "Inter-|   Receive |  Transmit\n face |bytes packets|bytes\n    lo: 0 0\n",
  namespaces: {
    thread: { ...INSIDE, pid: "p1", pid_for_children: "p2" },
    init: { ...INSIDE, pid: "p2", pid_for_children: "p2" },
    own: { ipc: "i1", mnt: "m1", net: "n1", uts: "u1", pid: "p1", pid_for_children: "p1" },
  },
};

Deno.test("findBreaches() finds none where every control is in force", () => {
  assert.deepEqual(findBreaches(EVIDENCE, SPEC, CONFINEMENT), []);
});

/** What is replaced in one piece of evidence, and the control that must be named. */
const ROWS = [
  ["thread", "NoNewPrivs:\t1", "NoNewPrivs:\t0", "no_new_privs"],
  ["gate", "0 711", "0 755", "limits"],
  ["gate", "0 711", "1000 711", "limits"],
  ["gate", "0 711", "", "limits"],
  ["init", "NoNewPrivs:\t1", "", "no_new_privs"],
  ["thread", "Seccomp:\t2", "Seccomp:\t0", "seccomp"],
  ["init", "Seccomp:\t2", "Seccomp:\t1", "seccomp"],
  ["thread", `CapBnd:\t${NONE}`, "CapBnd:\t0000000000200000", "capabilities"],
  ["thread", `CapEff:\t${NONE}`, "CapEff:\t000001ffffffffff", "capabilities"],
  ["thread", `CapAmb:\t${NONE}`, "", "capabilities"],
  ["init", `CapPrm:\t${NONE}`, "CapPrm:\t0000000000200000", "capabilities"],
  ["init", "NSsid:\t77\t1", "NSsid:\t77\t0", "init"],
  ["thread", "Uid:\t1000\t1000", "Uid:\t1000\t0", "identity"],
  ["thread", "Gid:\t1001", "Gid:\t0", "identity"],
  ["thread", "Groups:\t ", "Groups:\t0 27", "identity"],
  ["limits", "size        1 ", "size        unlimited ", "limits"],
  ["limits", "50                   50", "50                   51", "limits"],
  ["limits", "Max open files", "Other", "limits"],
  ["interfaces", "    lo: 0 0\n", "    lo: 0 0\n  eth0: 0 0\n", "network"],
  ["interfaces", "lo", "eth0", "network"],
  ["mountinfo", "/ / ro", "/ / rw", "mounts"],
  ["mountinfo", "/dev ro", "/dev rw", "mounts"],
  ["mountinfo", "/usr ro", "/usr rw", "mounts"],
  ["mountinfo", "/usr ro,nosuid", "/usr ro", "mounts"],
  ["mountinfo", "/my\\040work rw,nosuid,nodev", "/my\\040work rw,nosuid", "mounts"],
  ["mountinfo", "/ / ro,nosuid,nodev", "/ / ro,nosuid", "mounts"],
  ["mountinfo", "/my\\040work", "/elsewhere", "mounts"],
  ["mountinfo", "/proc rw", "/root rw", "mounts"],
] as const;

Deno.test.each(ROWS.map(([piece, from, to, control]) => ({
  name: `${piece} with ${JSON.stringify(to)}`,
  piece,
  from,
  to,
  control,
})))("findBreaches() names the control by $name", ({ piece, from, to, control }) => {
  const changed = EVIDENCE[piece].replace(from, to);
  assert.notEqual(changed, EVIDENCE[piece]);
  const [breach] = findBreaches({ ...EVIDENCE, [piece]: changed }, SPEC, CONFINEMENT);
  assert.equal(breach?.control, control);
});

Deno.test.each(["thread", "init", "limits", "mountinfo", "interfaces"] as const)(
  "findBreaches() takes an unreadable %s as a breach",
  (piece) => {
    assert.notDeepEqual(findBreaches({ ...EVIDENCE, [piece]: "" }, SPEC, CONFINEMENT), []);
  },
);

Deno.test("findBreaches() finds each namespace that is shared or unknown", () => {
  const { namespaces } = EVIDENCE;
  for (const who of ["thread", "init"] as const) {
    for (const name of ["ipc", "mnt", "net", "uts", "pid"] as const) {
      if (who === "thread" && name === "pid") continue;
      for (const value of [namespaces.own[name]!, ""]) {
        const changed = { ...namespaces, [who]: { ...namespaces[who], [name]: value } };
        const [breach] = findBreaches({ ...EVIDENCE, namespaces: changed }, SPEC, CONFINEMENT);
        assert.equal(breach?.control, "namespaces", `${who} ${name} ${value}`);
      }
    }
  }
});

Deno.test.each(
  [
    { probe: "landlock", control: "landlock" },
    { probe: "seccomp_refuses", control: "seccomp" },
    { probe: "seccomp_hides", control: "seccomp" },
    { probe: "seccomp_sockets", control: "seccomp" },
    { probe: "seccomp_final", control: "seccomp" },
  ] as const,
)("findBreaches() finds the probe $probe that was allowed", ({ probe, control }) => {
  const probes = { ...CONFINEMENT.probes, [probe]: "allowed" as const };
  const [breach] = findBreaches(EVIDENCE, SPEC, { ...CONFINEMENT, probes });
  assert.equal(breach?.control, control);
});
