/**
 * Writes X.509 certificates: an authority, and what it issues (RFC 5280).
 *
 * Keys are ECDSA on P-256, signatures are with SHA-256. Nothing here touches the file system.
 *
 * @module
 */

import { parseIp } from "../../../policy-wasm/ip.ts";
import {
  bitString,
  boolean,
  type Bytes,
  explicit,
  implicit,
  objectIdentifier,
  octetString,
  readElement,
  readElements,
  sequence,
  set,
  Tag,
  time,
  unsignedInteger,
  utf8String,
} from "./der.ts";
import {
  createSigningKey,
  exportKeyPem,
  keyIdentifier,
  loadSigningKey,
  signDer,
  type SigningKey,
} from "./keys.ts";
import { decodePem, encodePem } from "./pem.ts";
import { CertificateRequestError, EncodingError } from "./pki_error.ts";

/** Whoever signs certificates. */
export interface Authority {
  readonly certPem: string;
  readonly key: SigningKey;
  /** Its own name, in DER. */
  readonly name: Bytes;
  readonly keyId: Bytes;
  readonly notAfter: Date;
}

export interface AuthorityRequest {
  readonly commonName: string;
  readonly organization: string;
  readonly days: number;
  /** Whether the private key may leave WebCrypto, to be stored. */
  readonly extractable: boolean;
  /** Now, where left out. */
  readonly now?: Date;
}

/** What a certificate is for. */
export type Usage = "server" | "client" | "both";

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizationalUnit?: string;
  /** ASCII, in the form of the wire. A first label may be `*`. */
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly usage: Usage;
  /** At most as long as the authority itself is valid. */
  readonly days: number;
  /** A key to share; a new one where left out. It has to be extractable. */
  readonly key?: SigningKey;
  /** Now, where left out. */
  readonly now?: Date;
}

/** A certificate with its private key. */
export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly notAfter: Date;
}

/** Makes an authority that signs leaves only. */
export async function createAuthority(request: AuthorityRequest): Promise<Authority> {
  const key = await createSigningKey(request);
  const keyId = await keyIdentifier(key.publicDer);
  const name = nameOf([[Oid.organization, request.organization], [
    Oid.commonName,
    request.commonName,
  ]]);
  const { notBefore, notAfter } = validity(request);
  const certPem = await sign(key, {
    issuer: name,
    subject: name,
    notBefore,
    notAfter,
    publicDer: key.publicDer,
    extensions: [
      // No further authority may stand between this one and a leaf.
      extension(Oid.basicConstraints, sequence(boolean(true), unsignedInteger(Uint8Array.of(0))), {
        critical: true,
      }),
      extension(Oid.keyUsage, bitString(Uint8Array.of(0b0000_0110), 1), { critical: true }),
      extension(Oid.subjectKeyIdentifier, octetString(keyId)),
    ],
  });
  return { certPem, key, name, keyId, notAfter };
}

/**
 * Loads an authority that was stored.
 *
 * @throws {EncodingError} When either text is not what it should be, or they do not belong together.
 */
export async function loadAuthority(certPem: string, keyPem: string): Promise<Authority> {
  const facts = readCertificate(decodePem("CERTIFICATE", certPem));
  const { name, publicDer, keyId, notAfter } = facts;
  const key = await loadSigningKey(keyPem, publicDer);
  return { certPem, key, name, keyId: keyId ?? await keyIdentifier(publicDer), notAfter };
}

/**
 * Issues a certificate.
 *
 * @throws {CertificateRequestError} When a name or an address in it is not one.
 */
export async function issueCertificate(
  authority: Authority,
  request: CertificateRequest,
): Promise<IssuedCertificate> {
  const alternatives = alternativeNames(request);
  const key = request.key ?? await createSigningKey({ extractable: true });
  const wanted = validity(request);
  const notAfter = wanted.notAfter < authority.notAfter ? wanted.notAfter : authority.notAfter;
  const subject = subjectOf(request);
  const hasSubject = readElement(subject).content.length > 0;
  const certPem = await sign(authority.key, {
    issuer: authority.name,
    subject,
    notBefore: wanted.notBefore,
    notAfter,
    publicDer: key.publicDer,
    extensions: [
      extension(Oid.basicConstraints, sequence(), { critical: true }),
      extension(Oid.keyUsage, bitString(Uint8Array.of(0b1000_0000), 7), { critical: true }),
      extension(Oid.extendedKeyUsage, sequence(...PURPOSES[request.usage].map(objectIdentifier))),
      extension(Oid.subjectKeyIdentifier, octetString(await keyIdentifier(key.publicDer))),
      extension(Oid.authorityKeyIdentifier, sequence(implicit(0, authority.keyId))),
      ...(alternatives.length === 0 ? [] : [
        extension(Oid.subjectAlternativeName, sequence(...alternatives), { critical: !hasSubject }),
      ]),
    ],
  });
  return { certPem, keyPem: await exportKeyPem(key), notAfter };
}

const Oid = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  serverAuthentication: "1.3.6.1.5.5.7.3.1",
  clientAuthentication: "1.3.6.1.5.5.7.3.2",
} as const;

const PURPOSES: Readonly<Record<Usage, readonly string[]>> = {
  server: [Oid.serverAuthentication],
  client: [Oid.clientAuthentication],
  both: [Oid.serverAuthentication, Oid.clientAuthentication],
};

/** Names in a subject hold no more characters than this (RFC 5280, `ub-common-name`). */
const NAME_LENGTH_MAX = 64;

const DAY_MS = 86_400_000;

