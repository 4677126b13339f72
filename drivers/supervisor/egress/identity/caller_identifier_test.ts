import assert from "node:assert/strict";
import { ANCESTORS_MAX } from "../../../../proto/limits.ts";
import { BINARY_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import { BinaryTrust } from "./binary_trust.ts";
import { CallerIdentifier } from "./caller_identifier.ts";
import { CLIENT_PORT, type FakeProcess, FakeProcesses, INODE } from "./fake_processes.ts";
import { ProcReadError } from "./proc_folder_ffi.ts";

const INIT: FakeProcess = { pid: 1, parent: 0, path: "/usr/bin/dash" };
const BASH: FakeProcess = { pid: 5, parent: 0, path: "/usr/bin/bash" };
const CURL: FakeProcess = { pid: 9, parent: 5, path: "/usr/bin/curl", sockets: [INODE] };

function identifierOf(processes: FakeProcesses, trust = new BinaryTrust()): CallerIdentifier {
  return new CallerIdentifier({
    jail: { initPid: 1, socketTable: -1 },
    proxyPort: 3128,
    sockets: processes,
    processes,
    trust,
  });
}

const FROM = { hostname: "127.0.0.1", port: CLIENT_PORT };

Deno.test("CallerIdentifier names the program and its parents, nearest first", async () => {
  const identifier = identifierOf(new FakeProcesses(INIT, BASH, CURL));
  assert.deepEqual(await identifier.identify(FROM), {
    kind: "known",
    actor: { binary: "/usr/bin/curl", pid: 1009, ancestors: ["/usr/bin/bash"] },
    caller: { binary: "/usr/bin/curl", ancestors: ["/usr/bin/bash"] },
  });
});

const SIBLING: FakeProcess = { ...CURL, pid: 10 };
const FORK: FakeProcess = { ...CURL, pid: 10, parent: 9 };
const ORPHAN: FakeProcess = { ...CURL, parent: 1 };
const LOOK = { problem: "deleted" } as const;

Deno.test.each([
  { name: "takes the same program twice", processes: [INIT, BASH, CURL, SIBLING], pid: 1009 },
  { name: "takes a program and its fork", processes: [INIT, BASH, CURL, FORK], pid: 1009 },
  { name: "does not count init as a parent", processes: [INIT, ORPHAN], ancestors: [], pid: 1009 },
])("CallerIdentifier $name", async ({ processes, pid, ancestors = ["/usr/bin/bash"] }) => {
  const identity = await identifierOf(new FakeProcesses(...processes)).identify(FROM);
  assert.ok(identity.kind === "known");
  assert.equal(identity.actor.pid, pid);
  assert.deepEqual(identity.caller.ancestors, ancestors);
});

Deno.test.each([
  { name: "a connection that is gone", processes: [], port: 1, want: "connection_not_found" },
  {
    name: "another address of loopback",
    processes: [INIT, BASH, CURL],
    hostname: "127.0.0.2",
    want: "foreign_address",
  },
  { name: "a socket nobody holds", processes: [INIT, BASH], want: "owner_not_found" },
  {
    name: "OpenShell's own init",
    processes: [{ ...INIT, sockets: [INODE] }, BASH, CURL],
    want: "caller_is_init",
  },
  {
    name: "two programs",
    processes: [INIT, BASH, CURL, { ...SIBLING, path: "/usr/bin/wget" }],
    want: "caller_ambiguous",
  },
  {
    name: "one program with other parents",
    processes: [INIT, BASH, CURL, { ...SIBLING, parent: 6 }, { ...BASH, pid: 6, path: "/bin/zsh" }],
    want: "caller_ambiguous",
  },
  {
    name: "a program and the other program that started it",
    processes: [INIT, { ...BASH, sockets: [INODE] }, CURL],
    want: "caller_ambiguous",
  },
  { name: "a deleted program", processes: [{ ...CURL, path: LOOK }, BASH], want: "binary_deleted" },
  { name: "a deleted parent", processes: [CURL, { ...BASH, path: LOOK }], want: "binary_deleted" },
  {
    name: "a path that is no text",
    processes: [{ ...CURL, path: { problem: "unreadable" as const } }, BASH],
    want: "binary_unreadable",
  },
  {
    name: "a program that is too large",
    processes: [{ ...CURL, bytes: BINARY_BYTES_MAX + 1 }, BASH],
    want: "binary_too_large",
  },
  { name: "a parent that is gone", processes: [CURL], want: "caller_changing" },
])(
  "CallerIdentifier refuses $name",
  async ({ processes, port = CLIENT_PORT, hostname = "127.0.0.1", want }) => {
    const identifier = identifierOf(new FakeProcesses(...processes));
    const identity = await identifier.identify({ hostname, port });
    assert.equal(identity.kind === "unknown" && identity.code, want);
    assert.ok(identity.kind === "unknown" && identity.detail.length > 0);
  },
);

Deno.test("CallerIdentifier refuses a sandbox with more descriptors than it searches", async () => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  processes.ownersOf = () => null;
  const identity = await identifierOf(processes).identify(FROM);
  assert.equal(identity.kind === "unknown" && identity.code, "too_many_descriptors");
});

