/**
 * Puts real values in the place of placeholders, in a body whose endpoint asks for that.
 *
 * JSON stays JSON: values go into strings alone, escaped. Forms stay forms: values are encoded. Names
 * of fields hold no placeholder, or a value would decide what the others mean.
 *
 * Pure but for the values.
 *
 * @module
 */

import { MarkerGuard } from "./marker_guard.ts";
import { holdsMarker } from "./placeholder.ts";
import { orRefused, Refusal, type Refused } from "./refusal.ts";
import type { Resolver } from "./resolver.ts";

/** How a body is read. */
export type BodyForm = "json" | "form" | "text";

export type BodyInjection = { readonly kind: "body"; readonly body: Uint8Array } | Refused;

/** Returns how a body of that `Content-Type` is read; `null` where placeholders are not replaced. */
export function bodyFormOf(contentType: string | null): BodyForm | null {
  const [type = "", ...parameters] = (contentType ?? "").toLowerCase().split(";");
  const charsets = parameters.map((text) => text.trim()).filter((text) => /^charset\b/.test(text));
  if (!charsets.every((text) => /^charset="?(?:utf-8|us-ascii)"?$/.test(text))) return null;
  const name = type.trim();
  if (name === "application/x-www-form-urlencoded") return "form";
  if (/^application\/(?:json|[a-z0-9.-]+\+json)$/.test(name)) return "json";
  return /^text\/[a-z0-9.+-]+$/.test(name) ? "text" : null;
}

/** Returns the body with values, or why it does not go on. */
export function injectBody(body: Uint8Array, form: BodyForm, resolver: Resolver): BodyInjection {
  return orRefused(() => {
    const text = decode(body);
    if (text === null) return refuseMarkers(body);
    const filled = fill(text, form, resolver);
    return { kind: "body", body: filled === text ? body : new TextEncoder().encode(filled) };
  });
}

function fill(text: string, form: BodyForm, resolver: Resolver): string {
  if (form === "text") return resolver.replaceAll(text, "text");
  return form === "form" ? fillForm(text, resolver) : fillJson(text, resolver);
}

/** What is not UTF-8 is not filled, and so holds nothing that would have to be. */
function refuseMarkers(body: Uint8Array): BodyInjection {
  if (new MarkerGuard().push(body).kind === "found") {
    throw new Refusal("credential_misplaced", null);
  }
  return { kind: "body", body };
}

const JSON_STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/** Each string is looked at by itself, so that numbers and order stay as they were written. */
function fillJson(text: string, resolver: Resolver): string {
  if (!isJson(text)) {
    // A lenient server might read strings where this reader sees none.
    if (holdsMarker(text.replaceAll(/\\u00([0-7][0-9a-f])/gi, unescape))) {
      throw new Refusal("credential_misplaced", null);
    }
    return text;
  }
  return text.replaceAll(JSON_STRING, (token, offset: number) => {
    const value = JSON.parse(token) as string;
    if (!holdsMarker(value)) return token;
    if (isColonNext(text, offset + token.length)) throw new Refusal("credential_misplaced", null);
    const filled = JSON.stringify(resolver.replaceAll(value, "text"));
    resolver.addSecret(filled.slice(1, -1));
    return filled;
  });
}

function isColonNext(text: string, from: number): boolean {
  let at = from;
  while (/[ \t\r\n]/.test(text[at] ?? "")) at += 1;
  return text[at] === ":";
}

function unescape(_: string, digits: string): string {
  return String.fromCharCode(parseInt(digits, 16));
}

/** Whether a text is one JSON value. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function fillForm(text: string, resolver: Resolver): string {
  return text.split("&").map((part) => {
    const at = part.indexOf("=");
    const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
    if (holdsMarker(name)) throw new Refusal("credential_misplaced", null);
    if (!holdsMarker(value)) return part;
    const decoded = decodeForm(value);
    if (decoded === null) throw new Refusal("credential_misplaced", null);
    const filled = encodeURIComponent(resolver.replaceAll(decoded, "text"));
    resolver.addSecret(filled);
    return `${name}=${filled}`;
  }).join("&");
}

function decodeForm(value: string): string | null {
  try {
    return decodeURIComponent(value.replaceAll("+", " "));
  } catch {
    return null;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
