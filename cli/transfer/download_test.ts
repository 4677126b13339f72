import assert from "node:assert/strict";
import { pack } from "tar-stream";
import { fakeContext } from "../fake_context.ts";
import { fetchFiles, isInWorkspace } from "./download.ts";
import { fakeSandbox, type FakeSandboxOptions } from "./fake_sandbox.ts";
import { TransferError } from "./transfer_error.ts";

const GIT_HOOK = { "out/.git/hooks/pre-commit": "#!/bin/sh" };
const BARE = { "out/sub/HEAD": "ref", "out/sub/refs/x": "x", "out/sub/objects/x": "x" };

interface Place {
  readonly here: string;
  readonly there: string;
  readonly warnings: readonly string[];
  fetch(
    remote: string,
    local: string,
    options?: FakeSandboxOptions & { readonly force?: boolean },
  ): Promise<string>;
}

async function inPlace(run: (place: Place) => Promise<void>): Promise<void> {
  const outer = await Deno.realPath(await Deno.makeTempDir());
  const [here, there] = [`${outer}/here`, `${outer}/there`];
  await Deno.mkdir(here);
  await Deno.mkdir(there);
  await Deno.writeTextFile(`${outer}/secret`, "secret");
  const context = fakeContext({ machine: { cwd: () => here } });
  const warnings: string[] = [];
  try {
    await run({
      here,
      there,
      warnings,
      fetch: (remote, local, options) =>
        fetchFiles(context, fakeSandbox(there, options), {
          ...{ sandboxId: "id", remote, local, force: options?.force ?? false },
          onWarning: (text) => void warnings.push(text),
        }),
    });
    assert.deepEqual(leftovers(here), []);
  } finally {
    await Deno.remove(outer, { recursive: true });
  }
}

