import assert from "node:assert/strict";
import type { CgroupFiles } from "./cgroup_files.ts";
import { HOST_FILES } from "./cgroup_files.ts";
import { findHierarchies } from "./find_hierarchies.ts";
import type { GroupLimits } from "./limit_writes.ts";
import { createSandboxGroup, removeLeftovers } from "./sandbox_group.ts";

const NONE: GroupLimits = { memoryBytesMax: null, cpuMax: null, processesMax: null };
const ALL: GroupLimits = { memoryBytesMax: 64 * 1024 * 1024, cpuMax: 0.5, processesMax: 20 };

/** A machine with one tree, in memory. It keeps the rule that inner groups hold no processes. */
class FakeTree implements CgroupFiles {
  readonly pid = 100;
  readonly killed: number[] = [];
  readonly texts = new Map<string, string>();
  /** Files that take nothing. */
  readonly sealed = new Set<string>();
  /** Names of files that do nothing. */
  readonly sealedSilently = new Set<string>();

  constructor(own: string, readonly root = "/sys/fs/cgroup") {
    this.texts.set("/proc/self/cgroup", `0::${own}\n`);
    const options = "rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
    this.texts.set("/proc/self/mountinfo", `30 23 0:26 / ${root} ${options}\n`);
    this.texts.set("/proc/swaps", "Filename Type\n");
    this.group("", { controllers: "cpu io memory pids", enabled: "cpu memory pids" });
  }

  group(path: string, options: { controllers: string; enabled?: string; procs?: string }): void {
    const folder = this.root + path;
    this.texts.set(`${folder}/cgroup.controllers`, `${options.controllers}\n`);
    this.texts.set(`${folder}/cgroup.subtree_control`, `${options.enabled ?? ""}\n`);
    this.texts.set(`${folder}/cgroup.procs`, options.procs ?? "");
    this.texts.set(`${folder}/cgroup.type`, "domain\n");
    this.texts.set(`${folder}/cgroup.kill`, "");
    const has = (name: string) => options.controllers.includes(name);
    if (path === "") return;
    if (has("memory")) this.texts.set(`${folder}/memory.max`, "max\n");
    if (has("memory")) this.texts.set(`${folder}/memory.swap.max`, "max\n");
    if (has("memory")) this.texts.set(`${folder}/memory.current`, "4096\n");
    if (has("pids")) this.texts.set(`${folder}/pids.max`, "max\n");
    if (has("pids")) this.texts.set(`${folder}/pids.current`, "3\n");
    if (has("cpu")) this.texts.set(`${folder}/cpu.max`, "max 100000\n");
    this.texts.set(`${folder}/cpu.stat`, "usage_usec 2500\nuser_usec 1\n");
  }

  readonly read = (path: string): string | null => this.texts.get(path) ?? null;

  write = (path: string, text: string): void => this.writeText(path, text);

  writeText(path: string, text: string): void {
    if (this.sealedSilently.has(cut(path)[1])) return;
    if (this.sealed.has(path)) throw new Deno.errors.PermissionDenied(path);
    const [folder, name] = cut(path);
    if (name === "cgroup.procs") {
      for (const other of [...this.texts.keys()].filter((key) => key.endsWith("/cgroup.procs"))) {
        const kept = this.pids(other).filter((pid) => pid !== text);
        this.texts.set(other, kept.join("\n"));
      }
      this.texts.set(path, [...this.pids(path), text].join("\n"));
    } else if (name === "cgroup.subtree_control") {
      const inner = folder !== this.root && this.pids(`${folder}/cgroup.procs`).length > 0;
      if (inner) throw new Error("os error 16");
      const names = text.split(" ").map((word) => word.slice(1));
      const available = this.texts.get(`${folder}/cgroup.controllers`)?.trim().split(" ") ?? [];
      if (!names.every((word) => available.includes(word))) throw new Error("os error 2");
      this.texts.set(path, `${this.texts.get(path)?.trim()} ${names.join(" ")}\n`);
    } else if (name === "cgroup.kill") {
      this.killed.push(...this.pids(`${folder}/cgroup.procs`).map(Number));
      this.texts.set(`${folder}/cgroup.procs`, "");
    } else {
      this.texts.set(path, `${text}\n`);
    }
  }

  readonly makeFolder = (path: string): boolean => {
    if (this.texts.has(`${path}/cgroup.procs`)) return false;
    const [parent] = cut(path);
    const controllers = this.texts.get(`${parent}/cgroup.subtree_control`)?.trim() ?? "";
    this.group(path.slice(this.root.length), { controllers });
    return true;
  };

  readonly removeFolder = (path: string): boolean => {
    if (this.pids(`${path}/cgroup.procs`).length > 0) return false;
    for (const key of this.texts.keys()) if (key.startsWith(`${path}/`)) this.texts.delete(key);
    return true;
  };

