import assert from "node:assert/strict";
import { watchMounts } from "./watch_mounts_ffi.ts";

/** Mounts once for each line that it reads, in a namespace of its own. */
const SCRIPT = "echo ready; while read -r line; do mount -t tmpfs none /mnt; echo done; done";

const { success: CAN_UNSHARE } = await new Deno.Command("unshare", {
  args: ["-r", "-m", "true"],
  stderr: "null",
}).output().catch(() => ({ success: false }));

interface Namespace {
  readonly mountinfo: string;
  /** Resolves once it is mounted. */
  mount(): Promise<void>;
}

async function withNamespace(use: (namespace: Namespace) => Promise<void>): Promise<void> {
  const process = new Deno.Command("unshare", {
    args: ["-r", "-m", "sh", "-c", SCRIPT],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = process.stdin.getWriter();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    assert.equal((await lines.read()).value, "ready\n");
    await use({
      mountinfo: `/proc/${process.pid}/mountinfo`,
      async mount() {
        await input.write(new TextEncoder().encode("\n"));
        assert.equal((await lines.read()).value, "done\n");
      },
    });
  } finally {
    await input.close();
    await lines.cancel();
    await process.status;
  }
}

Deno.test({
  name: "watchMounts() tells of each change, until it is called off",
  ignore: !CAN_UNSHARE,
  fn: () =>
    withNamespace(async ({ mountinfo, mount }) => {
      let changed = Promise.withResolvers<void>();
      let changes = 0;
      const stop = watchMounts(mountinfo, () => {
        changes += 1;
        changed.resolve();
      });
      for (const wanted of [1, 2]) {
        await mount();
        await changed.promise;
        changed = Promise.withResolvers();
        assert.equal(changes, wanted);
      }
      stop();
      stop();
      await mount();
      assert.equal(changes, 2);
    }),
});

Deno.test("watchMounts() refuses what is not there, and leaves nothing open", () => {
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = count();
  assert.throws(() => watchMounts("/proc/0/mountinfo", () => {}), {
    name: "JailCallError",
    message: 'Cannot watch the mounts in the jail: "/proc/0/mountinfo" cannot be opened',
  });
  assert.equal(count(), before);
});
