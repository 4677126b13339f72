import assert from "node:assert/strict";
import { ProcessTree } from "./process_tree.ts";

/** Prints the numbers of two processes below it that have left its group, and waits. */
const FAMILY = "setsid sleep 600 & echo $!; " +
  "setsid sh -c 'sleep 600 & echo $!; wait' & echo $!; wait";

const ignore = Deno.build.os !== "linux";

async function startFamily(): Promise<
  { readonly top: Deno.ChildProcess; readonly below: readonly number[] }
> {
  const top = new Deno.Command("sh", { args: ["-c", FAMILY], stdin: "null", stdout: "piped" })
    .spawn();
  let said = "";
  const reader = top.stdout.getReader();
  while (said.split("\n").length < 4) {
    said += new TextDecoder().decode((await reader.read()).value);
  }
  await reader.cancel();
  return { top, below: said.trim().split("\n").map(Number) };
}

/** An orphan is a zombie until init of the machine has looked. */
function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

Deno.test({
  name: "ProcessTree ends what has left the group of a program, and not the program",
  ignore,
  async fn() {
    const { top, below } = await startFamily();
    assert.deepEqual(below.map(lives), [true, true, true]);
    new ProcessTree(top.pid).endBelow();
    assert.ok(lives(top.pid));
    top.kill("SIGKILL");
    await top.status;
    for (let at = 0; at < 1_000 && below.some(lives); at++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual(below.map(lives), [false, false, false]);
  },
});

Deno.test({
  name: "ProcessTree of a program that has ended ends nothing",
  ignore,
  async fn() {
    const { top, below } = await startFamily();
    const tree = new ProcessTree(top.pid);
    top.kill("SIGKILL");
    await top.status;
    tree.endBelow();
    new ProcessTree(top.pid).endBelow();
    const alive = below.map(lives);
    for (const pid of below) if (lives(pid)) Deno.kill(pid, "SIGKILL");
    assert.deepEqual(alive, [true, true, true]);
  },
});