/**
 * Clocks of other machines, and of this one after a jump, may be behind, by days where a battery is
 * empty or a snapshot was restored. All who use what we sign have it from us, and nobody could have
 * used its key before there was one: an early start grants nothing, a late one cuts them off.
 */
const BACKDATED_MS = 30 * DAY_MS;

/** What `loadAuthority` needs of a certificate. */
interface CertificateFacts {
  readonly name: Bytes;
  readonly publicDer: Bytes;
  /** As the certificate says it: other programs have other ways to make one. */
  readonly keyId: Bytes | null;
  readonly notAfter: Date;
}

interface Unsigned {
  readonly issuer: Bytes;
  readonly subject: Bytes;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicDer: Bytes;
  readonly extensions: readonly Bytes[];
}

async function sign(signer: SigningKey, unsigned: Unsigned): Promise<string> {
  const algorithm = sequence(objectIdentifier(Oid.ecdsaWithSha256));
  const body = sequence(
    explicit(0, unsignedInteger(Uint8Array.of(2))),
    unsignedInteger(serialNumber()),
    algorithm,
    unsigned.issuer,
    sequence(time(unsigned.notBefore), time(unsigned.notAfter)),
    unsigned.subject,
    unsigned.publicDer,
    explicit(3, sequence(...unsigned.extensions)),
  );
  const signature = await signDer(signer, body);
  return encodePem("CERTIFICATE", sequence(body, algorithm, bitString(signature)));
}

/** 126 random bits in 16 bytes: always positive, always of the same length. */
function serialNumber(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes;
}

function validity(
  { days, now = new Date() }: { readonly days: number; readonly now?: Date },
): { readonly notBefore: Date; readonly notAfter: Date } {
  const at = Math.floor(now.getTime() / 1000) * 1000;
  return { notBefore: new Date(at - BACKDATED_MS), notAfter: new Date(at + days * DAY_MS) };
}

function extension(
  oid: string,
  value: Bytes,
  { critical = false }: { readonly critical?: boolean } = {},
): Bytes {
  // DER leaves out what is the default, and "not critical" is.
  const flag = critical ? [boolean(true)] : [];
  return sequence(objectIdentifier(oid), ...flag, octetString(value));
}

function nameOf(attributes: readonly (readonly [oid: string, value: string])[]): Bytes {
  return sequence(
    ...attributes.map(([oid, value]) => set(sequence(objectIdentifier(oid), utf8String(value)))),
  );
}

/** A host may be longer than a common name can be; then the alternative names alone say it. */
function subjectOf({ commonName, organizationalUnit, dnsNames }: CertificateRequest): Bytes {
  const isTooLong = [...commonName].length > NAME_LENGTH_MAX;
  if (isTooLong && !dnsNames.includes(commonName)) {
    throw new CertificateRequestError(commonName, `the name exceeds ${NAME_LENGTH_MAX} characters`);
  }
  return nameOf([
    ...(organizationalUnit === undefined
      ? []
      : [[Oid.organizationalUnit, organizationalUnit] as const]),
    ...(isTooLong ? [] : [[Oid.commonName, commonName] as const]),
  ]);
}

/** GeneralName: 2 is a DNS name, 7 an address in 4 or 16 bytes. */
function alternativeNames({ dnsNames, ipAddresses }: CertificateRequest): readonly Bytes[] {
  const names = dnsNames.map((name) => {
    if (!isDnsName(name)) throw new CertificateRequestError(name, "it is not a DNS name");
    return implicit(2, new TextEncoder().encode(name));
  });
  return [...names, ...ipAddresses.map((address) => implicit(7, addressBytes(address)))];
}

/** INVARIANT: no byte beyond ASCII and no NUL, which some programs read as the end of a name. */
function isDnsName(name: string): boolean {
  return name.length <= 253 &&
    /^(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i.test(name) &&
    parseIp(name) === null;
}

function addressBytes(text: string): Uint8Array {
  const address = parseIp(text);
  if (address === null) throw new CertificateRequestError(text, "it is not an IP address");
  const digits = address.value.toString(16).padStart(address.version === 4 ? 8 : 32, "0");
  return Uint8Array.fromHex(digits);
}

function readCertificate(der: Bytes): CertificateFacts {
  const [body] = readElements(readElement(der).content);
  const fields = body?.tag === Tag.sequence ? readElements(body.content) : [];
  const [version, , , , dates, subject, publicKey, ...more] = fields;
  if (version?.tag !== 0xa0 || publicKey === undefined) {
    throw new EncodingError("certificate", "it is not X.509 in version 3");
  }
  const [, notAfter] = readElements(dates!.content);
  if (notAfter === undefined) throw new EncodingError("certificate", "it has no end");
  return {
    name: subject!.whole,
    publicDer: publicKey.whole,
    keyId: readKeyId(more.find(({ tag }) => tag === 0xa3)?.content),
    notAfter: readTime(notAfter),
  };
}

function readKeyId(extensions: Bytes | undefined): Bytes | null {
  if (extensions === undefined) return null;
  const oid = objectIdentifier(Oid.subjectKeyIdentifier).toHex();
  for (const { content } of readElements(readElement(extensions).content)) {
    const parts = readElements(content);
    if (parts[0]?.whole.toHex() === oid) return readElement(parts.at(-1)!.content).content;
  }
  return null;
}

function readTime({ tag, content }: { readonly tag: number; readonly content: Bytes }): Date {
  const text = new TextDecoder().decode(content);
  // Two digits stand for 1950 to 2049.
  const century = text < "50" ? "20" : "19";
  const digits = tag === Tag.utcTime ? century + text : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (parts === null) throw new EncodingError("certificate", "a time in it is not one");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(
    Number,
  );
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}
