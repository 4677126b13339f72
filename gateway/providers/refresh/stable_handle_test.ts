import assert from "node:assert/strict";
import { type HandleParts, stableHandle } from "./stable_handle.ts";

const PARTS: HandleParts = {
  sandboxId: "box",
  providerId: "provider",
  key: "TOKEN",
  epoch: "first",
  endpoints: [{ host: "a", port: 443, path: "" }, { host: "b", port: 443, path: "/x/**" }],
};

Deno.test("stableHandle() is that of placeholders, whatever the order of places", () => {
  const handle = stableHandle(PARTS);
  assert.match(handle, /^s[0-9a-f]{64}$/);
  assert.equal(stableHandle({ ...PARTS, endpoints: PARTS.endpoints.toReversed() }), handle);
  const twice = [...PARTS.endpoints, ...PARTS.endpoints];
  assert.equal(stableHandle({ ...PARTS, endpoints: twice }), handle);
});

Deno.test.each<{ name: string; change: Partial<HandleParts> }>([
  { name: "another sandbox", change: { sandboxId: "other" } },
  { name: "another provider", change: { providerId: "other" } },
  { name: "another key", change: { key: "OTHER" } },
  { name: "another authorization", change: { epoch: "second" } },
  { name: "no places", change: { endpoints: [] } },
  {
    name: "another port",
    change: { endpoints: [PARTS.endpoints[0]!, { host: "b", port: 444, path: "/x/**" }] },
  },
  {
    name: "another path",
    change: { endpoints: [PARTS.endpoints[0]!, { host: "b", port: 443, path: "" }] },
  },
])("stableHandle() is another one with $name", ({ change }) => {
  assert.notEqual(stableHandle({ ...PARTS, ...change }), stableHandle(PARTS));
});
