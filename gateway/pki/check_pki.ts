/**
 * Makes sure that a gateway's keys and certificates are what they should be, and fit each other.
 *
 * Pure, but for the clock that comes in: texts in, facts out.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { type Authority, loadAuthority } from "../../drivers/system/pki/certificate.ts";
import { loadSigningKey, type SigningKey } from "../../drivers/system/pki/keys.ts";
import { decodePem } from "../../drivers/system/pki/pem.ts";
import { EncodingError } from "../../drivers/system/pki/pki_error.ts";
import { formatIp, parseIp } from "../../policy-wasm/ip.ts";
import { keyIdOf, type MintOptions } from "./mint_pki.ts";
import { PkiFileError } from "./pki_error.ts";
import { LEAF_ROLES, type LeafRole, type PairFiles, type PkiFiles } from "./pki_files.ts";

/** What the files hold, by their paths. */
export type PkiTexts = ReadonlyMap<string, string>;

/** A certificate that is to be issued anew, for the key that it has. */
export interface Renewal {
  readonly role: LeafRole;
  readonly key: SigningKey;
}

export interface PkiFacts {
  readonly authority: Authority;
  readonly renewals: readonly Renewal[];
}

/** A certificate with less left than this is issued anew. */
const RENEWAL_MS = 30 * 86_400_000;

/**
 * Checks everything, and returns what has to be issued anew.
 *
 * @throws {PkiFileError} Naming the file that is not what it should be.
 */
export async function checkPki(
  files: PkiFiles,
  texts: PkiTexts,
  options: MintOptions,
): Promise<PkiFacts> {
  const authority = await checkAuthority(files.ca, texts, options.now);
  const renewals: Renewal[] = [];
  for (const role of LEAF_ROLES) {
    // A role that is missing altogether is added by the caller.
    if (!texts.has(files[role].certificate)) continue;
    const key = await checkLeaf(files[role], texts, authority);
    const certificate = parse(texts, files[role].certificate);
    const isStale = endsSoon(certificate, options.now) ||
      (role === "server" && lacksName(certificate, options.sans));
    if (isStale) renewals.push({ role, key });
  }
  if (texts.has(files.jwt.signing)) await checkSigningKey(files.jwt, texts);
  return { authority, renewals };
}

async function checkAuthority(
  { certificate, key }: PairFiles,
  texts: PkiTexts,
  now: Date,
): Promise<Authority> {
  const parsed = parse(texts, certificate);
  if (!parsed.ca) throw new PkiFileError(certificate, "it is not an authority");
  if (endsSoon(parsed, now)) {
    throw new PkiFileError(certificate, `the authority ends on ${parsed.validTo}`, {
      hint: "Remove the folder to start anew: clients on other machines then need the new ones",
    });
  }
  return await described(key, () => loadAuthority(textOf(texts, certificate), textOf(texts, key)));
}

async function checkLeaf(
  { certificate, key }: PairFiles,
  texts: PkiTexts,
  authority: Authority,
): Promise<SigningKey> {
  const parsed = parse(texts, certificate);
  if (!parsed.verify(new X509Certificate(authority.certPem).publicKey)) {
    throw new PkiFileError(certificate, "it is not from the authority in ca.crt");
  }
  const publicDer = Uint8Array.from(parsed.publicKey.export({ type: "spki", format: "der" }));
  return await described(
    key,
    () => loadSigningKey(textOf(texts, key), publicDer, { extractable: true }),
  );
}

async function checkSigningKey(
  { signing, public: publicFile, keyId }: PkiFiles["jwt"],
  texts: PkiTexts,
): Promise<void> {
  const privateDer = await described(
    signing,
    () => decodePem("PRIVATE KEY", textOf(texts, signing)),
  );
  const publicDer = await described(
    publicFile,
    () => decodePem("PUBLIC KEY", textOf(texts, publicFile)),
  );
  const privateKey = await described(
    signing,
    () => crypto.subtle.importKey("pkcs8", privateDer, "Ed25519", false, ["sign"]),
  );
  const publicKey = await described(
    publicFile,
    () => crypto.subtle.importKey("spki", publicDer, "Ed25519", false, ["verify"]),
  );
  const probe = new Uint8Array(32);
  const signature = await crypto.subtle.sign("Ed25519", privateKey, probe);
  if (!await crypto.subtle.verify("Ed25519", publicKey, signature, probe)) {
    throw new PkiFileError(publicFile, "it does not belong to signing.pem");
  }
  if (textOf(texts, keyId).trim() !== await keyIdOf(publicDer)) {
    throw new PkiFileError(keyId, "it does not name the key in public.pem");
  }
}

function endsSoon({ validTo }: X509Certificate, now: Date): boolean {
  // What is not a date counts as past.
  return !(Date.parse(validTo) - now.getTime() >= RENEWAL_MS);
}

function lacksName({ subjectAltName }: X509Certificate, sans: readonly string[]): boolean {
  const names = (subjectAltName ?? "").split(", ").map((name) =>
    canonical(name.replace(/^(DNS|IP Address):/, ""))
  );
  return sans.some((san) => !names.includes(canonical(san)));
}

function canonical(san: string): string {
  const address = parseIp(san);
  return address === null ? san.toLowerCase() : formatIp(address);
}

function parse(texts: PkiTexts, file: string): X509Certificate {
  try {
    return new X509Certificate(textOf(texts, file));
  } catch (error) {
    throw new PkiFileError(file, "it is not a certificate in PEM", { cause: error });
  }
}

/** Names the file in whatever goes wrong. The text of the cause holds nothing of a key. */
async function described<T>(file: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const detail = error instanceof EncodingError ? error.detail : "it is a key of another kind";
    throw new PkiFileError(file, detail, { cause: error });
  }
}

function textOf(texts: PkiTexts, file: string): string {
  return texts.get(file) ?? "";
}
