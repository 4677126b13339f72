import assert from "node:assert/strict";
import { mergeFolder } from "./merge_folder.ts";
import { TransferError } from "./transfer_error.ts";

/** `name/` is a folder, `name->target` a link, anything else a file that holds its own name. */
async function fill(folder: string, entries: readonly string[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const entry of entries) {
    const [name = "", target] = entry.split("->");
    if (target !== undefined) await Deno.symlink(target, `${folder}/${name}`);
    else if (entry.endsWith("/")) await Deno.mkdir(`${folder}/${entry}`, { recursive: true });
    else await Deno.writeTextFile(`${folder}/${entry}`, `${folder.slice(-3)} ${entry}`);
  }
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("mergeFolder() joins folders and replaces files and links", async () => {
  await inFolder(async (outer) => {
    await fill(`${outer}/new`, ["a", "d/", "d/x", "l->a", "e/"]);
    await fill(`${outer}/old`, ["a", "d/", "d/y", "kept"]);
    await Deno.writeTextFile(`${outer}/victim`, "untouched");
    await Deno.symlink("../victim", `${outer}/old/l`);
    await mergeFolder(`${outer}/new`, `${outer}/old`);
    const read = (path: string) => Deno.readTextFileSync(`${outer}/${path}`);
    assert.deepEqual(
      ["old/a", "old/d/x", "old/d/y", "old/kept", "victim"].map(read),
      ["new a", "new d/x", "old d/y", "old kept", "untouched"],
    );
    assert.equal(Deno.readLinkSync(`${outer}/old/l`), "a");
    assert.ok(Deno.statSync(`${outer}/old/e`).isDirectory);
  });
});

Deno.test("mergeFolder() replaces a link to a file, and does not write through it", async () => {
  await inFolder(async (outer) => {
    await fill(`${outer}/new`, ["a"]);
    await fill(`${outer}/old`, ["a->../victim"]);
    await Deno.writeTextFile(`${outer}/victim`, "untouched");
    await mergeFolder(`${outer}/new`, `${outer}/old`);
    assert.equal(Deno.readTextFileSync(`${outer}/victim`), "untouched");
    assert.ok(Deno.lstatSync(`${outer}/old/a`).isFile);
  });
});

Deno.test.each([
  { name: "a folder over a link to a folder", fresh: ["d/", "d/x"], there: ["d->../outside"] },
  { name: "a folder over a file", fresh: ["d/"], there: ["d"] },
  { name: "a file over a folder", fresh: ["d"], there: ["d/"] },
  { name: "a link over a folder", fresh: ["d->x"], there: ["d/"] },
])("mergeFolder() refuses $name", async ({ fresh, there }) => {
  await inFolder(async (outer) => {
    await Deno.mkdir(`${outer}/outside`);
    await fill(`${outer}/new`, fresh);
    await fill(`${outer}/old`, there);
    await assert.rejects(mergeFolder(`${outer}/new`, `${outer}/old`), TransferError);
    assert.deepEqual([...Deno.readDirSync(`${outer}/outside`)], []);
  });
});
