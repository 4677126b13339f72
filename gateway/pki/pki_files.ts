/**
 * Where a gateway keeps its keys and certificates, below one folder that only its owner may enter.
 *
 * @module
 */

/** Who has a certificate from the gateway's authority. */
export const LEAF_ROLES = ["server", "client", "supervisor"] as const;
export type LeafRole = (typeof LEAF_ROLES)[number];

/** A certificate and its private key. */
export interface PairFiles {
  readonly certificate: string;
  readonly key: string;
}

/** Paths of all files. */
export interface PkiFiles {
  readonly directory: string;
  readonly ca: PairFiles;
  readonly server: PairFiles;
  readonly client: PairFiles;
  readonly supervisor: PairFiles;
  readonly jwt: { readonly signing: string; readonly public: string; readonly keyId: string };
}

/** Returns the layout below a folder; `""` gives it relative to that. */
export function pkiFiles(directory: string): PkiFiles {
  const at = (path: string) => directory === "" ? path : `${directory}/${path}`;
  const leaf = (role: LeafRole): PairFiles => ({
    certificate: at(`${role}/tls.crt`),
    key: at(`${role}/tls.key`),
  });
  return {
    directory,
    ca: { certificate: at("ca.crt"), key: at("ca.key") },
    server: leaf("server"),
    client: leaf("client"),
    supervisor: leaf("supervisor"),
    jwt: { signing: at("jwt/signing.pem"), public: at("jwt/public.pem"), keyId: at("jwt/kid") },
  };
}

/** One file, in the order in which they are looked for. */
export interface PkiFile {
  /** Relative to the folder. */
  readonly path: string;
  /** Whether nobody else may read it. */
  readonly isSecret: boolean;
}

const { ca, jwt, ...LEAVES } = pkiFiles("");

/** Every file that has to be there. */
export const PKI_FILES: readonly PkiFile[] = [
  { path: ca.certificate, isSecret: false },
  { path: ca.key, isSecret: true },
  ...LEAF_ROLES.flatMap((role) => [
    { path: LEAVES[role].certificate, isSecret: false },
    { path: LEAVES[role].key, isSecret: true },
  ]),
  { path: jwt.signing, isSecret: true },
  { path: jwt.public, isSecret: false },
  { path: jwt.keyId, isSecret: false },
];
