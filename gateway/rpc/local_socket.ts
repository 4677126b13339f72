/**
 * A socket of this machine beside the gateway's port: HTTP/2 without TLS, for who may enter its
 * folder.
 *
 * They could read the key of the person there as well. It spares them the handshake, which takes
 * longer than what they came for.
 *
 * @module
 */

import { dirname } from "node:path";
import { type PeerCertificate, USER_UNIT } from "../auth/principal.ts";

export interface LocalSocket {
  /** In a folder that its owner alone may enter. What is there is replaced. */
  readonly path: string;
  /** Who everybody is that calls there. */
  readonly peer: PeerCertificate;
}

/** As the certificate that is made for the person says. */
const PERSON = { commonName: "openshell-client", units: [USER_UNIT] } as const;

/** Longest path that the kernel takes for a socket. */
const SOCKET_PATH_BYTES_MAX = 107;

/**
 * Returns the socket for the person `uid`, `null` where there may be none.
 *
 * Fails closed: without a socket, clients take the port. Sandboxes of root run as others, whom the
 * folder keeps out; those of anyone else could be that person themselves.
 */
export async function localSocketAt(path: string, uid: number | null): Promise<LocalSocket | null> {
  const folder = await Deno.lstat(dirname(path));
  const isPrivate = folder.isDirectory && ((folder.mode ?? 0o777) & 0o077) === 0;
  const isShort = new TextEncoder().encode(path).length <= SOCKET_PATH_BYTES_MAX;
  return uid === 0 && folder.uid === 0 && isPrivate && isShort ? { path, peer: PERSON } : null;
}
