import assert from "node:assert/strict";
import { shareWatches } from "./share_watches.ts";

Deno.test.each([
  { instances: "128\n", want: "32" },
  { instances: "3\n", want: "1" },
])("shareWatches() gives a part of $instances", ({ instances, want }) => {
  const written: Record<string, string> = {};
  shareWatches({
    read: (path) => path.endsWith("_instances") ? instances : "4096\n",
    write: (path, text) => written[path] = text,
    log: (line) => assert.fail(line),
  });
  assert.deepEqual(written, {
    "/proc/sys/user/max_inotify_instances": want,
    "/proc/sys/user/max_inotify_watches": "1024",
  });
});

Deno.test("shareWatches() tells what cannot be limited", () => {
  const lines: string[] = [];
  shareWatches({
    read: () => "128",
    write: () => {
      throw new Deno.errors.PermissionDenied("read-only");
    },
    log: (line) => lines.push(line),
  });
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /instances .*read-only/);
});
