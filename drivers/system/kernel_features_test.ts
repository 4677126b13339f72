import assert from "node:assert/strict";
import {
  findMissing,
  type KernelProbe,
  NAMESPACES,
  readKernelFeatures,
} from "./kernel_features.ts";
import { probeKernel } from "./kernel_probe_ffi.ts";

const FILES: Readonly<Record<string, string>> = {
  "/proc/sys/kernel/osrelease": "6.18.44-generic\n",
  "/proc/self/status": "Name:\tdeno\nNoNewPrivs:\t0\n",
  "/proc/self/mounts": "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n",
  "/etc/subuid": "ann:100000:65536\n",
  "/etc/subgid": "1000:100000:65536\n",
  ...Object.fromEntries(
    NAMESPACES.map((name) => [`/proc/sys/user/max_${name}_namespaces`, "99\n"]),
  ),
};

interface Change {
  readonly files?: Readonly<Record<string, string | null>>;
  readonly landlock?: number;
  readonly seccomp?: boolean;
  readonly uid?: number;
  readonly missing?: readonly string[];
  readonly refused?: boolean;
}

function machine(
  { files = {}, landlock = 7, seccomp = true, uid = 0, missing = [], refused = false }: Change = {},
): KernelProbe {
  const all: Readonly<Record<string, string | null>> = { ...FILES, ...files };
  return {
    readText: (path) => all[path] ?? null,
    landlockAbi: () => landlock,
    hasSeccompFilter: () => seccomp,
    uid,
    gid: uid,
    hasProgram: (name) => !missing.includes(name),
    canMakeUserNamespace: () => !refused,
  };
}

const LEGACY = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n" +
  "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n" +
  "cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n";

Deno.test("readKernelFeatures() of a machine that has all", () => {
  const features = readKernelFeatures(machine());
  assert.deepEqual(features, {
    release: "6.18",
    landlockAbi: 7,
    seccompFilter: true,
    noNewPrivileges: true,
    namespaces: ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"],
    userNamespaces: "allowed",
    cgroups: "v2",
    controllers: ["cpu", "memory", "pids"],
    rootless: null,
  });
  assert.deepEqual(findMissing(features), []);
});

Deno.test.each([
  { name: "v1", mounts: LEGACY, want: "v1", controllers: 3 },
  {
    name: "hybrid",
    mounts: `${LEGACY}cgroup2 /u cgroup2 rw 0 0\n`,
    want: "hybrid",
    controllers: 3,
  },
  { name: "missing", mounts: "", want: "missing", controllers: 0 },
])("readKernelFeatures() tells control groups $name", ({ mounts, want, controllers }) => {
  const features = readKernelFeatures(machine({ files: { "/proc/self/mounts": mounts } }));
  assert.equal(features.cgroups, want);
  assert.equal(features.controllers.length, controllers);
});

Deno.test.each([
  { path: "kernel/osrelease", text: "6.18", want: "refused" },
  { path: "user/max_user_namespaces", text: "0", want: "switched_off" },
  { path: "user/max_user_namespaces", text: null, want: "missing" },
  { path: "kernel/unprivileged_userns_clone", text: "0\n", want: "switched_off" },
  { path: "kernel/unprivileged_userns_clone", text: "1\n", want: "refused" },
  {
    path: "kernel/apparmor_restrict_unprivileged_userns",
    text: "1\n",
    want: "restricted_by_apparmor",
  },
])("readKernelFeatures() tells user namespaces by $path $text", ({ path, text, want }) => {
  const files = { [`/proc/sys/${path}`]: text };
  const features = readKernelFeatures(machine({ files, uid: 1000, refused: true }));
  assert.equal(features.userNamespaces, want);
});

