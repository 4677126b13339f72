import assert from "node:assert/strict";
import { POLICY_TEXT_BYTES_MAX } from "../../proto/limits.ts";
import { proofFolder, ProofFolderError, readProofDocuments } from "./proof_documents.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test.each([
  { env: { XDG_CONFIG_HOME: "/c", HOME: "/h" }, folder: "/c/openshell/proof" },
  { env: { XDG_CONFIG_HOME: "c", HOME: "/h" }, folder: "/h/.config/openshell/proof" },
  { env: { HOME: "h" }, folder: null },
  { env: {}, folder: null },
])("proofFolder() of $env is $folder", ({ env, folder }) => {
  assert.equal(proofFolder((name) => (env as Record<string, string>)[name]), folder);
});

Deno.test("readProofDocuments() reads what is there", async () => {
  assert.deepEqual(await readProofDocuments(null), {});
  await withFolder(async (folder) => {
    assert.deepEqual(await readProofDocuments(`${folder}/none`), {});
    assert.deepEqual(await readProofDocuments(folder), {});
    await Deno.writeTextFile(`${folder}/claims.yaml`, "a");
    await Deno.writeTextFile(`${folder}/floor.yaml`, "b");
    await Deno.writeTextFile(`${folder}/.claims.yaml.swp`, "c");
    assert.deepEqual(await readProofDocuments(folder), { claims: "a", floor: "b" });
  });
});

Deno.test.each<{ name: string; make: (folder: string) => Promise<void> }>([
  {
    name: "whose name means nothing",
    make: (folder) => Deno.writeTextFile(`${folder}/claim.yaml`, ""),
  },
  { name: "that is a folder", make: (folder) => Deno.mkdir(`${folder}/claims.yaml`) },
  {
    name: "that is too large",
    make: (folder) =>
      Deno.writeFile(`${folder}/claims.yaml`, new Uint8Array(POLICY_TEXT_BYTES_MAX + 1)),
  },
  {
    name: "that is no text",
    make: (folder) => Deno.writeFile(`${folder}/claims.yaml`, Uint8Array.of(0xff)),
  },
  {
    name: "that leads nowhere",
    make: (folder) => Deno.symlink(`${folder}/none`, `${folder}/claims.yaml`),
  },
])("readProofDocuments() refuses a file $name", async ({ make }) => {
  await withFolder(async (folder) => {
    await make(folder);
    await assert.rejects(readProofDocuments(folder), ProofFolderError);
  });
});

Deno.test("readProofDocuments() refuses a file in place of the folder", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/proof`, "");
    await assert.rejects(readProofDocuments(`${folder}/proof`), ProofFolderError);
  });
});