Deno.test.each([
  { name: "of the kernel", error: new ProcReadError("/proc/9/fd", 13) },
  { name: "of the file system", error: new Deno.errors.PermissionDenied("no") },
  { name: "without a class", error: Object.assign(new Error("no"), { code: "EMFILE" }) },
])("CallerIdentifier refuses after a failure $name", async ({ error }) => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  processes.onAsk = (question) => {
    if (question === "ownersOf") throw error;
  };
  const identity = await identifierOf(processes).identify(FROM);
  assert.equal(identity.kind === "unknown" && identity.code, "identity_failed");
});

Deno.test("CallerIdentifier reads no executable twice that did not change", async () => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  const identifier = identifierOf(processes);
  await Promise.all([identifier.identify(FROM), identifier.identify(FROM)]);
  await identifier.identify(FROM);
  assert.equal(processes.asked.filter((question) => question === "hash").length, 2);
});

Deno.test.each([
  { name: "refuses other content", change: { content: "evil" }, want: "binary_changed" },
  {
    name: "takes the same content in a new file",
    change: { content: "/usr/bin/curl", version: "2" },
    want: "known",
  },
])("CallerIdentifier $name at a path that was used", async ({ change, want }) => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  const identifier = identifierOf(processes);
  assert.equal((await identifier.identify(FROM)).kind, "known");
  processes.change(9, change);
  for (let time = 0; time < 2; time += 1) {
    const identity = await identifier.identify(FROM);
    assert.equal(identity.kind === "unknown" ? identity.code : identity.kind, want);
  }
});

Deno.test("CallerIdentifier refuses a parent whose content changed", async () => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  const identifier = identifierOf(processes);
  await identifier.identify(FROM);
  processes.change(5, { content: "evil" });
  const identity = await identifier.identify(FROM);
  assert.equal(identity.kind === "unknown" && identity.code, "binary_changed");
});

Deno.test("CallerIdentifier refuses new programs when it remembers as many as it may", async () => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  const identifier = identifierOf(processes, new BinaryTrust(2));
  assert.equal((await identifier.identify(FROM)).kind, "known");
  processes.change(9, { path: "/usr/bin/wget" });
  const identity = await identifier.identify(FROM);
  assert.equal(identity.kind === "unknown" && identity.code, "too_many_binaries");
});

Deno.test.each([
  { name: "its pid became another's", change: { startTime: "2", path: "/usr/bin/evil" } },
  { name: "it was given to another parent", change: { parent: 1 } },
  { name: "it gave the socket away", change: { sockets: [] } },
  { name: "it ended", change: null },
])("CallerIdentifier starts again where meanwhile $name", async ({ change }) => {
  const processes = new FakeProcesses(INIT, BASH, CURL, { ...SIBLING, pid: 12 });
  const identifier = identifierOf(processes);
  await identifier.identify(FROM);
  let times = 0;
  // Once the chain of the first owner is read, and before it is looked at again.
  processes.onAsk = (question) => {
    if (question !== "holds") return;
    times += 1;
    if (times === 1) processes.change(9, change);
  };
  const identity = await identifier.identify(FROM);
  assert.ok(times > 1);
  const isAmbiguous = change !== null && ("path" in change || "parent" in change);
  assert.equal(identity.kind, isAmbiguous ? "unknown" : "known");
});

Deno.test("CallerIdentifier looks again at who holds the connection after it read a file", async () => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  processes.onAsk = (question) => {
    // Meanwhile the program became another one.
    if (question === "hash") processes.change(9, { path: "/usr/bin/evil", content: "evil" });
  };
  const identity = await identifierOf(processes).identify(FROM);
  assert.equal(identity.kind === "known" && identity.caller.binary, "/usr/bin/evil");
});

Deno.test("CallerIdentifier gives up on a program that never stays the same", async () => {
  const processes = new FakeProcesses(INIT, BASH, CURL);
  let time = 0;
  processes.onAsk = (question) => {
    if (question === "lineage") processes.change(9, { startTime: String(time += 1) });
  };
  const identity = await identifierOf(processes).identify(FROM);
  assert.equal(identity.kind === "unknown" && identity.code, "caller_changing");
});

Deno.test("CallerIdentifier counts no more parents than a policy looks at", async () => {
  const chain = Array.from({ length: ANCESTORS_MAX + 10 }, (_, index): FakeProcess => ({
    pid: 1000 + index,
    parent: 1001 + index,
    path: `/p/${index}`,
    sockets: index === 0 ? [INODE] : [],
  }));
  const identity = await identifierOf(new FakeProcesses(...chain)).identify(FROM);
  assert.equal(identity.kind === "known" && identity.caller.ancestors.length, ANCESTORS_MAX);
});
