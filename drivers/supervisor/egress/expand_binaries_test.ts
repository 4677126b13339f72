import assert from "node:assert/strict";
import { BINARY_LINKS_MAX } from "../../../proto/egress_limits.ts";
import { policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import { expandBinaries, resolveLinks, sandboxLinks } from "./expand_binaries.ts";

const LINKS: Readonly<Record<string, string>> = {
  "/bin": "usr/bin",
  "/usr/bin/python": "python3",
  "/usr/bin/python3": "/opt/python/./bin/../bin/python3.11",
  "/usr/bin/up": "../../../../../etc/x",
  "/usr/bin/self": "self",
  "/usr/bin/empty": "",
  "/usr/bin/star": "/usr/*/bin",
};

function readLink(path: string): string | null {
  return LINKS[path] ?? null;
}

Deno.test.each([
  { path: "/usr/bin/curl", want: "/usr/bin/curl" },
  { path: "/bin/curl", want: "/usr/bin/curl" },
  { path: "/bin/python", want: "/opt/python/bin/python3.11" },
  { path: "/usr/bin/up", want: "/etc/x" },
  { path: "/usr/bin/self", want: null },
  { path: "/usr/bin/empty", want: null },
])("resolveLinks() leads $path to $want", ({ path, want }) => {
  assert.equal(resolveLinks(path, readLink), want);
});

Deno.test.each([
  { links: BINARY_LINKS_MAX, want: "/0" },
  { links: BINARY_LINKS_MAX + 1, want: null },
])("resolveLinks() follows $links links to $want", ({ links, want }) => {
  const chain = (path: string) => path === "/0" ? null : `/${Number(path.slice(1)) - 1}`;
  assert.equal(resolveLinks(`/${links}`, chain), want);
});

Deno.test("expandBinaries() adds what links lead to, with their descendants", () => {
  const binaries = [
    { path: "/bin/python", descendants: true },
    { path: "/usr/bin/curl", descendants: false },
    { path: "/bin/curl", descendants: false },
    { path: "/bin/*", descendants: false },
    { path: "/usr/bin/star", descendants: false },
    { path: "/usr/bin/self", descendants: false },
  ];
  const { rules } = expandBinaries(policyOf(ruleOf({ binaries })), readLink);
  assert.deepEqual(rules[0]?.binaries, [
    ...binaries,
    { path: "/opt/python/bin/python3.11", descendants: true },
  ]);
});

Deno.test("sandboxLinks() reads below the root of a process, and takes nothing for a link", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync("to", `${folder}/link`);
    const read = sandboxLinks(Deno.pid);
    assert.equal(read(`${folder}/link`), "to");
    assert.deepEqual([read(folder), read(`${folder}/missing`)], [null, null]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
