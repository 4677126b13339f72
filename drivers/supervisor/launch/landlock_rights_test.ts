import assert from "node:assert/strict";
import {
  accessRights,
  encodePathRule,
  encodeRuleset,
  handledRights,
  handledScopes,
} from "./landlock_rights.ts";

Deno.test.each([
  { abi: 1, rights: 0x1fffn, scopes: 0n, bytes: 8 },
  { abi: 2, rights: 0x3fffn, scopes: 0n, bytes: 8 },
  { abi: 3, rights: 0x7fffn, scopes: 0n, bytes: 8 },
  { abi: 4, rights: 0x7fffn, scopes: 0n, bytes: 16 },
  { abi: 5, rights: 0xffffn, scopes: 0n, bytes: 16 },
  { abi: 6, rights: 0xffffn, scopes: 3n, bytes: 24 },
  { abi: 7, rights: 0xffffn, scopes: 3n, bytes: 24 },
])("handledRights() at level $abi", ({ abi, rights, scopes, bytes }) => {
  assert.equal(handledRights(abi), rights);
  assert.equal(handledScopes(abi), scopes);
  const view = new DataView(encodeRuleset(abi).buffer);
  assert.equal(view.byteLength, bytes);
  assert.equal(view.getBigUint64(0, true), rights);
});

const PATH = { path: "/x", level: "read", file: false, devices: false } as const;

Deno.test.each(
  [
    { name: "reads a folder", change: {}, abi: 7, want: 0b1101n },
    { name: "reads a file", change: { file: true }, abi: 7, want: 0b0101n },
    { name: "writes a folder", change: { level: "write" }, abi: 7, want: 0x77bfn },
    { name: "writes a folder of level 1", change: { level: "write" }, abi: 1, want: 0x17bfn },
    { name: "writes a folder of level 2", change: { level: "write" }, abi: 2, want: 0x37bfn },
    { name: "writes a file", change: { level: "write", file: true }, abi: 7, want: 0x4007n },
    {
      name: "commands a device",
      change: { level: "write", file: true, devices: true },
      abi: 7,
      want: 0xc007n,
    },
    {
      name: "commands no device of level 4",
      change: { level: "write", file: true, devices: true },
      abi: 4,
      want: 0x4007n,
    },
  ] as const,
)("accessRights() $name", ({ change, abi, want }) => {
  assert.equal(accessRights({ ...PATH, ...change }, abi), want);
});

Deno.test("accessRights() never asks for what the level does not handle, nor makes devices", () => {
  for (let abi = 1; abi <= 9; abi++) {
    for (const level of ["read", "write"] as const) {
      for (const file of [true, false]) {
        for (const devices of [true, false]) {
          const rights = accessRights({ path: "/x", level, file, devices }, abi);
          assert.equal(rights & ~handledRights(abi), 0n);
          assert.equal(rights & ((1n << 6n) | (1n << 11n)), 0n);
        }
      }
    }
  }
});

Deno.test("encodePathRule() packs rights and descriptor", () => {
  assert.deepEqual([...encodePathRule(0x0102n, 7)], [2, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0]);
});
