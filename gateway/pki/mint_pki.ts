/**
 * Makes a gateway's keys and certificates. Nothing here touches the file system.
 *
 * @module
 */

import { parseIp } from "../../policy-wasm/ip.ts";
import {
  type Authority,
  createAuthority,
  issueCertificate,
} from "../../drivers/system/pki/certificate.ts";
import { exportKeyPem, type SigningKey } from "../../drivers/system/pki/keys.ts";
import { encodePem } from "../../drivers/system/pki/pem.ts";
import { LEAF_ROLES, type LeafRole, type PkiFile, pkiFiles } from "./pki_files.ts";

/** A file with what it is to hold. */
export interface MintedFile extends PkiFile {
  readonly text: string;
}

export interface MintOptions {
  /** Names and addresses under which clients reach the gateway. */
  readonly sans: readonly string[];
  readonly now: Date;
}

const AUTHORITY_DAYS = 3_650;
const LEAF_DAYS = 365;

/** What the certificates say; authorization goes by it. */
const SUBJECTS: Readonly<
  Record<LeafRole, { readonly commonName: string; readonly organizationalUnit?: string }>
> = {
  server: { commonName: "openshell-server" },
  client: { commonName: "openshell-client", organizationalUnit: "openshell-user" },
  supervisor: { commonName: "openshell-supervisor", organizationalUnit: "openshell-supervisor" },
};

const FILES = pkiFiles("");

/** Makes everything. */
export async function mintPki(options: MintOptions): Promise<readonly MintedFile[]> {
  const authority = await createAuthority({
    organization: "openshell",
    commonName: "openshell-ca",
    days: AUTHORITY_DAYS,
    extractable: true,
    now: options.now,
  });
  const leaves = LEAF_ROLES.map((role) => mintLeaf(authority, role, options));
  return [
    { path: FILES.ca.certificate, isSecret: false, text: authority.certPem },
    { path: FILES.ca.key, isSecret: true, text: await exportKeyPem(authority.key) },
    ...(await Promise.all(leaves)).flat(),
    ...await mintSigningKey(),
  ];
}

/** Makes the certificate of one role; with a key of its own, or for one that is there. */
export async function mintLeaf(
  authority: Authority,
  role: LeafRole,
  options: MintOptions & { readonly key?: SigningKey },
): Promise<readonly MintedFile[]> {
  const { sans, now, key } = options;
  const { certPem, keyPem } = await issueCertificate(authority, {
    ...SUBJECTS[role],
    dnsNames: role === "server" ? sans.filter((san) => parseIp(san) === null) : [],
    ipAddresses: role === "server" ? sans.filter((san) => parseIp(san) !== null) : [],
    usage: role === "server" ? "server" : "client",
    days: LEAF_DAYS,
    now,
    ...(key === undefined ? {} : { key }),
  });
  return [
    { path: FILES[role].certificate, isSecret: false, text: certPem },
    { path: FILES[role].key, isSecret: true, text: keyPem },
  ];
}

/** Makes the key that signs the tokens of sandboxes. */
export async function mintSigningKey(): Promise<readonly MintedFile[]> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { privateKey, publicKey } = pair as CryptoKeyPair;
  const privateDer = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  const publicDer = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  return [
    { path: FILES.jwt.signing, isSecret: true, text: encodePem("PRIVATE KEY", privateDer) },
    { path: FILES.jwt.public, isSecret: false, text: encodePem("PUBLIC KEY", publicDer) },
    { path: FILES.jwt.keyId, isSecret: false, text: await keyIdOf(publicDer) },
  ];
}

/** Returns the `kid` of a public key: the first 16 bytes of the SHA-256 of its DER, in hex. */
export async function keyIdOf(publicDer: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", publicDer);
  return new Uint8Array(digest).subarray(0, 16).toHex();
}
