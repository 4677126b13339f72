/**
 * Puts real values in the place of placeholders, in the head of one request that the policy has
 * allowed.
 *
 * Only where each value belongs: its host, port and path. What is not replaced does not go on: a
 * placeholder in a name, in an encoding that a server would undo, or for another place.
 *
 * A credential that the sandbox brought itself does not go to a host that has one of ours.
 *
 * Pure but for the values.
 *
 * @module
 */

import { CREDENTIAL_HEAD_BYTES_MAX } from "./limits.ts";
import type { HeaderField } from "../egress/http1/header_fields.ts";
import type { CredentialSet, Place } from "./credential_set.ts";
import { isForeign, withoutForeignCookies } from "./foreign_credentials.ts";
import { holdsMarker } from "./placeholder.ts";
import { orRefused, Refusal, type Refused } from "./refusal.ts";
import { Resolver } from "./resolver.ts";

export type Injection =
  /** It holds no placeholder and goes on as it is. */
  | { readonly kind: "none" }
  | {
    readonly kind: "injected";
    readonly fields: readonly HeaderField[];
    readonly target: string;
    /** Keys whose values are in it now. */
    readonly keys: readonly string[];
    /** What must not come back: a function, so that printing shows nothing. */
    readonly secrets: () => readonly string[];
  }
  | Refused;

export interface InjectionRequest {
  readonly fields: readonly HeaderField[];
  /** Canonical path, and the query as sent. */
  readonly target: string;
  readonly place: Place;
  readonly nowMs: number;
}

/** Returns what goes on, or why nothing does. */
export function injectCredentials(set: CredentialSet, request: InjectionRequest): Injection {
  return orRefused(() => inject(set, request));
}

function inject(set: CredentialSet, request: InjectionRequest): Injection {
  const { target, place, nowMs } = request;
  const question = target.indexOf("?");
  const [path, query] = question < 0
    ? [target, null]
    : [target.slice(0, question), target.slice(question + 1)];
  const isBound = set.isBoundHost(place);
  const sent = isBound ? withoutForeignCookies(request.fields) : request.fields;
  const resolver = new Resolver({ set, place, nowMs, valueBytesMax: CREDENTIAL_HEAD_BYTES_MAX });
  const fields = sent.map((field) => injectField(field, resolver));
  const newQuery = query === null ? "" : `?${injectQuery(query, resolver)}`;
  const newTarget = injectPath(path, resolver) + newQuery;
  if (isBound && isForeign(sent, query ?? "", set.names)) {
    throw new Refusal("foreign_credential", null);
  }
  const { keys } = resolver;
  if (keys.length === 0 && sent === request.fields) return { kind: "none" };
  return { kind: "injected", fields, target: newTarget, keys, secrets: () => resolver.secrets() };
}

function injectField([name, value]: HeaderField, resolver: Resolver): HeaderField {
  if (holdsMarker(name)) throw new Refusal("credential_misplaced", null);
  const basic = /^(Basic +)([A-Za-z0-9+/]+={0,2})$/i.exec(value);
  if (basic !== null) {
    const [, scheme = "", encoded = ""] = basic;
    const text = decodeBase64(encoded);
    if (text === null || !holdsMarker(text)) return [name, value];
    const filled = encodeBase64(resolver.replaceAll(text, "text"));
    resolver.addSecret(filled);
    return [name, scheme + filled];
  }
  return [name, resolver.replaceAll(value, "text")];
}

/** A value fills a part of one segment, and cannot make another path of it. */
function injectPath(path: string, resolver: Resolver): string {
  return resolver.replaceAll(path, "url", (reference) => {
    const value = resolver.resolve(reference);
    if (/[/\\?#%;]|\.\./.test(value)) throw new Refusal("credential_invalid", null);
    return encode(value, resolver);
  });
}

function injectQuery(query: string, resolver: Resolver): string {
  return query.split("&").map((part) => {
    const at = part.indexOf("=");
    const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at)];
    if (holdsMarker(name)) throw new Refusal("credential_misplaced", null);
    return name + resolver.replaceAll(
      value,
      "url",
      (reference) => encode(resolver.resolve(reference), resolver),
    );
  }).join("&");
}

function encode(value: string, resolver: Resolver): string {
  const encoded = encodeURIComponent(value);
  resolver.addSecret(encoded);
  return encoded;
}

/** Bytes as text, one character a byte, so that nothing of it is lost. */
function decodeBase64(text: string): string | null {
  try {
    return atob(text);
  } catch {
    return null;
  }
}

/** Characters beyond a byte come from a value alone. */
function encodeBase64(text: string): string {
  const isBytes = /^[\0-\xff]*$/.test(text);
  if (isBytes) return btoa(text);
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
