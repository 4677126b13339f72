import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { createLauncher, createSelfExtracting } from "./create_self_extracting.ts";
import { createTar } from "./create_tar.ts";

/** Prints its surroundings instead of running JavaScript. */
const RUNTIME = `#!/bin/sh
echo "args:$*"
echo "executable:$OPENSHELL_EXECUTABLE"
echo "cache:$DENO_DIR"
echo "caller:\${OPENSHELL_CALLER_DENO_DIR-unset} \${OPENSHELL_CALLER_DENO_NO_UPDATE_CHECK-unset}"
echo "umask:$(umask)"
cat "\${0%/*}/main.js"
`;

const PLACE = /^cache:(.*)\/openshell(?:-\d+)?\/[0-9a-f]{64}\/cache$/m;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Setting {
  readonly file: string;
  readonly home: string;
  readonly temporary: string;
  /** Runs the file, or the given command in its folder. */
  start(env?: Record<string, string>, command?: readonly string[]): Promise<Outcome>;
}

function makeFile(): Uint8Array<ArrayBuffer> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const archive = gzipSync(createTar([
    { name: "main.js", mode: 0o400, bytes: encode("code\n") },
    { name: "deno", mode: 0o500, bytes: encode(RUNTIME) },
  ]));
  const digest = createHash("sha256").update(archive).digest("hex");
  const files = ["main.js", "deno"];
  return createSelfExtracting({ version: "1.2.3", target: "any", files, digest }, archive);
}

async function withSetting(test: (setting: Setting) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const [file, home, temporary] = [`${folder}/my openshell`, `${folder}/home`, `${folder}/tmp`];
  await Deno.mkdir(home);
  await Deno.mkdir(temporary);
  await Deno.writeFile(file, makeFile(), { mode: 0o755 });
  const start = async (
    env: Record<string, string> = {},
    command: readonly string[] = [file, "one", "two  three"],
  ): Promise<Outcome> => {
    const output = await new Deno.Command(command[0]!, {
      args: command.slice(1),
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH")!, HOME: home, TMPDIR: temporary, ...env },
      cwd: folder,
      stdin: "null",
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: output.code, out: decode(output.stdout), err: decode(output.stderr) };
  };
  try {
    await test({ file, home, temporary, start });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function assertStarted(outcome: Outcome, base: string): string {
  assert.deepEqual([outcome.code, outcome.err], [0, ""]);
  assert.match(outcome.out, /^args:run .*\/main\.js one two {2}three$/m);
  assert.match(outcome.out, /^code$/m);
  const found = PLACE.exec(outcome.out);
  assert.equal(found?.[1], base);
  return found![0].slice("cache:".length).replace(/\/cache$/, "");
}

Deno.test("createLauncher() is a script without marks that points behind itself", () => {
  const digest = "0".repeat(64);
  const script = createLauncher({ version: "1", target: "t", files: ["a", "b"], digest });
  assert.doesNotMatch(script, /@[A-Z_]*@/);
  assert.equal(Number(/^archive_at=(\d+) *$/m.exec(script)?.[1]), script.length + 1);
  assert.ok(script.endsWith("exit 1\n"));
});

Deno.test("createSelfExtracting() unpacks once, privately, and leaves nothing else", async () => {
  await withSetting(async ({ file, home, start }) => {
    const folder = assertStarted(await start(), `${home}/.cache`);
    const before = await Deno.stat(`${folder}/deno`);
    const again = await start();
    assertStarted(again, `${home}/.cache`);
    assert.equal((await Deno.stat(`${folder}/deno`)).ino, before.ino);
    assert.match(again.out, new RegExp(`^executable:${file}$`, "m"));
    assert.match(again.out, /^caller:unset unset$/m);
    const parent = folder.replace(/\/[^/]*$/, "");
    assert.equal((await Deno.stat(parent)).mode! & 0o777, 0o700);
    assert.equal((await Deno.stat(folder)).mode! & 0o777, 0o700);
    assert.equal([...Deno.readDirSync(parent)].length, 1);
  });
});

Deno.test("createSelfExtracting() keeps what the caller had set", async () => {
  await withSetting(async ({ home, start }) => {
    const { out } = await start({ DENO_DIR: "/mine", DENO_NO_UPDATE_CHECK: "" });
    assert.match(out, /^caller:\/mine $/m);
    const [, first] = /^umask:(.*)$/m.exec(out)!;
    assert.equal(/^umask:(.*)$/m.exec((await start()).out)![1], first);
    assertStarted(await start({ XDG_CACHE_HOME: `${home}/else` }), `${home}/else`);
    assertStarted(await start({ XDG_CACHE_HOME: "relative" }), `${home}/.cache`);
  });
});

Deno.test("createSelfExtracting() names itself by an absolute path", async () => {
  await withSetting(async ({ file, start }) => {
    const folder = file.replace(/\/[^/]*$/, "");
    const byFolder = await start({}, ["sh", "-c", "./my*"]);
    assert.match(byFolder.out, new RegExp(`^executable:${folder}/\\./my openshell$`, "m"));
    const byPath = await start({ PATH: `${folder}:${Deno.env.get("PATH")}` }, ["my openshell"]);
    assert.match(byPath.out, new RegExp(`^executable:${file}$`, "m"));
    const byShell = await start({}, ["sh", "my openshell"]);
    assert.match(byShell.out, new RegExp(`^executable:${file}$`, "m"));
  });
});

Deno.test("createSelfExtracting() mends what was changed, removed or replaced", async (t) => {
  await withSetting(async ({ home, start }) => {
    const folder = assertStarted(await start(), `${home}/.cache`);
    const damages: Record<string, () => Promise<void>> = {
      "code changed": async () => {
        await Deno.chmod(`${folder}/main.js`, 0o600);
        await Deno.writeTextFile(`${folder}/main.js`, "evil\n");
      },
      "code removed": () => Deno.remove(`${folder}/main.js`),
      "runtime removed": () => Deno.remove(`${folder}/deno`),
      "runtime not executable": () => Deno.chmod(`${folder}/deno`, 0o000),
      "seal removed": () => Deno.remove(`${folder}/sealed`),
      "code a link": async () => {
        await Deno.remove(`${folder}/main.js`);
        await Deno.symlink("deno", `${folder}/main.js`);
      },
      "folder a link": async () => {
        await Deno.rename(folder, `${home}/elsewhere`);
        await Deno.symlink(`${home}/elsewhere`, folder);
      },
      "folder a file": async () => {
        await Deno.remove(folder, { recursive: true });
        await Deno.writeTextFile(folder, "");
      },
    };
    for (const [name, damage] of Object.entries(damages)) {
      await t.step(name, async () => {
        await damage();
        assertStarted(await start(), `${home}/.cache`);
        assert.deepEqual([...Deno.readDirSync(`${home}/.cache/openshell`)].length, 1);
      });
    }
  });
});

Deno.test("createSelfExtracting() starts eight times at once", async () => {
  await withSetting(async ({ home, start }) => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => start()));
    for (const outcome of outcomes) assertStarted(outcome, `${home}/.cache`);
    const [folder, ...others] = Deno.readDirSync(`${home}/.cache/openshell`);
    assert.deepEqual(others, []);
    const names = [...Deno.readDirSync(`${home}/.cache/openshell/${folder!.name}`)];
    assert.deepEqual(names.map(({ name }) => name).sort(), ["deno", "main.js", "sealed"]);
  });
});

