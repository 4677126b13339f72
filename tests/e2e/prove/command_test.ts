/**
 * The built program proves by itself: both engines in the one file, and it ends when it is told to.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CEILING, POLICY } from "../../../cli/prove/fixtures.ts";
import { PROGRAM } from "../support/requirements.ts";

const isBuilt = await Deno.stat(PROGRAM).then(({ isFile }) => isFile, () => false);
const reason = isBuilt ? "" : " (dist/openshell is not built)";

type Spawn = (...args: string[]) => Deno.ChildProcess;

/** `spawnAlone` finds no other program: it is for what has been unpacked by a first start. */
async function inFolder(test: (spawn: Spawn, spawnAlone: Spawn) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/p.yaml`, POLICY);
    await Deno.writeTextFile(`${folder}/c.yaml`, CEILING);
    const spawnWith = (path: string): Spawn => (...args) =>
      new Deno.Command(PROGRAM, {
        args,
        cwd: folder,
        clearEnv: true,
        env: { PATH: path, HOME: folder },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    await test(spawnWith("/usr/bin:/bin"), spawnWith(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(
  `the built program proves with both engines, and with one where it is asked to${reason}`,
  {
    ignore: !isBuilt,
  },
  async () => {
    await inFolder(async (spawn) => {
      const decoder = new TextDecoder();
      for (const flags of [[], ["--fast"]]) {
        const args = ["policy", "prove", "p.yaml", "--ceiling", "c.yaml", "-o", "json", ...flags];
        const { code, stdout, stderr } = await spawn(...args).output();
        assert.equal(code, 1, decoder.decode(stderr));
        const { fast, solver } = JSON.parse(decoder.decode(stdout));
        assert.equal(fast, flags.length > 0);
        assert.equal(solver !== null, flags.length === 0);
      }
      const { code, stdout } = await spawn("policy", "diff", "--semantic", "c.yaml", "p.yaml")
        .output();
      assert.equal(code, 1);
      assert.match(decoder.decode(stdout), /^opened +api\.example\.com:443 .*DELETE/m);
    });
  },
);

Deno.test(`the built program says what to do where no native z3 is${reason}`, {
  ignore: !isBuilt,
}, async () => {
  await inFolder(async (spawn, spawnAlone) => {
    await spawn("--version").output();
    // The machine may have a z3, which is not found here.
    const child = spawnAlone("policy", "prove", "p.yaml", "--solver", "native");
    const { code, stderr } = await child.output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 3, said);
    assert.match(said, /Cannot ask "z3": it is not installed\nhint: Install z3/);
  });
});

Deno.test(`the built program ends a watch at an interrupt${reason}`, {
  ignore: !isBuilt,
}, async () => {
  await inFolder(async (spawn) => {
    const child = spawn("policy", "prove", "p.yaml", "--watch");
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("exit code 0")) {
      const { value, done } = await reader.read();
      assert.ok(!done, text);
      text += value;
    }
    child.kill("SIGINT");
    const { signal, code } = await child.status;
    assert.ok(signal === "SIGINT" || code === 130, `${signal} ${code}`);
    await reader.cancel();
    await child.stderr.cancel();
  });
});
