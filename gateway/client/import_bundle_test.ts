import assert from "node:assert/strict";
import { BundleError, importBundle } from "./import_bundle.ts";

Deno.test.each([
  { name: "side by side", files: ["ca.crt", "tls.crt", "tls.key"] },
  { name: "in the gateway's layout", files: ["ca.crt", "client/tls.crt", "client/tls.key"] },
])("importBundle() finds the files $name", async ({ files }) => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/client`);
    for (const file of files) await Deno.writeTextFile(`${folder}/${file}`, file);
    const { bundle } = await importBundle((name) =>
      name === "OPENSHELL_LOCAL_TLS_DIR" ? folder : undefined
    );
    assert.deepEqual(Object.values(bundle), files);
    await Deno.remove(`${folder}/ca.crt`);
    const missing = importBundle((name) => name === "OPENSHELL_LOCAL_TLS_DIR" ? folder : undefined);
    await assert.rejects(missing, BundleError);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
