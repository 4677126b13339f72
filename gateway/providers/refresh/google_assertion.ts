/**
 * Says as a Google service account who it is: a token that its private key has signed.
 *
 * Pure: no I/O, no clock, no module state.
 *
 * @module
 */

import { createPrivateKey, createSign, type KeyObject } from "node:crypto";
import { MintError } from "./refresh_errors.ts";

export interface Assertion {
  readonly clientEmail: string;
  /** PEM of an RSA key. Line breaks may be written as in JSON. */
  readonly privateKey: string;
  /** Person in whose name the account acts; empty for itself. */
  readonly subject: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
}

/** Returns the token. @throws {MintError} where the key is of no use. */
export function signAssertion(assertion: Assertion): string {
  const issuedAt = Math.floor(assertion.nowMs / 1000);
  const claims = {
    iss: assertion.clientEmail,
    ...assertion.subject === "" ? {} : { sub: assertion.subject },
    scope: assertion.scopes.join(" "),
    aud: assertion.audience,
    iat: issuedAt,
    exp: issuedAt + assertion.lifetimeSeconds,
  };
  const signed = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
  const key = readKey(assertion.privateKey);
  const signature = createSign("RSA-SHA256").update(signed).sign(key);
  return `${signed}.${toBase64Url(new Uint8Array(signature))}`;
}

function readKey(text: string): KeyObject {
  const pem = text.includes("\n") ? text : text.replaceAll("\\n", "\n");
  let key: KeyObject | null = null;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The reason may quote the key.
  }
  if (key?.asymmetricKeyType === "rsa") return key;
  throw new MintError("failed_precondition", "material private_key is no RSA key in PEM");
}

function encode(value: unknown): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
}

function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
