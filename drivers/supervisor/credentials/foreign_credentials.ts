/**
 * Finds credentials that a program brings itself to a place that has one of ours.
 *
 * With an attacker's key an allowed host takes data to the attacker's account. A request without any
 * credential stays possible: anonymous reads are no way out that a policy did not open.
 *
 * Cookies are dropped rather than refused: clients of APIs keep those that load balancers set, and
 * send them without being asked.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { HeaderField } from "../egress/http1/header_fields.ts";
import { holdsMarker, replacePlaceholders } from "./placeholder.ts";

/** What profiles say beyond the names that are known here, in lower case. */
export interface CredentialNames {
  readonly headers: ReadonlySet<string>;
  readonly parameters: ReadonlySet<string>;
}

/** Headers that say who is asking, and whose names do not end like one. */
const HEADERS: ReadonlySet<string> = new Set([
  "api-key",
  "apikey",
  "auth",
  "authorization",
  "circle-token",
  "fastly-key",
  "npm-otp",
  "ocp-apim-subscription-key",
  "token",
  "x-auth-key",
  "x-authorization",
  "x-functions-key",
  "x-jfrog-art-api",
  "x-original-authorization",
  "x-rapidapi-key",
  "x-shopify-access-token",
  "x-forwarded-authorization",
]);

/** `x-goog-api-key`, `private-token`, `x-amz-security-token`, `dd-application-key`, and so on. */
const HEADER_ENDINGS =
  /-(?:api-?key|application-key|access-key|auth-token|token|secret|password|credentials?)$/;

/** Tokens that say where a request stands, not who sends it. */
const NO_CREDENTIALS =
  /(?:csrf|xsrf|page|next|continuation|sync|client|request|idempotency)-token$/;

const PARAMETERS: ReadonlySet<string> = new Set([
  "access_token",
  "api_key",
  "api-key",
  "apikey",
  "auth_token",
  "authorization",
  "awsaccesskeyid",
  "client_secret",
  "googleaccessid",
  "id_token",
  "job_token",
  "oauth_token",
  "password",
  "private_token",
  "refresh_token",
  "sig",
  "token",
  "x-amz-credential",
  "x-amz-security-token",
  "x-amz-signature",
  "x-goog-credential",
  "x-goog-signature",
]);

/** Names that also mean something else: they count with a value as long as keys are. */
const LONG_PARAMETERS: ReadonlySet<string> = new Set(["auth", "key", "signature"]);
const KEY_CHARS_MIN = 16;

const SCHEME = /^(?:[A-Za-z][A-Za-z-]{0,15} +)?$/;

/** User names beside a placeholder as the password: names, addresses, and nothing as long as keys. */
const USER = /^[A-Za-z0-9_.@+-]{0,64}$/;
const KEY_LIKE =
  /^(?:gh[a-z]_|github_pat_|gl[a-z]{2,6}-|sk-|npm_|pypi-|xox|A[KS]IA|ya29\.|hf_|eyJ)|^[A-Za-z0-9_]{32,}$/;

/** Passwords beside a placeholder as the user: the words that services ask for there. */
const PASSWORD = /^(?:|x|x-oauth-basic|api_token|unused)$/;

/** Returns whether the request brings a credential that is not one of ours. */
export function isForeign(
  fields: readonly HeaderField[],
  query: string,
  more: CredentialNames,
): boolean {
  return fields.some(([name, value]) => namesCredential(name, more) && !isOurs(value)) ||
    query.split(/[&;]/).some((part) => isForeignParameter(part, more));
}

/** Returns the fields without cookies of others. */
export function withoutForeignCookies(fields: readonly HeaderField[]): readonly HeaderField[] {
  if (!fields.some(([name]) => isCookie(name))) return fields;
  return fields.flatMap(([name, value]) => {
    if (!isCookie(name)) return [[name, value] as const];
    const ours = value.split(";").map((pair) => pair.trim()).filter((pair) => {
      const at = pair.indexOf("=");
      return at > 0 && isPlaceholder(pair.slice(at + 1));
    });
    return ours.length === 0 ? [] : [[name, ours.join("; ")] as const];
  });
}

function isCookie(name: string): boolean {
  return /^cookie2?$/i.test(name);
}

function namesCredential(sent: string, { headers }: CredentialNames): boolean {
  // Servers behind CGI or WSGI see no difference between the two signs.
  const name = sent.toLowerCase().replaceAll("_", "-");
  return HEADERS.has(name) || headers.has(name) ||
    (HEADER_ENDINGS.test(name) && !NO_CREDENTIALS.test(name));
}

/** A placeholder with at most a scheme before it, or one half of a basic credential. */
function isOurs(value: string): boolean {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value) ?? [];
  if (encoded === undefined) return holdsMarker(value) && SCHEME.test(without(value));
  let text: string;
  try {
    text = atob(encoded);
  } catch {
    return false;
  }
  // Placeholders have colons themselves.
  const rest = replacePlaceholders(text, { in: "text", by: () => "\0" });
  const colon = rest.indexOf(":");
  const [user, password] = [rest.slice(0, colon), rest.slice(colon + 1)];
  if (colon < 0) return false;
  if (password === "\0") return user === "\0" || (USER.test(user) && !KEY_LIKE.test(user));
  return user === "\0" && PASSWORD.test(password);
}

function isForeignParameter(part: string, { parameters }: CredentialNames): boolean {
  const at = part.indexOf("=");
  const name = decode(at < 0 ? part : part.slice(0, at)).toLowerCase().replace(/\[.*$/, "");
  const value = at < 0 ? "" : part.slice(at + 1);
  if (value === "" || isPlaceholder(value)) return false;
  if (PARAMETERS.has(name) || parameters.has(name)) return true;
  return LONG_PARAMETERS.has(name) && value.length >= KEY_CHARS_MIN;
}

/** Nothing else is beside it. */
function isPlaceholder(value: string): boolean {
  return holdsMarker(value) && without(value) === "";
}

function without(value: string): string {
  return replacePlaceholders(value, { in: "url", by: () => "" });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
