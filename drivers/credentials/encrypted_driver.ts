/**
 * Keeps credentials encrypted in the gateway's own database. The default.
 *
 * Each value has a key of its own, used once, and that key is encrypted by the key-encryption key
 * (AES-256-GCM both). Who it belongs to is authenticated with it, so an envelope that is moved to
 * another owner, or changed at all, does not open.
 *
 * @module
 */

import { type CredentialDriver, CredentialError, type CredentialOwner } from "./contract.ts";
import type { KeyEncryptionKey } from "./key_file.ts";

/** Where envelopes are kept, by id. */
export interface EnvelopeTable {
  get(id: string): Promise<string | null>;
  /** Writes one; replaces it where it is there. */
  put(id: string, text: string): Promise<void>;
  delete(id: string): Promise<void>;
  ids(): Promise<readonly string[]>;
}

interface Sealed {
  readonly nonce: string;
  readonly ciphertext: string;
}

/** As stored: JSON with base64. */
interface Envelope {
  readonly version: 1;
  readonly id: string;
  readonly providerId: string;
  readonly key: string;
  readonly algorithm: "AES-256-GCM";
  readonly keyId: string;
  readonly wrappedKey: Sealed;
  readonly value: Sealed;
}

const NONCE_BYTES = 12;
const HANDLE = /^v1:[0-9a-f]{64}$/;

export class EncryptedCredentialDriver implements CredentialDriver {
  readonly name = "encrypted-database";
  readonly #table: EnvelopeTable;
  #current: KeyEncryptionKey;
  /** Besides the current one: of a change of keys that is under way, or did not end. */
  #other: KeyEncryptionKey | null;

  constructor(table: EnvelopeTable, current: KeyEncryptionKey, other: KeyEncryptionKey | null) {
    this.#table = table;
    this.#current = current;
    this.#other = other;
  }

  async store(owner: CredentialOwner, value: string): Promise<string> {
    const id = crypto.getRandomValues(new Uint8Array(32)).toHex();
    await this.#table.put(id, JSON.stringify(await this.#seal(id, owner, value)));
    return `v1:${id}`;
  }

  async resolve(owner: CredentialOwner, handle: string): Promise<string> {
    const envelope = await this.#read(handle);
    if (envelope === null) throw failure("not_found", "read", "it is not there");
    if (envelope.providerId !== owner.providerId || envelope.key !== owner.key) {
      throw failure("permission_denied", "read", "it belongs to somebody else");
    }
    return await this.#open(envelope);
  }

  async delete(handle: string): Promise<void> {
    await this.#table.delete(idOf(handle));
  }

  /**
   * Encrypts the key of every credential anew, with another key-encryption key. One that is
   * interrupted goes on where it was: until it has ended both keys open.
   */
  async rekey(next: KeyEncryptionKey): Promise<number> {
    this.#other = this.#current;
    this.#current = next;
    let changed = 0;
    for (const id of await this.#table.ids()) {
      const envelope = await this.#read(`v1:${id}`);
      if (envelope === null || envelope.keyId === next.id) continue;
      const { providerId, key } = envelope;
      const value = await this.#open(envelope);
      await this.#table.put(id, JSON.stringify(await this.#seal(id, { providerId, key }, value)));
      changed++;
    }
    this.#other = null;
    return changed;
  }

  async #seal(id: string, owner: CredentialOwner, value: string): Promise<Envelope> {
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const bound = associatedData(id, owner);
    try {
      const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
      return {
        version: 1,
        id,
        providerId: owner.providerId,
        key: owner.key,
        algorithm: "AES-256-GCM",
        keyId: this.#current.id,
        wrappedKey: await encrypt(this.#current.key, raw, bound),
        value: await encrypt(key, new TextEncoder().encode(value), bound),
      };
    } finally {
      raw.fill(0);
    }
  }

  async #open({ id, providerId, key, keyId, wrappedKey, value }: Envelope): Promise<string> {
    const wrapping = [this.#current, this.#other].find((candidate) => candidate?.id === keyId);
    if (wrapping === undefined || wrapping === null) {
      throw failure(
        "failed_precondition",
        "read",
        "it is encrypted with another key than the key file's",
      );
    }
    const bound = associatedData(id, { providerId, key });
    try {
      const raw = await decrypt(wrapping.key, wrappedKey, bound);
      const own = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
      raw.fill(0);
      return new TextDecoder("utf-8", { fatal: true }).decode(await decrypt(own, value, bound));
    } catch (cause) {
      throw failure("failed_precondition", "read", "what is stored was changed", { cause });
    }
  }

  async #read(handle: string): Promise<Envelope | null> {
    const id = idOf(handle);
    const text = await this.#table.get(id);
    if (text === null) return null;
    const envelope = JSON.parse(text) as Envelope;
    if (envelope.version === 1 && envelope.id === id) return envelope;
    throw failure("failed_precondition", "read", "what is stored is of another kind");
  }
}

function idOf(handle: string): string {
  if (!HANDLE.test(handle)) throw failure("invalid_argument", "find", "its handle is malformed");
  return handle.slice("v1:".length);
}

function associatedData(id: string, { providerId, key }: CredentialOwner): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify([1, id, providerId, key]));
}

async function encrypt(
  key: CryptoKey,
  text: Uint8Array<ArrayBuffer>,
  additionalData: Uint8Array<ArrayBuffer>,
): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, text);
  return { nonce: iv.toBase64(), ciphertext: new Uint8Array(sealed).toBase64() };
}

async function decrypt(
  key: CryptoKey,
  { nonce, ciphertext }: Sealed,
  additionalData: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const iv = Uint8Array.fromBase64(nonce);
  const sealed = Uint8Array.fromBase64(ciphertext);
  const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed);
  return new Uint8Array(opened);
}

function failure(
  code: ConstructorParameters<typeof CredentialError>[0],
  operation: string,
  detail: string,
  options: ErrorOptions = {},
): CredentialError {
  return new CredentialError(code, operation, detail, options);
}