  readonly folders = (path: string): readonly string[] =>
    [...this.texts.keys()].filter((key) => key.endsWith("/cgroup.procs"))
      .map((key) => cut(cut(key)[0])).filter(([parent]) => parent === path)
      .map(([, name]) => name);

  kill = (pid: number): void => void this.killed.push(pid);
  readonly sleep = (): Promise<void> => Promise.resolve();

  pids(path: string): readonly string[] {
    return (this.texts.get(path) ?? "").split("\n").filter((line) => line !== "");
  }

  groups(): readonly string[] {
    return [...this.texts.keys()].filter((key) => key.endsWith("/cgroup.procs"))
      .map((key) => cut(key)[0].slice(this.root.length)).sort();
  }
}

function cut(path: string): readonly [string, string] {
  const at = path.lastIndexOf("/");
  return [path.slice(0, at), path.slice(at + 1)];
}

const CONTROLLERS = "cpu memory pids";

/** As systemd arranges a machine: the service is a leaf, its slice hands everything down. */
function makeService(enabled = CONTROLLERS): FakeTree {
  const tree = new FakeTree("/system.slice/openshell.service");
  tree.group("/system.slice", { controllers: CONTROLLERS, enabled });
  tree.group("/system.slice/openshell.service", { controllers: enabled, procs: "100\n101" });
  return tree;
}

Deno.test("createSandboxGroup() on version 2 puts the sandbox beside OpenShell", () => {
  const tree = makeService();
  const group = createSandboxGroup("openshell-1", ALL, tree);
  const folder = "/sys/fs/cgroup/system.slice/openshell-1";
  assert.deepEqual(
    ["memory.max", "memory.swap.max", "pids.max", "cpu.max"].map((name) =>
      tree.read(`${folder}/${name}`)
    ),
    ["67108864\n", "0\n", "20\n", "50000 100000\n"],
  );
  assert.deepEqual(group.controllers, ["memory", "pids", "cpu"]);
  assert.deepEqual(group.usage(), { memoryBytes: 4096, processes: 3, cpuMs: 2.5 });
  group.join(7);
  assert.deepEqual(tree.pids(`${folder}/cgroup.procs`), ["7"]);
});

Deno.test("createSandboxGroup() on version 2 enables what the slice could hand down", () => {
  const tree = makeService("memory pids");
  createSandboxGroup("openshell-1", ALL, tree);
  assert.equal(tree.read("/sys/fs/cgroup/system.slice/openshell-1/cpu.max"), "50000 100000\n");
});

Deno.test("createSandboxGroup() on version 2 makes room where it is alone", async () => {
  const tree = new FakeTree("/");
  tree.group("", { controllers: CONTROLLERS, enabled: CONTROLLERS });
  const alone = new FakeTree("/a/own.scope");
  alone.group("/a", { controllers: CONTROLLERS });
  alone.sealed.add("/sys/fs/cgroup/a/cgroup.subtree_control");
  alone.group("/a/own.scope", { controllers: CONTROLLERS, procs: "100" });
  createSandboxGroup("openshell-1", ALL, alone);
  assert.deepEqual(alone.groups(), [
    "",
    "/a",
    "/a/own.scope",
    "/a/own.scope/openshell-1",
    "/a/own.scope/openshell-host",
  ]);
  alone.texts.set("/proc/self/cgroup", "0::/a/own.scope/openshell-host\n");
  createSandboxGroup("openshell-2", ALL, alone);
  assert.ok(alone.groups().includes("/a/own.scope/openshell-2"));
  createSandboxGroup("openshell-3", ALL, tree);
  assert.deepEqual(tree.groups(), ["", "/openshell-3"]);
  assert.equal(await removeLeftovers("openshell-", alone), 2);
  assert.ok(alone.groups().includes("/a/own.scope/openshell-host"), "OpenShell itself is there");
  assert.deepEqual(alone.killed, []);
});

Deno.test("createSandboxGroup() on version 2 refuses what is not handed down", () => {
  const tree = makeService("pids");
  tree.group("/system.slice", { controllers: "pids", enabled: "pids" });
  assert.throws(() => createSandboxGroup("openshell-1", ALL, tree), {
    name: "LimitUnavailableError",
    controller: "memory",
    code: "failed_precondition",
  });
  assert.ok(!tree.groups().includes("/system.slice/openshell-1"));
  // What nobody asked for is no reason to refuse.
  const group = createSandboxGroup("openshell-1", NONE, tree);
  assert.deepEqual(group.controllers, ["pids"]);
  assert.equal(tree.read("/sys/fs/cgroup/system.slice/openshell-1/pids.max"), "2048\n");
});

