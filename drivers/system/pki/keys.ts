/**
 * Makes and loads the keys that certificates are about: ECDSA on P-256.
 *
 * @module
 */

import { type Bytes, readElement, readElements, sequence, unsignedInteger } from "./der.ts";
import { decodePem, encodePem } from "./pem.ts";
import { EncodingError } from "./pki_error.ts";

/** A private key, and its public one as certificates carry it. */
export interface SigningKey {
  readonly privateKey: CryptoKey;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicDer: Bytes;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };

/** Makes a key. One that is not extractable never leaves WebCrypto. */
export async function createSigningKey(
  { extractable }: { readonly extractable: boolean },
): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, extractable, ["sign", "verify"]);
  const publicDer = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  return { privateKey: pair.privateKey, publicDer };
}

/** Returns the private key as PEM (PKCS #8). The key has to be extractable. */
export async function exportKeyPem({ privateKey }: SigningKey): Promise<string> {
  const der = await crypto.subtle.exportKey("pkcs8", privateKey);
  return encodePem("PRIVATE KEY", new Uint8Array(der));
}

/**
 * Loads a private key from PEM (PKCS #8). It cannot be exported again, unless that is asked for.
 *
 * @throws {EncodingError} When it is not such a key, or does not belong to `publicDer`.
 */
export async function loadSigningKey(
  pem: string,
  publicDer: Bytes,
  { extractable = false }: { readonly extractable?: boolean } = {},
): Promise<SigningKey> {
  const der = decodePem("PRIVATE KEY", pem);
  let key: SigningKey;
  try {
    const privateKey = await crypto.subtle.importKey("pkcs8", der, ALGORITHM, extractable, [
      "sign",
    ]);
    key = { privateKey, publicDer };
  } catch (error) {
    throw new EncodingError("key", "it is not an ECDSA key on P-256", { cause: error });
  }
  if (await belongsTogether(key)) return key;
  throw new EncodingError("key", "it does not belong to its certificate");
}

/** Returns an ECDSA signature with SHA-256 in DER. */
export async function signDer(key: SigningKey, bytes: Bytes): Promise<Bytes> {
  const raw = new Uint8Array(await crypto.subtle.sign(SIGNATURE, key.privateKey, bytes));
  const half = raw.length / 2;
  return sequence(unsignedInteger(raw.subarray(0, half)), unsignedInteger(raw.subarray(half)));
}

/** Returns the identifier of a public key: 160 bits of its SHA-256 (RFC 7093 section 2). */
export async function keyIdentifier(publicDer: Bytes): Promise<Bytes> {
  const [, key] = readElements(readElement(publicDer).content);
  // The first byte of a BIT STRING says how many bits are unused; it is not part of the key.
  const digest = await crypto.subtle.digest("SHA-256", key!.content.slice(1));
  return new Uint8Array(digest).slice(0, 20);
}

const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };

async function belongsTogether({ privateKey, publicDer }: SigningKey): Promise<boolean> {
  const probe = new Uint8Array(32);
  try {
    const publicKey = await crypto.subtle.importKey("spki", publicDer, ALGORITHM, false, [
      "verify",
    ]);
    const signature = await crypto.subtle.sign(SIGNATURE, privateKey, probe);
    return await crypto.subtle.verify(SIGNATURE, publicKey, signature, probe);
  } catch {
    // A public key of another kind is not that of this private key.
    return false;
  }
}
