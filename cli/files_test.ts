import assert from "node:assert/strict";
import { fakeContext } from "./fake_context.ts";
import { FileError, readInput, writeOutput } from "./files.ts";
import { processContext } from "./process_context.ts";

const REAL = processContext();
const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("readInput() reads files and standard input up to one byte beyond the bound", async () => {
  const context = fakeContext({ files: { a: "abcdef" }, stdin: "input" });
  assert.deepEqual(await readInput(context, "a", 3), encode("abcd"));
  assert.deepEqual(await readInput(context, "-", 100), encode("input"));
});

Deno.test("readInput() reads an endless file up to the bound", async () => {
  assert.equal((await readInput(REAL, "/dev/zero", 200_000)).length, 200_001);
});

Deno.test("readInput() says why it cannot", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, "");
  const cases = [
    { path: `${folder}/none`, code: "not_found", message: /: it does not exist$/ },
    { path: folder, code: "failed_precondition", message: /: it is a directory/ },
    { path: `${folder}/file/x`, code: "failed_precondition", message: /: a part of its path/ },
    { path: "a\0b", code: "internal", message: /^Cannot read / },
  ];
  for (const { path, code, message } of cases) {
    await assert.rejects(readInput(REAL, path, 1), (error) => {
      assert.ok(error instanceof FileError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("writeOutput() replaces a file as a whole, keeps its mode and follows links", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, "old", { mode: 0o640 });
  await Deno.symlink("file", `${folder}/link`);
  await writeOutput(REAL, `${folder}/link`, encode("new"));
  await writeOutput(REAL, `${folder}/fresh`, encode("fresh"));
  await writeOutput(REAL, "/dev/null", encode("gone"));
  assert.equal(await Deno.readTextFile(`${folder}/file`), "new");
  assert.equal((await Deno.stat(`${folder}/file`)).mode! & 0o777, 0o640);
  assert.ok((await Deno.lstat(`${folder}/link`)).isSymlink);
  assert.ok((await Deno.stat("/dev/null")).isCharDevice);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "file",
    "fresh",
    "link",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("writeOutput() leaves nothing behind when it cannot", async () => {
  const folder = await Deno.makeTempDir();
  await assert.rejects(writeOutput(REAL, `${folder}/none/file`, encode("x")), FileError);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder, { recursive: true });
});
