import assert from "node:assert/strict";
import { type Mount, type MountRequest, planMounts } from "./mount_plan.ts";
import { parseMountTable } from "./mount_table.ts";

const HOST: Readonly<Record<string, string>> = {
  "/usr": "directory",
  "/etc": "directory",
  "/bin": "usr/bin",
  "/usr/bin/tool": "file",
  "/usr/local": "directory",
  "/data": "directory",
  "/data/own": "directory",
  "/data/file": "file",
  "/dev/dri": "directory",
  "/keys": "directory",
  "/keys/openshell": "directory",
  "/keys/openshell/tls": "directory",
  "/led": "/keys/openshell",
  "/mounted": "directory",
  "/mounted/own": "directory",
  "/mounted/other": "directory",
  "/sys": "directory",
};

/** A part of the disk is mounted a second time. */
const MOUNTS = parseMountTable(`1 0 8:1 / / rw - ext4 /dev/a rw
2 1 8:1 /keys/openshell /mounted/own rw - ext4 /dev/a rw
3 1 8:2 / /mounted/other rw - ext4 /dev/b rw
`);

const REQUEST: MountRequest = {
  filesystem: { includeWorkdir: true, readOnly: [], readWrite: [] },
  compatibility: "best_effort",
  workspace: { source: "/var/lib/openshell/1", target: "/sandbox" },
  binds: [],
  systemFolders: ["/bin", "/etc", "/lib", "/usr"],
  tmpBytesMax: 1000,
  ownFolders: ["/var/lib/openshell", "/keys/openshell"],
  hostMounts: MOUNTS,
};

const names = () => [];

interface Lists {
  readonly readOnly?: readonly string[];
  readonly readWrite?: readonly string[];
}

function plan({ readOnly = [], readWrite = [] }: Lists, change: Partial<MountRequest> = {}) {
  const filesystem = { ...REQUEST.filesystem, readOnly, readWrite };
  return planMounts({ ...REQUEST, filesystem, ...change }, (path) => {
    const found = HOST[path];
    if (found === undefined) return { link: null, kind: "missing", names };
    if (found === "directory" || found === "file") return { link: null, kind: found, names };
    const real = found.startsWith("/") ? found : path;
    return { link: found, kind: "directory", real, names };
  });
}

function describe(mount: Mount): string {
  if (mount.kind === "link") return `${mount.target} -> ${mount.to}`;
  if (mount.kind !== "bind") return `${mount.target} ${mount.kind}`;
  const { target, source, writable, file, devices } = mount;
  return [target, source, writable ? "rw" : "ro", file ? "file" : "", devices ? "dev" : ""]
    .filter((word) => word !== "").join(" ");
}

Deno.test("planMounts() without a policy shows system folders, workspace and own folders", () => {
  const { mounts, access } = plan({});
  assert.deepEqual(mounts.map(describe), [
    "/bin -> usr/bin",
    "/dev tmpfs",
    "/dev/fd -> /proc/self/fd",
    "/dev/full /dev/full rw file dev",
    "/dev/null /dev/null rw file dev",
    "/dev/ptmx -> pts/ptmx",
    "/dev/pts devpts",
    "/dev/random /dev/random rw file dev",
    "/dev/shm tmpfs",
    "/dev/stderr -> /proc/self/fd/2",
    "/dev/stdin -> /proc/self/fd/0",
    "/dev/stdout -> /proc/self/fd/1",
    "/dev/tty /dev/tty rw file dev",
    "/dev/urandom /dev/urandom rw file dev",
    "/dev/zero /dev/zero rw file dev",
    "/etc /etc ro",
    "/sandbox /var/lib/openshell/1 rw",
    "/tmp tmpfs",
    "/usr /usr ro",
  ]);
  const writable = access.filter(({ level, file }) => level === "write" && !file);
  assert.deepEqual(writable.map(({ path }) => path), ["/dev/pts", "/dev/shm", "/sandbox", "/tmp"]);
  const readable = access.filter(({ level }) => level === "read").map(({ path }) => path);
  assert.deepEqual(readable, ["/etc", "/proc", "/usr"]);
});

