import assert from "node:assert/strict";
import { pack } from "tar-stream";
import { Extractor } from "./extract_files.ts";
import { TransferError } from "./transfer_error.ts";

interface Entry {
  readonly name: string;
  readonly type?: "file" | "directory" | "symlink" | "link" | "fifo";
  readonly linkname?: string;
  readonly content?: string;
  readonly mode?: number;
}

async function tarOf(entries: readonly Entry[]): Promise<Uint8Array> {
  const packer = pack();
  for (const { content = "", ...header } of entries) packer.entry({ ...header }, content);
  packer.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of packer) chunks.push(chunk as Uint8Array);
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

async function inFolder(run: (folder: string, outer: string) => Promise<void>): Promise<void> {
  const outer = await Deno.makeTempDir();
  await Deno.mkdir(`${outer}/in`);
  try {
    await run(`${outer}/in`, outer);
  } finally {
    await Deno.remove(outer, { recursive: true });
  }
}

async function extractTo(folder: string, bytes: Uint8Array, size = 1_000): Promise<void> {
  const extractor = new Extractor(folder);
  try {
    for (let at = 0; at < bytes.length; at += size) {
      await extractor.write(bytes.slice(at, at + size));
    }
    await extractor.finish();
  } catch (error) {
    await extractor.abort();
    throw error;
  }
}

Deno.test("Extractor writes files, folders and links", async () => {
  await inFolder(async (folder) => {
    const long = `${"d".repeat(90)}/${"f".repeat(120)}`;
    const bytes = await tarOf([
      { name: "./", type: "directory" },
      { name: "a/b.txt", content: "hello", mode: 0o755 },
      { name: "a/c", type: "symlink", linkname: "b.txt" },
      { name: "same", type: "link", linkname: "a/b.txt" },
      { name: "empty", type: "directory" },
      { name: long, content: "x".repeat(200_000) },
    ]);
    await extractTo(folder, bytes);
    assert.equal(await Deno.readTextFile(`${folder}/a/b.txt`), "hello");
    assert.equal((await Deno.stat(`${folder}/a/b.txt`)).mode! & 0o777, 0o755);
    assert.equal(await Deno.readLink(`${folder}/a/c`), "b.txt");
    assert.equal(await Deno.readTextFile(`${folder}/same`), "hello");
    assert.ok((await Deno.stat(`${folder}/empty`)).isDirectory);
    assert.equal((await Deno.stat(`${folder}/${long}`)).size, 200_000);
  });
});

Deno.test("Extractor lets nobody but the person change what came", async () => {
  await inFolder(async (folder) => {
    const bytes = await tarOf([
      { name: "open", content: "x", mode: 0o777 },
      { name: "rights", content: "x", mode: 0o6777 },
      { name: "shared", content: "x", mode: 0o666 },
      { name: "own", content: "x", mode: 0o600 },
      { name: "same", type: "link", linkname: "open", mode: 0o777 },
    ]);
    const before = Deno.umask(0);
    try {
      await extractTo(folder, bytes);
    } finally {
      Deno.umask(before);
    }
    const modes = ["open", "rights", "shared", "own", "same"].map((name) =>
      Deno.statSync(`${folder}/${name}`).mode! & 0o7777
    );
    assert.deepEqual(modes, [0o755, 0o755, 0o644, 0o600, 0o755]);
  });
});

Deno.test.each([
  { attack: "a way up", entries: [{ name: "../out", content: "x" }] },
  { attack: "an absolute path", entries: [{ name: "/tmp/openshell-out", content: "x" }] },
  {
    attack: "a file through a link",
    entries: [
      { name: "a", type: "symlink" as const, linkname: ".." },
      { name: "a/out", content: "x" },
    ],
  },
  {
    attack: "a file through an inner link",
    entries: [
      { name: "d/x", content: "x" },
      { name: "a", type: "symlink" as const, linkname: "d" },
      { name: "a/out", content: "x" },
    ],
  },
  {
    attack: "a hard link out",
    entries: [{ name: "a", type: "link" as const, linkname: "../secret" }],
  },
  { attack: "a pipe", entries: [{ name: "a", type: "fifo" as const }] },
])("Extractor writes nothing outside for $attack", async ({ entries }) => {
  await inFolder(async (folder, outer) => {
    await Deno.writeTextFile(`${outer}/secret`, "secret");
    await assert.rejects(extractTo(folder, await tarOf(entries)), TransferError);
    assert.deepEqual([...Deno.readDirSync(outer)].map(({ name }) => name).sort(), ["in", "secret"]);
    const links = [...Deno.readDirSync(folder)].filter(({ isSymlink }) => isSymlink);
    assert.deepEqual(links, []);
  });
});

Deno.test("Extractor refuses what is no tar, and what breaks off", async () => {
  await inFolder(async (folder) => {
    await assert.rejects(extractTo(folder, new Uint8Array(2_000).fill(65)), TransferError);
  });
  await inFolder(async (folder) => {
    const bytes = await tarOf([{ name: "a", content: "x".repeat(5_000) }]);
    await assert.rejects(extractTo(folder, bytes.slice(0, 3_000)), TransferError);
  });
});

Deno.test("Extractor does not hold names without end", async () => {
  await inFolder(async (folder) => {
    const bytes = await tarOf([{ name: `${"n".repeat(3_000_000)}`, content: "" }]);
    await assert.rejects(extractTo(folder, bytes, 64_000), /more names than content/);
  });
});
