/**
 * A certificate authority for one test run, made with `openssl`.
 *
 * @module
 */

import { mustRun } from "./commands.ts";

const SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt";

/** Files of a certificate and its key, in PEM. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Name in the certificates that it issues, so that a client can see who did. */
export const TEST_AUTHORITY_NAME = "OpenShell test authority";

export class TestAuthority {
  private constructor(
    readonly folder: string,
    /** The authority's own certificate. */
    readonly certificateFile: string,
    /** The system's certificates and this one: for `SSL_CERT_FILE`. */
    readonly bundleFile: string,
  ) {}

  static async create(folder: string): Promise<TestAuthority> {
    await Deno.mkdir(folder, { recursive: true });
    const certificateFile = `${folder}/ca.pem`;
    await mustRun([
      ...["openssl", "req", "-x509", "-days", "2", "-nodes", "-subj", `/CN=${TEST_AUTHORITY_NAME}`],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", `${folder}/ca.key`],
      ...["-out", certificateFile, "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    ]);
    const bundleFile = `${folder}/bundle.pem`;
    const system = await readIfThere(SYSTEM_BUNDLE);
    await Deno.writeTextFile(bundleFile, system + await Deno.readTextFile(certificateFile));
    return new TestAuthority(folder, certificateFile, bundleFile);
  }

  /** Issues a certificate for all names; addresses among them are names of their kind. */
  async issue(label: string, names: readonly string[]): Promise<Certificate> {
    const certificateFile = `${this.folder}/${label}.pem`;
    const keyFile = `${this.folder}/${label}.key`;
    const alternatives = names.map((name) => `${/^[\d.]+$|:/.test(name) ? "IP" : "DNS"}:${name}`);
    await mustRun([
      ...["openssl", "req", "-x509", "-days", "2", "-nodes", "-subj", `/CN=${names[0]}`],
      ...["-CA", this.certificateFile, "-CAkey", `${this.folder}/ca.key`],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", keyFile],
      ...["-out", certificateFile, "-addext", `subjectAltName=${alternatives.join(",")}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-addext", "extendedKeyUsage=serverAuth"],
    ]);
    return { certificateFile, keyFile };
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
