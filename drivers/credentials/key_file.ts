/**
 * The key that encrypts the keys of credentials, in a file of its own outside of the database.
 *
 * Whoever has the database alone has nothing; whoever loses this file has lost the credentials.
 *
 * @module
 */

import { CredentialError } from "./contract.ts";

/** AES-256. */
const KEY_BYTES = 32;

/** A key-encryption key, by a name that says nothing about it. */
export interface KeyEncryptionKey {
  readonly id: string;
  readonly key: CryptoKey;
}

/**
 * Reads the key, and makes one where there is no file.
 *
 * @throws {CredentialError} for a file that others can read, or that holds no key.
 */
export async function openKeyFile(path: string): Promise<KeyEncryptionKey> {
  return await importKey(await readKey(path) ?? await makeKey(path), path);
}

/** Makes a new key beside the current one, for `rekey`; `commitKeyFile` puts it in its place. */
export async function makeNextKey(path: string): Promise<KeyEncryptionKey> {
  await Deno.remove(`${path}.next`).catch(() => {});
  return await importKey(await makeKey(`${path}.next`), path);
}

/** Puts the next key in the place of the current one, as one step. */
export async function commitKeyFile(path: string): Promise<void> {
  await Deno.rename(`${path}.next`, path);
}

/** The key that a `rekey` that did not end may have left. */
export async function readNextKey(path: string): Promise<KeyEncryptionKey | null> {
  const bytes = await readKey(`${path}.next`);
  return bytes === null ? null : await importKey(bytes, path);
}

async function readKey(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const { mode, uid } = await Deno.lstat(path);
    if (((mode ?? 0) & 0o077) !== 0 || uid !== Deno.uid()) {
      throw new CredentialError("failed_precondition", "use", `others may read ${path}`, {
        hint: `Run: chown ${Deno.uid()} '${path}' && chmod 600 '${path}'`,
      });
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whole or not at all, and never over one that is there. */
async function makeKey(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeFile(temporary, bytes, { createNew: true, mode: 0o600 });
  try {
    await Deno.link(temporary, path);
  } finally {
    await Deno.remove(temporary);
  }
  return bytes;
}

async function importKey(bytes: Uint8Array<ArrayBuffer>, path: string): Promise<KeyEncryptionKey> {
  if (bytes.length !== KEY_BYTES) {
    throw new CredentialError(
      "failed_precondition",
      "use",
      `${path} is no key of ${KEY_BYTES} bytes`,
      {
        hint: "Put the file back from a copy: without it the stored credentials cannot be read",
      },
    );
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const id = digest.subarray(0, 8).toHex();
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  return { id, key };
}