Deno.test("createSelfExtracting() falls back to a private folder without a home", async () => {
  await withSetting(async ({ file, temporary, start }) => {
    for (const home of ["", "relative", "/proc/none", file]) {
      const folder = assertStarted(await start({ HOME: home }), temporary);
      assert.equal((await Deno.stat(folder.replace(/\/[^/]*$/, ""))).mode! & 0o777, 0o700);
    }
  });
});

Deno.test("createSelfExtracting() does not follow a link in the fall-back", async () => {
  await withSetting(async ({ home, temporary, start }) => {
    await Deno.symlink(home, `${temporary}/openshell-${Deno.uid()}`);
    const { code, out, err } = await start({ HOME: "" });
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^error: Cannot start openshell: neither .*\nhint: Set XDG_CACHE_HOME to /);
    assert.deepEqual([...Deno.readDirSync(home)], []);
  });
});

Deno.test("createSelfExtracting() refuses a damaged or cut file, and unpacks nothing", async () => {
  await withSetting(async ({ file, home, start }) => {
    const whole = await Deno.readFile(file);
    const flipped = whole.slice();
    flipped[whole.length - 20]! ^= 1;
    for (const bytes of [flipped, whole.slice(0, -1), whole.slice(0, -200)]) {
      await Deno.writeFile(file, bytes);
      const { code, out, err } = await start();
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, /^error: Cannot start openshell: the file ".*" is damaged or incomplete\n/);
      assert.deepEqual([...Deno.readDirSync(`${home}/.cache/openshell`)], []);
    }
  });
});