Deno.test("createSandboxGroup() on version 2 refuses to move others", () => {
  const tree = makeService();
  tree.group("/system.slice", { controllers: CONTROLLERS });
  tree.sealed.add("/sys/fs/cgroup/system.slice/cgroup.subtree_control");
  assert.throws(() => createSandboxGroup("openshell-1", ALL, tree), {
    name: "LimitUnavailableError",
    message: /shares its group/,
  });
});

Deno.test.each([
  { name: "a limit that is not taken", file: "memory.max" },
  { name: "swap that is not limited", file: "memory.swap.max" },
])("createSandboxGroup() refuses $name", ({ file }) => {
  const tree = makeService();
  tree.sealed.add(`/sys/fs/cgroup/system.slice/openshell-1/${file}`);
  assert.throws(() => createSandboxGroup("openshell-1", ALL, tree), {
    name: "LimitUnavailableError",
    controller: "memory",
  });
  assert.ok(!tree.groups().includes("/system.slice/openshell-1"));
});

Deno.test("createSandboxGroup() without any tree refuses limits and goes without them", () => {
  const tree = new FakeTree("/");
  tree.texts.set("/proc/self/mountinfo", "");
  assert.throws(() => createSandboxGroup("openshell-1", ALL, tree), {
    name: "LimitUnavailableError",
  });
  const group = createSandboxGroup("openshell-1", NONE, tree);
  group.join(7);
  assert.deepEqual(group.controllers, []);
  assert.deepEqual(group.usage(), { memoryBytes: null, processes: null, cpuMs: null });
});

Deno.test.each([
  { name: "little memory", limits: { memoryBytesMax: 4096 } },
  { name: "no memory", limits: { memoryBytesMax: NaN } },
  { name: "no processor", limits: { cpuMax: 0 } },
  { name: "processors without end", limits: { cpuMax: Infinity } },
  { name: "no process", limits: { processesMax: 0 } },
  { name: "half a process", limits: { processesMax: 1.5 } },
])("createSandboxGroup() refuses $name", ({ limits }) => {
  assert.throws(() => createSandboxGroup("openshell-1", { ...NONE, ...limits }, makeService()), {
    name: "LimitValueError",
    code: "invalid_argument",
  });
});

Deno.test.each([{ name: "openshell-host" }, { name: "" }, { name: ".." }, { name: "a/b" }, {
  name: "a\nb",
}])(
  'createSandboxGroup() refuses the name "$name"',
  ({ name }) => {
    assert.throws(() => createSandboxGroup(name, NONE, makeService()), { name: "CgroupError" });
  },
);

Deno.test("createSandboxGroup() takes over an empty group, and no other", () => {
  const tree = makeService();
  const first = createSandboxGroup("openshell-1", ALL, tree);
  createSandboxGroup("openshell-1", NONE, tree);
  first.join(7);
  assert.throws(() => createSandboxGroup("openshell-1", ALL, tree), { message: /in use/ });
});

Deno.test("SandboxGroup ends its processes by cgroup.kill, or one by one", async () => {
  const tree = makeService();
  const group = createSandboxGroup("openshell-1", ALL, tree);
  group.join(7);
  await group.killAll();
  await group.remove();
  assert.deepEqual(tree.killed, [7]);
  assert.ok(!tree.groups().includes("/system.slice/openshell-1"));
  // Before Linux 5.14 there is no file for it, and the processes go one by one.
  const old = makeService();
  const same = createSandboxGroup("openshell-1", ALL, old);
  const folder = "/sys/fs/cgroup/system.slice/openshell-1";
  old.write = (path, text) => {
    if (path.endsWith("cgroup.kill")) throw new Deno.errors.NotFound(path);
    FakeTree.prototype.writeText.call(old, path, text);
  };
  same.join(9);
  old.kill = (pid) => {
    old.killed.push(pid);
    old.texts.set(`${folder}/cgroup.procs`, "");
  };
  await same.killAll();
  assert.deepEqual(old.killed, [9]);
  assert.equal(old.read(`${folder}/pids.max`), "0\n", "nothing could be started meanwhile");
});

Deno.test("SandboxGroup.killAll() waits only so long", async () => {
  const tree = makeService();
  const group = createSandboxGroup("openshell-1", NONE, tree);
  group.join(8);
  // Nothing ends on this machine.
  tree.sealedSilently.add("cgroup.kill");
  await assert.rejects(group.killAll(), { name: "CgroupError", code: "unavailable" });
  await assert.rejects(group.remove(), { name: "CgroupError" });
});

