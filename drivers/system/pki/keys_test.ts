import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { createSigningKey, exportKeyPem, keyIdentifier, loadSigningKey, signDer } from "./keys.ts";
import { encodePem } from "./pem.ts";

Deno.test("signDer() writes a signature that node:crypto verifies", async () => {
  const key = await createSigningKey({ extractable: false });
  const publicKey = createPublicKey(encodePem("PUBLIC KEY", key.publicDer));
  // Integers of a signature are shorter now and then, and with a leading zero every other time.
  for (let i = 0; i < 64; i += 1) {
    const bytes = Uint8Array.of(i);
    assert.ok(verify("sha256", bytes, publicKey, await signDer(key, bytes)));
  }
});

Deno.test("loadSigningKey() loads what exportKeyPem() wrote, and not to export it again", async () => {
  const key = await createSigningKey({ extractable: true });
  const loaded = await loadSigningKey(await exportKeyPem(key), key.publicDer);
  assert.deepEqual(loaded.publicDer, key.publicDer);
  await assert.rejects(exportKeyPem(loaded));
});

Deno.test("loadSigningKey() refuses a key of another kind, and says nothing of the key", async () => {
  const pair = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const { publicDer } = await createSigningKey({ extractable: false });
  await assert.rejects(loadSigningKey(encodePem("PRIVATE KEY", der), publicDer), {
    name: "EncodingError",
    message: "Cannot read the key: it is not an ECDSA key on P-256",
  });
});

Deno.test("keyIdentifier() is 160 bits that follow from the key", async () => {
  const [one, other] = [
    await createSigningKey({ extractable: false }),
    await createSigningKey({
      extractable: false,
    }),
  ];
  assert.equal((await keyIdentifier(one.publicDer)).length, 20);
  assert.deepEqual(await keyIdentifier(one.publicDer), await keyIdentifier(one.publicDer));
  assert.notDeepEqual(await keyIdentifier(one.publicDer), await keyIdentifier(other.publicDer));
});
