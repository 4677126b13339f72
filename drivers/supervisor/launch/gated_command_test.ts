import assert from "node:assert/strict";
import { gateCommand } from "./gated_command.ts";
import { jailTest, withJail } from "./jail_fixture.ts";

const OPTIONS = { limits: { openFilesMax: 1, processesMax: 2 }, input: "null" } as const;

Deno.test("gateCommand() hands no variable to the shell itself", () => {
  const { env, args } = gateCommand(["/x", "a b"], { LD_PRELOAD: "/evil.so", PATH: "/" }, OPTIONS);
  const hidden = ["OPENSHELL_LATER_0", "OPENSHELL_LATER_1"];
  assert.deepEqual(Object.keys(env), hidden);
  assert.deepEqual(args.slice(2), ["openshell", "1", "2", "null", "/x", "a b"]);
  assert.ok(!args.join().includes("evil"), "arguments can be read by every process");
});

Deno.test.each(["", "a-b", "1a", "BASH_FUNC_read%%", "a=b", "OPENSHELL_LATER_0"].map((name) => ({
  name,
})))('gateCommand() refuses the variable "$name"', ({ name }) => {
  assert.throws(() => gateCommand(["/x"], { [name]: "1" }, OPTIONS), { name: "JailCallError" });
});

jailTest("Jail.spawn() runs nothing before the hook is done", async () => {
  const seen: number[] = [];
  const onSpawn = async (pid: number) => {
    seen.push(pid);
    if (seen.length < 2) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(Deno.readTextFileSync(`/proc/${pid}/comm`), "openshell-gate\n");
  };
  await withJail(async ({ jail, run }) => {
    assert.deepEqual(seen, [jail.initPid]);
    assert.equal((await run("echo hi")).out, "hi\n");
    assert.equal(seen.length, 2);
  }, { onSpawn });
});

jailTest("Jail.spawn() kills what the hook refuses", async () => {
  let refused: number | null = null;
  let spawned = 0;
  const onSpawn = (pid: number) => {
    spawned += 1;
    // The first one is init.
    if (spawned === 1) return;
    refused = pid;
    throw new TypeError("no");
  };
  await withJail(async ({ run }) => {
    await assert.rejects(run("touch /sandbox/ran"), { message: "no" });
    assert.throws(() => Deno.statSync(`/proc/${refused}`));
    assert.throws(() => Deno.statSync("/sandbox/ran"));
  }, { onSpawn });
});

jailTest("Jail.spawn() lets no program of the sandbox open the gate", async () => {
  let attacked = "";
  let spawned = 0;
  const waits: { attack: () => Promise<string> } = { attack: () => Promise.resolve("") };
  const onSpawn = async () => {
    spawned += 1;
    // The first one is init, the second the attacker.
    if (spawned <= 2) return;
    attacked += await waits.attack();
  };
  await withJail(async ({ jail, run }) => {
    // This one runs already: it attacks whatever waits at the gate when it is told to.
    const command = { env: { PATH: "/usr/bin:/bin" }, cwd: "/", stdin: "piped" } as const;
    const script = `read -r go; for p in /proc/[0-9]*; do
      [ "$(cat $p/comm)" = openshell-gate ] || continue
      { echo > $p/fd/0; } 2>/dev/null && echo opened
      cat $p/environ > /dev/null 2>&1 && echo environ
      { true >> $p/mem; } 2>/dev/null && echo mem
      cat /dev/openshell-gate > /dev/null 2>&1 && echo readable
      echo seen; done`;
    const attacker = await jail.spawn({ ...command, argv: ["/bin/sh", "-c", script] });
    waits.attack = async () => {
      await attacker.write(new TextEncoder().encode("go\n"));
      return await new Response(attacker.stdout).text();
    };
    assert.equal((await run("echo victim")).out, "victim\n");
    // Init is such a shell as well.
    assert.match(attacked, /^(seen\n)+$/);
    await attacker.stderr.cancel();
    await attacker.wait();
  }, { onSpawn });
});

jailTest(
  "Jail.spawn() gives the program exactly its variables",
  () =>
    withJail(async ({ jail }) => {
      const env = {
        LD_X: "a\nb",
        PATH: "/usr/bin:/bin",
        line: "x",
        IFS: "o",
        EMPTY: "",
        QUOTE: "'$x",
      };
      const argv = ["env", "-0"] as const;
      const process = await jail.spawn({ argv, env, cwd: "/sandbox", stdin: "null" });
      const [out] = await Promise.all([
        new Response(process.stdout).text(),
        process.stderr.cancel(),
      ]);
      await process.wait();
      const got = Object.fromEntries(
        out.split("\0").filter((line) => line !== "").map((line) => {
          const at = line.indexOf("=");
          return [line.slice(0, at), line.slice(at + 1)];
        }),
      );
      delete got["PWD"];
      assert.deepEqual(got, env);
    }),
);

jailTest(
  "JailProcess.signal() reaches the whole group, and nobody after the end",
  () =>
    withJail(async ({ jail, run }) => {
      const command = { env: { PATH: "/usr/bin:/bin" }, cwd: "/", stdin: "piped" } as const;
      const script = "sleep 1000 & echo started; wait";
      const shell = await jail.spawn({ ...command, argv: ["/bin/sh", "-c", script] });
      const output = shell.stdout.getReader();
      await output.read();
      await shell.signal("SIGKILL");
      assert.deepEqual(await shell.wait(), { code: 137, signal: "SIGKILL" });
      assert.ok((await output.read()).done, "the other process had the pipe open as well");
      await assert.rejects(shell.signal("SIGKILL"), { name: "JailCallError" });
      await shell.stderr.cancel();
      assert.equal((await run("cat /proc/[0-9]*/comm | grep -c sleep")).out, "0\n");
    }),
);
