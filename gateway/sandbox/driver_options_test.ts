import assert from "node:assert/strict";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { SandboxTemplateSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { readDriverOptions } from "./driver_options.ts";
import { InvalidSandboxError } from "./sandbox_errors.ts";

function read(template: { resources?: JsonObject; driverConfig?: JsonObject }) {
  return readDriverOptions(create(SandboxTemplateSchema, template), "embedded");
}

function readBinds(binds: unknown) {
  return read({ driverConfig: { embedded: { binds } } as JsonObject }).binds;
}

Deno.test("readDriverOptions() of nothing is no limit and no bind", () => {
  const want = {
    resources: { cpuMax: null, memoryBytesMax: null, processesMax: null },
    binds: [],
  };
  assert.deepEqual(readDriverOptions(undefined, "embedded"), want);
  assert.deepEqual(read({ resources: {}, driverConfig: {} }), want);
});

Deno.test.each([
  { key: "cpu", value: "500m", want: 0.5 },
  { key: "cpu", value: "2.5", want: 2.5 },
  { key: "cpu", value: 2, want: 2 },
  { key: "cpu", value: "0", want: null },
  { key: "cpu", value: "1.5m", want: null },
  { key: "cpu", value: "-1", want: null },
  { key: "cpu", value: "1e3", want: null },
  { key: "memory", value: "1Gi", want: 2 ** 30 },
  { key: "memory", value: "2G", want: 2e9 },
  { key: "memory", value: "4096", want: 4096 },
  { key: "memory", value: "1.5Gi", want: null },
  { key: "memory", value: "1gi", want: null },
  { key: "memory", value: "9999Ei", want: null },
  { key: "memory", value: "", want: null },
  { key: "pids", value: 64, want: 64 },
  { key: "pids", value: "64", want: 64 },
  { key: "pids", value: 7, want: null },
  { key: "pids", value: 1.5, want: null },
  { key: "pids", value: true, want: null },
])("readDriverOptions() reads $key = $value", ({ key, value, want }) => {
  const parse = () => read({ resources: { limits: { [key]: value } } }).resources;
  if (want === null) {
    assert.throws(parse, InvalidSandboxError);
    return;
  }
  const { cpuMax, memoryBytesMax, processesMax } = parse();
  assert.equal(cpuMax ?? memoryBytesMax ?? processesMax, want);
});

Deno.test.each([
  { name: "resources", template: { resources: { limit: {} } } },
  { name: "limits", template: { resources: { limits: { gpu: 1 } } } },
  { name: "requests", template: { resources: { requests: { cpu: "x" } } } },
  { name: "limits that are no object", template: { resources: { limits: [] } } },
  { name: "another driver", template: { driverConfig: { docker: {} } } },
  { name: "driver options", template: { driverConfig: { embedded: { mounts: [] } } } },
  { name: "options that are none", template: { driverConfig: { embedded: null } } },
])("readDriverOptions() refuses what it does not know of $name", ({ template }) => {
  assert.throws(() => read(template as Parameters<typeof read>[0]), InvalidSandboxError);
});

Deno.test("readDriverOptions() reads binds, read-only unless it is said", () => {
  assert.deepEqual(
    readBinds([
      { source: "/src//a/", target: "/project" },
      { source: "/b", target: "/b", read_only: false, unprotect: [".git/hooks"] },
    ]),
    [
      { source: "/src/a", target: "/project", writable: false, unprotect: [] },
      { source: "/b", target: "/b", writable: true, unprotect: [".git/hooks"] },
    ],
  );
});

Deno.test.each([
  { name: "no list", binds: {} },
  { name: "no object", binds: ["/a:/b"] },
  { name: "a relative source", binds: [{ source: "a", target: "/b" }] },
  { name: "a relative target", binds: [{ source: "/a", target: "b" }] },
  { name: "no target", binds: [{ source: "/a" }] },
  { name: "the root as source", binds: [{ source: "//", target: "/b" }] },
  { name: "the root as target", binds: [{ source: "/a", target: "/" }] },
  { name: "a way up", binds: [{ source: "/a/../etc", target: "/b" }] },
  { name: "a dot", binds: [{ source: "/a", target: "/./" }] },
  { name: "a NUL", binds: [{ source: "/a\0", target: "/b" }] },
  { name: "a word for read_only", binds: [{ source: "/a", target: "/b", read_only: "no" }] },
  { name: "a misspelt key", binds: [{ source: "/a", target: "/b", readonly: true }] },
  { name: "an absolute unprotect", binds: [{ source: "/a", target: "/b", unprotect: ["/x"] }] },
  { name: "an unprotect up", binds: [{ source: "/a", target: "/b", unprotect: ["../x"] }] },
  {
    name: "a target twice",
    binds: [{ source: "/a", target: "/b" }, { source: "/c", target: "/b/" }],
  },
  { name: "too many", binds: Array(65).fill({ source: "/a", target: "/b" }) },
])("readDriverOptions() refuses binds with $name", ({ binds }) => {
  assert.throws(() => readBinds(binds), InvalidSandboxError);
});