Deno.test.each(
  [
    { name: "a folder to read", lists: { readOnly: ["/data"] }, want: ["/data /data ro"] },
    { name: "a folder to write", lists: { readWrite: ["/data"] }, want: ["/data /data rw"] },
    {
      name: "a file",
      lists: { readOnly: ["/data/file"] },
      want: ["/data/file /data/file ro file"],
    },
    {
      name: "a part of it to write",
      lists: { readOnly: ["/data"], readWrite: ["/data/own"] },
      want: ["/data /data ro", "/data/own /data/own rw"],
    },
    {
      name: "a part of it to read",
      lists: { readOnly: ["/data/own"], readWrite: ["/data"] },
      want: ["/data /data rw", "/data/own /data/own ro"],
    },
    {
      name: "a part of what is shown",
      lists: { readOnly: ["/data", "/data/own"] },
      want: [
        "/data /data ro",
      ],
    },
    { name: "a part of a system folder", lists: { readOnly: ["/usr/local"] }, want: [] },
    { name: "a path behind a link", lists: { readOnly: ["/bin/tool"] }, want: [] },
    { name: "own folders", lists: { readOnly: ["/proc", "/dev"], readWrite: ["/tmp"] }, want: [] },
    { name: "own devices", lists: { readWrite: ["/dev/null", "/dev/urandom"] }, want: [] },
    {
      name: "other devices",
      lists: { readWrite: ["/dev/dri"] },
      want: ["/dev/dri /dev/dri rw dev"],
    },
    { name: "a missing path to write", lists: { readWrite: ["/new"] }, want: ["/new tmpfs"] },
    { name: "a missing path to read", lists: { readOnly: ["/none"] }, want: [] },
  ] as const,
)("planMounts() with $name", ({ lists, want }) => {
  const base = new Set(plan({}).mounts.map(describe));
  const { mounts } = plan(lists);
  assert.deepEqual(mounts.map(describe).filter((mount) => !base.has(mount)), want);
});

Deno.test("planMounts() allows what is listed, and only as it is listed", () => {
  const { access, skipped } = plan({
    readOnly: ["/bin/tool", "/data", "/none", "/proc"],
    readWrite: ["/data/own", "/dev/null", "/new"],
  });
  const level = (path: string) => access.find((entry) => entry.path === path)?.level;
  assert.equal(level("/data"), "read");
  assert.equal(level("/data/own"), "write");
  assert.equal(level("/usr/bin/tool"), "read");
  assert.equal(level("/new"), "write");
  assert.equal(level("/none"), undefined);
  assert.equal(level("/"), undefined);
  assert.deepEqual(skipped, ["/none"]);
});

Deno.test("planMounts() lets a policy make /tmp read-only", () => {
  const { access } = plan({ readOnly: ["/tmp"] });
  assert.equal(access.find(({ path }) => path === "/tmp")?.level, "read");
});

Deno.test("planMounts() without include_workdir shows the workspace but allows nothing in it", () => {
  const filesystem = { includeWorkdir: false, readOnly: [], readWrite: [] };
  const { access } = plan({}, { filesystem });
  assert.equal(access.find(({ path }) => path === "/sandbox"), undefined);
});

Deno.test.each(
  [
    { name: "the root", lists: { readOnly: ["/"] }, compatibility: "best_effort" },
    {
      name: "a part of the workspace",
      lists: { readOnly: ["/sandbox/a"] },
      compatibility: "best_effort",
    },
    {
      name: "a missing path under hard_requirement",
      lists: { readOnly: ["/none"] },
      compatibility: "hard_requirement",
    },
  ] as const,
)("planMounts() refuses $name", ({ lists, compatibility }) => {
  assert.throws(() => plan(lists, { compatibility }), {
    name: "MountPlanError",
    code: "invalid_argument",
  });
});

const BIND = { source: "/data", target: "/project", writable: false, unprotect: [] };

