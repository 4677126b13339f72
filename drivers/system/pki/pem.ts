/**
 * Wraps DER as PEM text, and unwraps it (RFC 7468).
 *
 * @module
 */

import type { Bytes } from "./der.ts";
import { EncodingError } from "./pki_error.ts";

/** What a PEM block holds, as its first line says. */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY" | "PUBLIC KEY";

/** Returns a PEM block with a line break at its end. */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/**
 * Returns the bytes of the only block in a text.
 *
 * @throws {EncodingError} Without quoting the text, which may be a key.
 */
export function decodePem(label: PemLabel, text: string): Bytes {
  const pattern = new RegExp(
    `^-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----$`,
  );
  const [, body] = pattern.exec(text.trim()) ?? [];
  if (body === undefined || body.trim() === "") {
    throw new EncodingError("PEM", `it is not one block of "${label}"`);
  }
  try {
    return Uint8Array.fromBase64(body);
  } catch {
    throw new EncodingError("PEM", "it is not base64");
  }
}
