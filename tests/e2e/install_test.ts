import assert from "node:assert/strict";

const INSTALLER = new URL("../../install.sh", import.meta.url).pathname;

const PROGRAM = "#!/bin/sh\necho openshell 1.2.3\n";

interface Setting {
  readonly folder: string;
  install(args: readonly string[], env?: Record<string, string>): Promise<string>;
}

async function withFolder(test: (setting: Setting) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, PROGRAM);
  const install = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await new Deno.Command(INSTALLER, {
      args: [...args],
      clearEnv: true,
      env: { PATH: `/usr/bin:/bin:${folder}/home/.local/bin`, HOME: `${folder}/home`, ...env },
      stdin: "null",
    }).output();
    return `${code}\n${new TextDecoder().decode(stdout)}${new TextDecoder().decode(stderr)}`;
  };
  try {
    await test({ folder, install });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

function installed(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

Deno.test("install.sh installs a file whose digest is right", async () => {
  await withFolder(async ({ folder, install }) => {
    await Deno.writeTextFile(`${folder}/file.sha256`, `${await sha256(PROGRAM)}  file\n`);
    const bin = `${folder}/home/.local/bin`;
    const want = `0\nInstalled openshell 1.2.3 as ${bin}/openshell\n`;
    assert.equal(await install([`${folder}/file`]), want);
    assert.equal(await install([`${folder}/file`]), want);
    assert.deepEqual(installed(bin), ["openshell"]);
    const elsewhere = await install([`${folder}/file`], { OPENSHELL_INSTALL_DIR: `${folder}/bin` });
    assert.match(elsewhere, /^0\nInstalled .*\nhint: Add .*\/bin to PATH\n$/);
  });
});

Deno.test("install.sh refuses what it cannot check, and leaves nothing behind", async () => {
  await withFolder(async ({ folder, install }) => {
    const file = `${folder}/file`;
    const digest = await sha256(PROGRAM);
    assert.match(await install([file]), /^1\nerror: Cannot check .*: no digest is known\n/);
    const wrong = await install([file], { OPENSHELL_SHA256: "0".repeat(64) });
    assert.match(wrong, /^1\nerror: Cannot install .*: its SHA-256 is [0-9a-f]+, and should be /);
    assert.match(await install([`${folder}/none`]), /^1\nerror: Cannot read /);
    const http = await install(["http://localhost/file"], { OPENSHELL_SHA256: digest });
    assert.match(http, /^1\nerror: Cannot download "http:\/\/localhost\/file": only https /);
    assert.deepEqual(installed(`${folder}/home/.local/bin`), []);
  });
});

Deno.test("install.sh refuses a file that does not run here", async () => {
  await withFolder(async ({ folder, install }) => {
    const broken = "#!/bin/sh\nexit 1\n";
    await Deno.writeTextFile(`${folder}/file`, broken);
    const got = await install([`${folder}/file`], { OPENSHELL_SHA256: await sha256(broken) });
    assert.match(got, /^1\nerror: Cannot install .*: it does not run on this machine\n/);
    assert.deepEqual(installed(`${folder}/home/.local/bin`), []);
  });
});
