/**
 * Signs requests to AWS (Signature Version 4, in headers).
 *
 * The sandbox signs with placeholders, which no service accepts; the proxy drops that signature and
 * makes one with the real keys. What a signature covers is what goes on.
 *
 * Pure: no I/O, no clock, no module state.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import type { HeaderField } from "../egress/http1/header_fields.ts";

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | null;
}

export interface AwsRequest {
  readonly method: string;
  /** As the request says it: with the port where that is not the scheme's. */
  readonly host: string;
  readonly target: string;
  /** Without the headers of another signature: {@link withoutAwsSignature}. */
  readonly fields: readonly HeaderField[];
  /** SHA-256 of the body in hexadecimal, or one of the words that stand for it. */
  readonly payload: string;
}

export interface AwsScope {
  readonly service: string;
  readonly region: string;
  readonly nowMs: number;
}

export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/** Headers of a signature, and what it says of the body. */
const SIGNATURE_HEADERS: ReadonlySet<string> = new Set([
  "authorization",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-security-token",
]);

/** Headers that are signed beside `host` and `x-amz-*`. Others may change on their way. */
const SIGNED_HEADERS: ReadonlySet<string> = new Set(["content-md5", "content-type", "range"]);

const ALGORITHM = "AWS4-HMAC-SHA256";

/** Returns the header fields without those of another signature. */
export function withoutAwsSignature(fields: readonly HeaderField[]): readonly HeaderField[] {
  return fields.filter(([name]) => !SIGNATURE_HEADERS.has(name.toLowerCase()));
}

/**
 * Returns a target whose path is encoded as the clients of AWS have it: the proxy's own form of a path
 * leaves signs as they are that services expect encoded (`:` of a model's name).
 */
export function awsTarget(target: string): string {
  const at = target.indexOf("?");
  const [path, rest] = at < 0 ? [target, ""] : [target.slice(0, at), target.slice(at)];
  return path.split("/").map((segment) => encode(decode(segment))).join("/") + rest;
}

/** Returns the region that a host's name says; `null` where it says none. */
export function regionOf(host: string): string | null {
  const labels = host.split(".").reverse();
  for (const label of labels) {
    const [, region] = /^(?:s3-)?([a-z]{2}(?:-[a-z]+)+-[0-9]{1,2})$/.exec(label) ?? [];
    if (region !== undefined) return region;
  }
  return host.endsWith(".amazonaws.com") ? "us-east-1" : null;
}

/** Returns the header fields with those of a signature. */
export function signAws(request: AwsRequest, keys: AwsKeys, scope: AwsScope): HeaderField[] {
  const time = new Date(scope.nowMs).toISOString().replace(/\.[0-9]+|[-:]/g, "");
  const day = time.slice(0, 8);
  const { service, region } = scope;
  const fields: HeaderField[] = [...request.fields, ["X-Amz-Date", time]];
  // S3 wants to be told; others take the body as it comes, unless it is not signed.
  const isTold = service === "s3" || !/^[0-9a-f]{64}$/.test(request.payload);
  if (isTold) fields.push(["X-Amz-Content-Sha256", request.payload]);
  if (keys.sessionToken !== null) fields.push(["X-Amz-Security-Token", keys.sessionToken]);
  const signed = signedHeaders([...fields, ["host", request.host]]);
  const names = [...signed.keys()].join(";");
  const canonical = [
    request.method,
    canonicalPath(request.target, service),
    canonicalQuery(request.target),
    ...[...signed].map(([name, value]) => `${name}:${value}`),
    "",
    names,
    request.payload,
  ].join("\n");
  const credentialScope = `${day}/${region}/${service}/aws4_request`;
  const text = [ALGORITHM, time, credentialScope, sha256(canonical)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<string | Uint8Array>(
    (previous, part) => hmac(previous, part),
    `AWS4${keys.secretAccessKey}`,
  );
  const signature = new Uint8Array(hmac(key, text)).toHex();
  const credential = `${keys.accessKeyId}/${credentialScope}`;
  fields.push([
    "Authorization",
    `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  ]);
  return fields;
}

/** Returns SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function hmac(key: string | Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

/** Values by name, in the order of names. */
function signedHeaders(fields: readonly HeaderField[]): ReadonlyMap<string, string> {
  const values = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    const isSigned = key === "host" || key.startsWith("x-amz-") || SIGNED_HEADERS.has(key);
    if (!isSigned) continue;
    const list = values.get(key) ?? [];
    list.push(value.trim().replace(/ +/g, " "));
    values.set(key, list);
  }
  const sorted = [...values].sort(([a], [b]) => a < b ? -1 : 1);
  return new Map(sorted.map(([name, list]) => [name, list.join(",")]));
}

/** S3 encodes a path once; all others encode it again as it is on the wire. */
function canonicalPath(target: string, service: string): string {
  const [path = "/"] = target.split("?", 1);
  return path.split("/").map((segment) => encode(service === "s3" ? decode(segment) : segment))
    .join("/");
}

function canonicalQuery(target: string): string {
  const at = target.indexOf("?");
  if (at < 0 || at === target.length - 1) return "";
  return target.slice(at + 1).split("&").filter((part) => part !== "").map((part) => {
    const equals = part.indexOf("=");
    const [name, value] = equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    return [encodeParameter(name), encodeParameter(value)] as const;
  }).sort(([a, x], [b, y]) => a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1)
    .map(([name, value]) => `${name}=${value}`).join("&");
}

function encodeParameter(text: string): string {
  return encode(decode(text.replaceAll("+", " ")));
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** What is no encoding is itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
