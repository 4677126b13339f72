/**
 * Tests of the one executable, `dist/openshell`, as a person meets it. `deno task build` makes it
 * first; without it these tests are skipped.
 *
 * @module
 */

import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };

const PROGRAM = new URL("../../dist/openshell", import.meta.url).pathname;

/** A base system: above all without Deno. */
const PATH = "/usr/bin:/bin";

/** What a pipe of the system holds, in bytes. */
const PIPE_BYTES = 64 * 1024;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

type Start = (...args: string[]) => Promise<Outcome>;

interface Setting {
  readonly home: string;
  readonly start: Start;
  spawn(...args: string[]): Deno.ChildProcess;
}

function firstBytes(): string | null {
  try {
    using file = Deno.openSync(PROGRAM);
    const bytes = new Uint8Array(9);
    file.readSync(bytes);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

const FIRST_BYTES = firstBytes();
const IS_SELF_EXTRACTING = FIRST_BYTES === "#!/bin/sh";

async function withHome(test: (setting: Setting) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  const command = (args: string[]) =>
    new Deno.Command(PROGRAM, {
      args,
      clearEnv: true,
      env: { PATH, HOME: home, TMPDIR: `${home}/tmp` },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
  const spawn = (...args: string[]) => command(args).spawn();
  const start = async (...args: string[]) => {
    const child = spawn(...args);
    await child.stdin.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  };
  try {
    await test({ home, start, spawn });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

function cacheFolder(home: string): string {
  const [folder, ...others] = Deno.readDirSync(`${home}/.cache/openshell`);
  assert.deepEqual(others, []);
  return `${home}/.cache/openshell/${folder!.name}`;
}

function suite(name: string, ignore: boolean, test: (setting: Setting) => Promise<void>): void {
  const reason = FIRST_BYTES === null ? " (dist/openshell is not built)" : "";
  const form = reason === "" && ignore ? " (dist/openshell is not self-extracting)" : "";
  Deno.test({ name: `openshell ${name}${reason}${form}`, ignore, fn: () => withHome(test) });
}

const NOT_BUILT = FIRST_BYTES === null;

suite("answers without Deno on the path, in an empty home", NOT_BUILT, async ({ start }) => {
  assert.deepEqual(await start("--version"), {
    code: 0,
    out: `openshell ${manifest.version}\n`,
    err: "",
  });
  const help = await start("--help");
  assert.equal(help.code, 0);
  assert.match(help.out, /^Usage: openshell \[flags\] <command>$/m);
  assert.deepEqual((await start("policy")).code, 0);
  const report = JSON.parse((await start("version", "-o", "json")).out);
  assert.equal(report.version, manifest.version);
  assert.match((await start("version", "-o", "yaml")).out, /^version: /);
  assert.match((await start("completions", "bash")).out, /^complete -F _openshell openshell$/m);
});

suite("refuses an unknown command with exit code 2", NOT_BUILT, async ({ start }) => {
  assert.deepEqual(await start("polcy"), {
    code: 2,
    out: "",
    err: 'error: Cannot find command "polcy": "openshell" has no such command\n' +
      'hint: Write "openshell policy", or see "openshell --help"\n',
  });
});

suite("ends quietly when nobody reads its output", NOT_BUILT, async ({ spawn }) => {
  const child = spawn("completions", "bash");
  await child.stdin.close();
  await child.stdout.cancel();
  const { code } = await child.status;
  assert.equal(code, 141);
  assert.equal(await new Response(child.stderr).text(), "");
});

suite("ends with 130 when it is interrupted", NOT_BUILT, async ({ spawn }) => {
  const child = spawn("policy", "check", "-");
  const writer = child.stdin.getWriter();
  // More than a pipe holds: once it is written, the program is reading.
  await writer.write(new Uint8Array(PIPE_BYTES * 2));
  child.kill("SIGINT");
  assert.equal((await child.output()).code, 130);
  await writer.abort();
});

suite("starts twice at once in an empty home", !IS_SELF_EXTRACTING, async ({ home, start }) => {
  const [first, second] = await Promise.all([start("version"), start("version")]);
  assert.deepEqual([first.code, first.err], [0, ""]);
  assert.deepEqual(second, first);
  assert.equal((await Deno.stat(cacheFolder(home))).mode! & 0o777, 0o700);
});

suite(
  "mends code that was changed behind its back",
  !IS_SELF_EXTRACTING,
  async ({ home, start }) => {
    await start("--version");
    const code = `${cacheFolder(home)}/main.js`;
    const original = await Deno.readTextFile(code);
    await Deno.chmod(code, 0o600);
    await Deno.writeTextFile(code, 'console.log("evil");');
    assert.equal((await start("--version")).out, `openshell ${manifest.version}\n`);
    assert.equal(await Deno.readTextFile(code), original);
  },
);