function leftovers(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.startsWith(".openshell-"));
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}`, content);
  }
}

Deno.test.each([
  { local: ".", want: "a.txt" },
  { local: "b.txt", want: "b.txt" },
  { local: "new/", want: "new/a.txt" },
  { local: "new/b.txt", want: "new/b.txt" },
  { local: "there", want: "there/a.txt" },
])("fetchFiles() places a file for [$local] at $want", async ({ local, want }) => {
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "out/a.txt": "A" });
    await Deno.mkdir(`${here}/there`);
    assert.equal(await fetch("out/a.txt", local), `${here}/${want}`);
    assert.equal(await Deno.readTextFile(`${here}/${want}`), "A");
    assert.deepEqual(leftovers(`${here}/there`), []);
  });
});

Deno.test("fetchFiles() joins what is in a folder with what is there", async () => {
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "site/a.txt": "new", "site/-x/b.txt": "B" });
    await Deno.symlink("a.txt", `${there}/site/link`);
    await write(here, { "site/a.txt": "old", "site/kept": "K" });
    assert.equal(await fetch("/sandbox/site", "site"), `${here}/site`);
    const read = (path: string) => Deno.readTextFileSync(`${here}/site/${path}`);
    assert.deepEqual(["a.txt", "-x/b.txt", "kept", "link"].map(read), ["new", "B", "K", "new"]);
  });
});

Deno.test("fetchFiles() fetches names that start with a dash", async () => {
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "-n": "dash" });
    await fetch("-n", "out");
    assert.equal(await Deno.readTextFile(`${here}/out`), "dash");
  });
});

Deno.test.each([
  { name: "a path above", remote: "../secret" },
  { name: "a link that leads out", remote: "link" },
  { name: "a path through a link that leads out", remote: "folder/secret" },
  { name: "an absolute path", remote: "/etc/hostname" },
])("fetchFiles() refuses $name", async ({ remote }) => {
  await inPlace(async ({ here, there, fetch }) => {
    await Deno.symlink("../secret", `${there}/link`);
    await Deno.symlink("..", `${there}/folder`);
    await assert.rejects(fetch(remote, "."), { code: "permission_denied" });
    assert.deepEqual([...Deno.readDirSync(here)], []);
  });
});

Deno.test("fetchFiles() says what is not there", async () => {
  await inPlace(async ({ fetch }) => {
    await assert.rejects(fetch("nope", "."), { code: "not_found", hint: /sandbox said: / });
  });
});

Deno.test("fetchFiles() writes nothing when a link leads out", async () => {
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "site/a.txt": "A" });
    await Deno.symlink("/etc/passwd", `${there}/site/passwd`);
    await assert.rejects(fetch("site", "."), TransferError);
    assert.deepEqual([...Deno.readDirSync(here)], []);
  });
});

Deno.test.each([
  { attack: "another name", entries: [["evil.txt", "file"]] },
  { attack: "a folder", entries: [["a.txt", "directory"]] },
  { attack: "a link", entries: [["a.txt", "symlink"]] },
  { attack: "nothing", entries: [] },
])("fetchFiles() refuses $attack in place of the file", async ({ entries }) => {
  const packer = pack();
  for (const [name = "", type] of entries) {
    packer.entry({ name, type: type as "file", linkname: "x" }, "");
  }
  packer.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of packer) chunks.push(chunk as Uint8Array);
  const archive = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "a.txt": "A" });
    await assert.rejects(fetch("a.txt", ".", { archive }), /did not send a file/);
    assert.deepEqual([...Deno.readDirSync(here)], []);
  });
});

Deno.test("fetchFiles() does not write a folder over a file", async () => {
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "site/a.txt": "A" });
    await write(here, { there: "file" });
    await assert.rejects(fetch("site", "there"), /should be a folder/);
    assert.equal(await Deno.readTextFile(`${here}/there`), "file");
  });
});

Deno.test.each([
  { name: "a part of its path is a file", local: "file/folder", code: "failed_precondition" },
  { name: "its name is too long", local: "x".repeat(300), code: "failed_precondition" },
  // Nobody may make a file there, not even root.
  { name: "it may not be written", local: "/sys/kernel", code: "permission_denied" },
])("fetchFiles() says why it cannot write to a destination: $name", async ({ local, code }) => {
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "site/a.txt": "A" });
    await write(here, { file: "file" });
    const message = /^Cannot download to "/;
    await assert.rejects(fetch("site", local), { name: "TransferError", code, message });
    assert.deepEqual([...Deno.readDirSync(here)].map(({ name }) => name), ["file"]);
  });
});

Deno.test.each([
  { path: "/sandbox", want: true },
  { path: "/sandbox/a", want: true },
  { path: "/sandboxes", want: false },
  { path: "/sandbox/../etc", want: false },
  { path: "/etc", want: false },
  { path: "", want: false },
])("isInWorkspace() of $path is $want", ({ path, want }) => {
  assert.equal(isInWorkspace(path), want);
});

Deno.test.each([
  { name: "hooks of a repository", files: GIT_HOOK, old: ["dest/.git/config"], says: '".git"' },
  { name: "a repository", files: GIT_HOOK, old: ["dest/a"], says: '".git" comes' },
  { name: "a bare repository", files: BARE, old: ["dest/sub/a"], says: '"sub/" comes' },
  { name: "the rest of one", files: { "out/HEAD": "" }, old: ["dest/refs/x", "dest/objects/x"] },
  {
    name: "what a shell of a project runs",
    files: { "out/deep/.envrc": "x" },
    old: ["dest/deep/a"],
    says: '"deep/.envrc" comes from the sandbox, and direnv runs it',
  },
  { name: "another case", files: { "out/.GIT/config": "x" }, old: ["dest/a"], says: '".GIT"' },
  {
    name: "what starts with a shell of a person",
    files: { "out/.config/fish/config.fish": "x" },
    old: ["dest/.profile", "dest/.config/a"],
    says: '".config/fish"',
  },
])("fetchFiles() refuses $name in a folder that is in use, unless it is told to", async (
  { files, old, says = "" },
) => {
  await inPlace(async ({ here, there, warnings, fetch }) => {
    await write(there, { ...files, "out/harmless": "new" });
    await write(here, Object.fromEntries(old.map((path) => [path, "old"])));
    await Deno.symlink("dest", `${here}/link`);
    for (const local of ["dest", "link", "dest/"]) {
      await assert.rejects(fetch("out", local), (error) => {
        assert.ok(error instanceof TransferError);
        assert.equal(error.code, "permission_denied");
        assert.ok(error.message.includes(says), error.message);
        assert.match(error.hint ?? "", /--force/);
        return true;
      });
    }
    // Nothing was written, harmless or not.
    assert.throws(() => Deno.statSync(`${here}/dest/harmless`), Deno.errors.NotFound);
    for (const path of old) assert.equal(Deno.readTextFileSync(`${here}/${path}`), "old");
    assert.deepEqual(warnings, []);
    await fetch("out", "dest", { force: true });
    assert.equal(Deno.readTextFileSync(`${here}/dest/harmless`), "new");
    assert.equal(warnings.length, 1);
  });
});

Deno.test("fetchFiles() warns of a repository in a new folder, and of what is in a new one in it", async () => {
  await inPlace(async ({ here, there, warnings, fetch }) => {
    await write(there, { ...GIT_HOOK, "out/sub/.vscode/tasks.json": "x" });
    await fetch("out", "new");
    assert.match(warnings.join("\n"), /^"\.git" comes .*\n"sub\/\.vscode" comes .*$/);
    assert.ok(Deno.statSync(`${here}/new/.git/hooks/pre-commit`).isFile);
    await write(there, { "more/new/.git/config": "x" });
    await write(here, { "used/a": "x" });
    await fetch("more", "used");
    assert.match(warnings.at(-1) ?? "", /^"new\/\.git" comes/);
  });
});

Deno.test("fetchFiles() lets no link give a file another name than the person meant", async () => {
  await inPlace(async ({ here, there, fetch }) => {
    await write(there, { "out/.envrc": "x" });
    await Deno.symlink(".envrc", `${there}/out/report.txt`);
    await write(here, { "a": "x" });
    await assert.rejects(fetch("out/report.txt", "."), TransferError);
    // A name that was given is meant.
    await fetch("out/report.txt", "report.txt");
    assert.equal(Deno.readTextFileSync(`${here}/report.txt`), "x");
  });
});