Deno.test.each([
  { name: "landlock", change: { landlock: 0 }, required: true, fix: /lsm=/ },
  { name: "landlock_level", change: { landlock: 4 }, required: false, fix: /Linux 6\.12/ },
  { name: "seccomp", change: { seccomp: false }, required: true, fix: /CONFIG_SECCOMP_FILTER/ },
  {
    name: "no_new_privs",
    change: { files: { "/proc/self/status": null } },
    required: true,
    fix: /Linux 4\.10/,
  },
  {
    name: "namespaces",
    change: { files: { "/proc/sys/user/max_net_namespaces": "0" } },
    required: true,
    fix: /\(net\).*CONFIG_NAMESPACES/,
  },
  {
    name: "cgroups",
    change: { files: { "/sys/fs/cgroup/cgroup.controllers": "cpu\n" } },
    required: false,
    fix: /\(memory, pids\).*cgroup2/,
  },
  {
    name: "programs",
    change: { uid: 1000, missing: ["newuidmap", "newgidmap"] },
    required: true,
    fix: /\(newuidmap, newgidmap\).*uidmap.*as root$/,
  },
  {
    name: "user_namespaces",
    change: { uid: 1000, refused: true },
    required: true,
    fix: /unshare call.*as root$/,
  },
  {
    name: "user_namespaces",
    change: {
      uid: 1000,
      refused: true,
      files: { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1" },
    },
    required: true,
    fix: /AppArmor profile/,
  },
  ...[{ "/etc/subuid": null }, { "/etc/subgid": "ann:100000:999\n" }, {
    "/etc/subuid": "anna:100000:65536\n1001:100000:65536\nann:0:65536\nann:4294967295:1000\n",
  }].map((files) => ({
    name: "subordinate_ids",
    change: { uid: 1000, files },
    required: true,
    fix: /User 1000 .*usermod.*as root$/,
  })),
  {
    name: "cgroups",
    change: { uid: 1000, files: { "/proc/self/mounts": LEGACY } },
    required: false,
    fix: /--memory/,
  },
])("findMissing() names $name alone, with a fix", ({ name, change, required, fix }) => {
  const missing = findMissing(readKernelFeatures(machine(change)));
  assert.deepEqual(missing.map(({ feature }) => feature), [name]);
  assert.equal(missing[0]?.required, required);
  assert.match(missing[0]?.sentence ?? "", fix);
  assert.match(missing[0]?.sentence ?? "", /^[A-Z].*[^.]$/);
});

Deno.test("readKernelFeatures() finds the ids of an ordinary user", () => {
  // The first one is the largest, but the user is in it.
  const files = { "/etc/subuid": "ann:500:90000\nann:200000:65536\nann:100000:65536\n" };
  const features = readKernelFeatures(machine({ uid: 1000, files }));
  assert.deepEqual(findMissing(features), []);
  assert.deepEqual(features.rootless?.subordinateIds, {
    uid: 1000,
    gid: 1000,
    uids: { first: 200000, count: 65536 },
    gids: { first: 100000, count: 65536 },
  });
});

Deno.test("findMissing() names what level 1 of Landlock lacks", () => {
  const [missing] = findMissing(readKernelFeatures(machine({ landlock: 1 })));
  assert.match(missing?.sentence ?? "", /moving .*truncating .*commands .*signals/);
});

Deno.test("findMissing() of a machine where nothing can be read puts what is required first", () => {
  const probe = {
    readText: () => null,
    landlockAbi: () => 0,
    hasSeccompFilter: () => false,
    uid: 0,
    gid: 0,
    hasProgram: () => false,
    canMakeUserNamespace: () => false,
  };
  const missing = findMissing(readKernelFeatures(probe));
  assert.deepEqual(missing.map(({ required }) => required), [true, true, true, true, false]);
});

Deno.test({
  name: "probeKernel() reads this machine (ignored where it is not Linux)",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const features = readKernelFeatures(probeKernel());
    assert.match(features.release ?? "", /^\d+\.\d+$/);
    assert.ok(features.landlockAbi >= 0);
    assert.ok(features.namespaces.length > 0);
  },
});
