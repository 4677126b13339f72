import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { makeCanary } from "../../attacks/support/canary.ts";
import { formsOf, searchFiles, searchMemory } from "./find_secret.ts";

const SECRET = makeCanary();
const OTHER = makeCanary();

/** What stands beside a secret, so that it begins at each place of a group of Base64. */
Deno.test.each([{ name: "no byte", before: "" }, { name: "one", before: "a" }, {
  name: "two",
  before: "ab",
}])("formsOf() finds a secret in Base64 after $name", ({ before }) => {
  const encoded = Buffer.from(`${before}${SECRET}:rest`).toString("base64");
  assert.ok(formsOf(SECRET).some((form) => encoded.includes(form)));
});

Deno.test({
  name: "searchMemory() finds what a process has, and nothing else",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  fn: async () => {
    const child = new Deno.Command("sleep", { args: ["60"], env: { SECRET } }).spawn();
    const { found, bytes } = searchMemory(child.pid, [SECRET, OTHER]);
    child.kill();
    await child.status;
    assert.deepEqual(found, [SECRET]);
    assert.ok(bytes > 0);
  },
});

Deno.test("searchFiles() finds files at any depth, in each form", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/a/b`, { recursive: true });
  await Deno.writeTextFile(`${folder}/a/b/plain`, `key=${SECRET}\n`);
  await Deno.writeFile(`${folder}/a/wide`, Buffer.from(SECRET, "utf16le"));
  await Deno.writeTextFile(`${folder}/other`, OTHER);
  const holders = await searchFiles(folder, formsOf(SECRET));
  await Deno.remove(folder, { recursive: true });
  assert.deepEqual([...holders].sort(), [`${folder}/a/b/plain`, `${folder}/a/wide`]);
});
