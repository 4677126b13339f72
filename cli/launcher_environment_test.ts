import assert from "node:assert/strict";
import { restoreEnvironment } from "./launcher_environment.ts";

function restored(variables: Record<string, string>): Record<string, string> {
  const map = new Map(Object.entries(variables));
  restoreEnvironment({
    get: (name) => map.get(name),
    set: (name, value) => void map.set(name, value),
    delete: (name) => void map.delete(name),
  });
  return Object.fromEntries(map);
}

Deno.test("restoreEnvironment() removes what the header set", () => {
  const got = restored({
    HOME: "/home/a",
    OPENSHELL_LAUNCHER: "1",
    OPENSHELL_EXECUTABLE: "/bin/openshell",
    DENO_DIR: "/cache",
    DENO_NO_UPDATE_CHECK: "1",
  });
  assert.deepEqual(got, { HOME: "/home/a", OPENSHELL_EXECUTABLE: "/bin/openshell" });
});

Deno.test("restoreEnvironment() gives the caller's own values back, empty ones too", () => {
  const got = restored({
    OPENSHELL_LAUNCHER: "1",
    DENO_DIR: "/cache",
    DENO_NO_UPDATE_CHECK: "1",
    OPENSHELL_CALLER_DENO_DIR: "/mine",
    OPENSHELL_CALLER_DENO_NO_UPDATE_CHECK: "",
  });
  assert.deepEqual(got, { DENO_DIR: "/mine", DENO_NO_UPDATE_CHECK: "" });
});

Deno.test("restoreEnvironment() does nothing without the header", () => {
  assert.deepEqual(restored({ DENO_DIR: "/mine" }), { DENO_DIR: "/mine" });
});