Deno.test("removeLeftovers() ends and removes what has the name", async () => {
  const tree = makeService();
  for (const name of ["openshell-1", "openshell-2", "other"]) {
    createSandboxGroup(name, ALL, tree).join(name.length);
  }
  assert.equal(await removeLeftovers("openshell-", tree), 2);
  const left = tree.groups().filter((path) => path.startsWith("/system.slice/"));
  assert.deepEqual(left, ["/system.slice/openshell.service", "/system.slice/other"]);
  assert.equal(await removeLeftovers("openshell-", tree), 0);
});

Deno.test("findHierarchies() reads trees of version 1, also in a container", () => {
  const texts: Readonly<Record<string, string>> = {
    "/proc/self/cgroup":
      "4:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n2:pids:/other\n0::/docker/a\n",
    "/proc/self/mountinfo": [
      "32 31 0:29 /docker/a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
      "33 31 0:30 / /sys/fs/cgroup/cpu\\040x rw shared:3 - cgroup cgroup rw,cpu,cpuacct",
      "34 31 0:31 /docker /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids",
      "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
      "36 31 0:33 / /tmp rw - tmpfs tmpfs rw",
    ].join("\n"),
  };
  const found = findHierarchies({ read: (path) => texts[path] ?? null });
  assert.deepEqual(found.map(({ own, version, controllers }) => [own, version, ...controllers]), [
    ["/sys/fs/cgroup/memory", 1, "memory"],
    ["/sys/fs/cgroup/cpu x/docker/a", 1, "cpu"],
    ["/sys/fs/cgroup/pids", 1, "pids"],
    ["/sys/fs/cgroup/unified/docker/a", 2],
  ]);
});

const CANNOT = whyNot();

function whyNot(): string | null {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "needs root on Linux";
  const group = `openshell-test-try-${Deno.pid}`;
  try {
    const made = createSandboxGroup(group, ALL);
    void made.remove();
    return null;
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
}

interface Run {
  readonly code: number;
  readonly out: string;
}

/** Runs a script in a group of its own, from its first instruction on. */
async function runLimited(
  limits: Partial<GroupLimits>,
  script: string,
): Promise<Run> {
  const group = createSandboxGroup(`openshell-test-${crypto.randomUUID()}`, { ...NONE, ...limits });
  try {
    const child = new Deno.Command("/bin/bash", {
      args: ["-c", `read -r go; ${script}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    group.join(child.pid);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("go\n"));
    await writer.close();
    const { code, stdout } = await child.output();
    return { code, out: new TextDecoder().decode(stdout) };
  } finally {
    await group.killAll();
    await group.remove();
  }
}

function realTest(name: string, fn: () => Promise<void>): void {
  const reason = CANNOT === null ? "" : ` (ignored: ${CANNOT})`;
  Deno.test({ name: name + reason, ignore: CANNOT !== null, fn });
}

realTest("createSandboxGroup() ends a program that takes too much memory", async () => {
  const limits = { memoryBytesMax: 32 * 1024 * 1024 };
  const hungry = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo ${#x}";
  assert.equal((await runLimited({}, hungry)).out, "60000000\n");
  const { out, code } = await runLimited(limits, hungry);
  assert.notEqual(out, "60000000\n");
  assert.notEqual(code, 0);
});

realTest("createSandboxGroup() bounds a program that forks without end", async () => {
  const script = "exec sh -c 'for i in $(seq 60); do sleep 9 > /dev/null & done; echo all'";
  assert.deepEqual(await runLimited({ processesMax: 100 }, script), { code: 0, out: "all\n" });
  const { out, code } = await runLimited({ processesMax: 20 }, script);
  assert.ok(code !== 0 && out === "", `${code} ${out}`);
});

realTest("createSandboxGroup() makes a busy program wait", async () => {
  const script =
    "end=$((SECONDS + 2)); while ((SECONDS < end)); do :; done; times | tail -1; times";
  const busy = async (limits: Partial<GroupLimits>) => {
    const { out } = await runLimited(limits, script);
    const [, minutes, seconds] = /^(\d+)m([\d.]+)s/m.exec(out.split("\n").slice(1).join("\n")) ??
      [];
    return Number(minutes) * 60 + Number(seconds);
  };
  const limited = await busy({ cpuMax: 0.1 });
  assert.ok(limited < 0.6, `${limited} s of 2`);
});

realTest("removeLeftovers() ends what a dead supervisor has left", async () => {
  const name = `openshell-test-left-${crypto.randomUUID()}`;
  const group = createSandboxGroup(name, ALL);
  const child = new Deno.Command("/bin/sleep", { args: ["1000"] }).spawn();
  group.join(child.pid);
  assert.equal(group.usage().processes, 1);
  const [, { signal }] = await Promise.all([removeLeftovers(name), child.status]);
  assert.equal(signal, "SIGKILL");
  for (const { own } of findHierarchies(HOST_FILES)) {
    assert.ok(!HOST_FILES.folders(own).includes(name));
  }
});
