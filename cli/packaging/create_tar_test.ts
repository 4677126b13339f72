import assert from "node:assert/strict";
import { createTar } from "./create_tar.ts";

const FILES = [
  { name: "empty", mode: 0o400, bytes: new Uint8Array() },
  { name: "block", mode: 0o500, bytes: new Uint8Array(512).fill(7) },
  { name: "more", mode: 0o400, bytes: new Uint8Array(513).fill(9) },
];

Deno.test("createTar() writes what tar reads, with modes", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/x.tar`, createTar(FILES));
  const { success, stderr } = await new Deno.Command("tar", {
    args: ["-xf", "x.tar"],
    cwd: folder,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  for (const { name, mode, bytes } of FILES) {
    assert.deepEqual(await Deno.readFile(`${folder}/${name}`), bytes);
    const info = await Deno.stat(`${folder}/${name}`);
    assert.equal(info.mode! & 0o777, mode);
    assert.equal(info.mtime?.getTime(), 1000);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("createTar() writes the same bytes for the same files", () => {
  assert.deepEqual(createTar(FILES), createTar(FILES));
  assert.equal(createTar(FILES).length % 512, 0);
});
