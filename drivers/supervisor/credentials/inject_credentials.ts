/**
 * Puts real values in the place of placeholders, in one request that the policy has allowed.
 *
 * Only where each value belongs: its host, port and path. What is not replaced does not go on: a
 * placeholder in a name, in an encoding that a server would undo, or for another place.
 *
 * A credential that the sandbox brought itself does not go to a place that has one of ours: with an
 * attacker's key, an allowed host would take data to the attacker's account.
 *
 * Pure but for the values.
 *
 * @module
 */

import type { HeaderField } from "../egress/http1/header_fields.ts";
import type { CredentialProblem, CredentialSet, Place } from "./credential_set.ts";
import { holdsMarker, replacePlaceholders } from "./placeholder.ts";

/** Why a request may not go on with what it holds. */
export type InjectionProblem = CredentialProblem | "foreign_credential" | "credential_misplaced";

export type Injection =
  /** It holds no placeholder and goes on as it is. */
  | { readonly kind: "none" }
  | {
    readonly kind: "injected";
    readonly fields: readonly HeaderField[];
    readonly target: string;
    /** Keys whose values are in it now. */
    readonly keys: readonly string[];
  }
  | {
    readonly kind: "refused";
    readonly problem: InjectionProblem;
    /** One sentence for a person, without what the sandbox sent. */
    readonly detail: string;
    readonly key: string | null;
  };

export interface InjectionRequest {
  readonly fields: readonly HeaderField[];
  /** Canonical path, and the query as sent. */
  readonly target: string;
  readonly place: Place;
  readonly nowMs: number;
}

/** Headers that say who is asking. `proxy-authorization` never goes on anyway. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  "api-key",
  "authorization",
  "cookie",
  "private-token",
  "x-access-token",
  "x-api-key",
  "x-auth-token",
  "x-goog-api-key",
  "x-amz-security-token",
]);

/** Query parameters that do the same. */
const CREDENTIAL_PARAMETERS: ReadonlySet<string> = new Set([
  "access_token",
  "api_key",
  "apikey",
  "key",
  "private_token",
  "token",
]);

const DETAILS: Readonly<Record<InjectionProblem, string>> = {
  credential_unknown:
    "The request holds a placeholder of a credential that is not there, or no more",
  credential_expired: "The credential has expired",
  credential_invalid: "The credential has a value that cannot be sent",
  credential_endpoint_mismatch: "The credential does not belong to this host, port and path",
  credential_misplaced: "The request holds a placeholder where none is replaced",
  foreign_credential: "The request brings a credential of its own to a place that has one of ours",
};

/** Ends the work on a request: it is refused. */
class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(readonly problem: InjectionProblem, readonly key: string | null) {
    super(DETAILS[problem]);
  }
}

/** Returns what goes on, or why nothing does. */
export function injectCredentials(set: CredentialSet, request: InjectionRequest): Injection {
  const keys = new Set<string>();
  try {
    const [path = "", ...queries] = request.target.split("?");
    const resolve = (reference: string): string => {
      const resolution = set.resolve(reference, request.place, request.nowMs);
      if (!resolution.ok) throw new Refusal(resolution.problem, resolution.key);
      keys.add(resolution.key);
      return resolution.value;
    };
    const fields = request.fields.map((field) => injectField(field, resolve));
    const query = queries.length === 0 ? "" : `?${injectQuery(queries.join("?"), resolve)}`;
    const target = injectPath(path, resolve) + query;
    refuseForeign(set, request);
    if (keys.size === 0) return { kind: "none" };
    return { kind: "injected", fields, target, keys: [...keys] };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { kind: "refused", problem: error.problem, detail: error.message, key: error.key };
  }
}

type Resolve = (reference: string) => string;

function injectField([name, value]: HeaderField, resolve: Resolve): HeaderField {
  if (holdsMarker(name)) throw new Refusal("credential_misplaced", null);
  const basic = /^(Basic +)([A-Za-z0-9+/]+={0,2})$/i.exec(value);
  if (basic !== null) {
    const [, scheme = "", encoded = ""] = basic;
    const text = decodeBase64(encoded);
    if (text === null || !holdsMarker(text)) return [name, value];
    return [name, scheme + encodeBase64(replaceAll(text, "text", resolve))];
  }
  return [name, replaceAll(value, "text", resolve)];
}

/** A value fills a part of one segment, and cannot make another path of it. */
function injectPath(path: string, resolve: Resolve): string {
  return replaceAll(path, "url", (reference) => {
    const value = resolve(reference);
    if (/[/\\?#%]|\.\./.test(value)) throw new Refusal("credential_invalid", reference);
    return encodeURIComponent(value);
  });
}

function injectQuery(query: string, resolve: Resolve): string {
  return query.split("&").map((part) => {
    const at = part.indexOf("=");
    const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at)];
    if (holdsMarker(name)) throw new Refusal("credential_misplaced", null);
    return name + replaceAll(value, "url", (reference) => encodeURIComponent(resolve(reference)));
  }).join("&");
}

/** INVARIANT: what is left holds no marker, or a server could be led to make one of it. */
function replaceAll(text: string, where: "text" | "url", by: Resolve): string {
  const without = replacePlaceholders(text, { in: where, by: () => "" });
  const replaced = replacePlaceholders(text, { in: where, by });
  if (holdsMarker(without)) throw new Refusal("credential_misplaced", null);
  return replaced;
}

function refuseForeign(set: CredentialSet, { fields, target, place }: InjectionRequest): void {
  if (!set.isBound(place)) return;
  const headers = fields.filter(([name]) => CREDENTIAL_HEADERS.has(name.toLowerCase()));
  const query = target.slice(target.indexOf("?") + 1);
  const parameters = target.includes("?") ? query.split("&").map((part) => part.split("=")) : [];
  const isForeign = headers.some(([, value]) => !holdsPlaceholder(value)) ||
    parameters.some(([name = "", value = ""]) =>
      CREDENTIAL_PARAMETERS.has(decode(name).toLowerCase()) && !holdsMarker(value)
    );
  if (isForeign) throw new Refusal("foreign_credential", null);
}

/**
 * Whether a credential header holds a placeholder, and beside it at most a scheme, the name of a
 * cookie, or the other half of a basic one: whatever else stands there could be another's.
 */
function holdsPlaceholder(value: string): boolean {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value) ?? [];
  const text = encoded === undefined ? value : decodeBase64(encoded) ?? "";
  if (!holdsMarker(text)) return false;
  const rest = replacePlaceholders(text, { in: "text", by: () => "" });
  return encoded === undefined
    ? /^(?:[A-Za-z][A-Za-z-]* +|[A-Za-z0-9_-]+=)?$/.test(rest)
    : /^[A-Za-z0-9_.@-]*:[A-Za-z0-9_.-]*$/.test(rest);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Bytes as text, one character a byte, so that nothing of it is lost. */
function decodeBase64(text: string): string | null {
  try {
    return atob(text);
  } catch {
    return null;
  }
}

function encodeBase64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes));
}
