/**
 * Tells the programs of a sandbox, and the supervisor itself, which certificates to trust.
 *
 * A sandbox gets two files: its own authority, and a bundle of that and what the machine trusts.
 * Only certificates are taken over from the machine's file, which may hold a key as well.
 *
 * @module
 */

import { CA_BUNDLE_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import { TrustFilesError } from "./tls_error.ts";

/** Bundles of Debian, RHEL, openSUSE and Alpine. */
export const SYSTEM_BUNDLES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

const CA_FILE = "openshell-ca.pem";
const BUNDLE_FILE = "ca-bundle.pem";

/** What was written. */
export interface TrustFiles {
  /** File with the machine's certificates, or `null`: then the sandbox trusts its own alone. */
  readonly systemBundle: string | null;
}

export interface TrustOptions {
  /** One variable of the supervisor's environment. */
  readonly readVariable?: (name: string) => string | undefined;
  /** Bundles to look for where `SSL_CERT_FILE` leads to none. */
  readonly bundles?: readonly string[];
}

/**
 * Writes both files, readable for everyone, into a folder that is there.
 *
 * @throws {TrustFilesError}
 */
export async function writeTrustFiles(
  directory: string,
  caPem: string,
  options: TrustOptions = {},
): Promise<TrustFiles> {
  const system = await findBundle(options);
  try {
    await writeReadable(`${directory}/${CA_FILE}`, caPem);
    await writeReadable(`${directory}/${BUNDLE_FILE}`, (system?.certificates ?? "") + caPem);
  } catch (error) {
    throw new TrustFilesError(directory, (error as Error).message, { cause: error });
  }
  return { systemBundle: system?.path ?? null };
}

/** Returns the variables that lead programs to the files, in a folder as the sandbox sees it. */
export function trustEnvironment(directory: string): Readonly<Record<string, string>> {
  const ca = `${directory}/${CA_FILE}`;
  const bundle = `${directory}/${BUNDLE_FILE}`;
  return {
    SSL_CERT_FILE: bundle,
    REQUESTS_CA_BUNDLE: bundle,
    CURL_CA_BUNDLE: bundle,
    GIT_SSL_CAINFO: bundle,
    // These two add to what the program trusts anyway.
    NODE_EXTRA_CA_CERTS: ca,
    DENO_CERT: ca,
  };
}

/**
 * Returns the variables with which a supervisor has to start so that it trusts what the machine
 * trusts: see `connect_tls.ts`. Without a bundle on the machine there are none, and it trusts the
 * authorities that came with it.
 */
export async function upstreamTrustEnvironment(
  options: TrustOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const bundle = await findBundle(options);
  return bundle === null ? {} : { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: bundle.path };
}

/** Returns the certificates of the machine as PEM, for who connects by itself; empty without any. */
export async function machineCertificates(options: TrustOptions = {}): Promise<string> {
  return (await findBundle(options))?.certificates ?? "";
}

interface Bundle {
  readonly path: string;
  /** PEM blocks, each with a line break at its end. */
  readonly certificates: string;
}

async function findBundle(
  { readVariable = Deno.env.get, bundles = SYSTEM_BUNDLES }: TrustOptions,
): Promise<Bundle | null> {
  const given = readVariable("SSL_CERT_FILE") ?? "";
  for (const path of given === "" ? bundles : [given, ...bundles]) {
    const certificates = await readCertificates(path);
    if (certificates !== "") return { path, certificates };
  }
  return null;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Returns the empty text for a file that is of no use: the next one may be. */
async function readCertificates(path: string): Promise<string> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile || size > CA_BUNDLE_BYTES_MAX) return "";
    const text = await Deno.readTextFile(path);
    return (text.match(CERTIFICATE) ?? []).map((block) => `${block}\n`).join("");
  } catch {
    // Missing and unreadable are the same here: nothing can be taken over.
    return "";
  }
}

/** Whatever the umask is: the sandbox runs as another user. */
async function writeReadable(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, 0o644);
}