Deno.test("planMounts() gives binds, and lets the policy speak of what is in them", () => {
  const file = { ...BIND, source: "/data/file", target: "/etc/passwd" };
  const { mounts, access, placeholders } = plan(
    { readOnly: ["/project/own"], readWrite: ["/project/none", "/project"] },
    { binds: [BIND, file] },
  );
  const found = mounts.map(describe);
  assert.ok(found.includes("/project /data ro"));
  assert.ok(found.includes("/etc/passwd /data/file ro file"));
  assert.ok(!found.some((mount) => mount.startsWith("/project/")));
  const paths = access.map(({ path, level }) => `${path} ${level}`);
  assert.ok(paths.includes("/project/own read"));
  assert.deepEqual(placeholders, []);
});

Deno.test("planMounts() holds what is protected in a writable bind", () => {
  const { mounts, placeholders } = plan({}, { binds: [{ ...BIND, writable: true }] });
  const pins = mounts.flatMap((mount) => mount.kind === "pin" ? [mount] : []);
  assert.deepEqual(placeholders, pins.map(({ path }) => `/data/${path}`));
  assert.ok(placeholders.includes("/data/.git"));
  const bind = mounts.find(({ target }) => target === "/project");
  assert.ok(bind?.kind === "bind" && bind.mapsOwner === true);
});

Deno.test.each([
  { name: "a missing source", change: { source: "/none" } },
  { name: "a relative source", change: { source: "data" } },
  { name: "a way up", change: { source: "/data/../etc" } },
  { name: "a doubled slash", change: { target: "/a//b" } },
  { name: "the root as its target", change: { target: "/" } },
  { name: "the root as its source", change: { source: "/" } },
  { name: "a system folder as its target", change: { target: "/usr" } },
  { name: "devices as its target", change: { target: "/dev/x" } },
  { name: "processes as its target", change: { target: "/proc/x" } },
  { name: "the private folder as its target", change: { target: "/tmp" } },
  { name: "writable system files", change: { source: "/usr/local", writable: true } },
  { name: "writable kernel files", change: { source: "/sys", writable: true } },
  { name: "a writable repository's inside", change: { source: "/data/.git", writable: true } },
])("planMounts() refuses a bind with $name", ({ change }) => {
  assert.throws(() => plan({}, { binds: [{ ...BIND, ...change }] }), { name: "MountPlanError" });
});

Deno.test.each([
  { name: "a folder that holds them", path: "/keys" },
  { name: "their folder", path: "/keys/openshell" },
  { name: "a part of it", path: "/keys/openshell/tls" },
  { name: "a link to it", path: "/led" },
  { name: "another mount of it", path: "/mounted/own" },
  { name: "a folder that another mount of it lies in", path: "/mounted" },
])("planMounts() shows nothing of OpenShell's own: $name", ({ path }) => {
  const refusal = { name: "MountPlanError", message: /which no sandbox may see/ };
  for (const writable of [false, true]) {
    assert.throws(() => plan({}, { binds: [{ ...BIND, source: path, writable }] }), refusal);
  }
  assert.throws(() => plan({ readOnly: [path] }), refusal);
  assert.throws(() => plan({ readWrite: [path] }), refusal);
});

Deno.test("planMounts() gives what is mounted beside OpenShell's own", () => {
  assert.doesNotThrow(() => plan({}, { binds: [{ ...BIND, source: "/mounted/other" }] }));
});

Deno.test("planMounts() refuses binds that cover each other or the workspace", () => {
  const workspace = { source: "/var/lib/openshell/1", target: "/home/agent" };
  assert.throws(() => plan({}, { workspace, binds: [{ ...BIND, target: "/home" }] }), {
    name: "MountPlanError",
  });
  assert.throws(() => plan({}, { binds: [BIND, { ...BIND, target: "/project/own" }] }), {
    name: "MountPlanError",
  });
  assert.throws(() => plan({}, { binds: [BIND, BIND] }), { name: "MountPlanError" });
});
