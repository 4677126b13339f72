/**
 * Answers one request to the emulated metadata server of Google Cloud.
 *
 * Client libraries of Google ask it for a token before each batch of calls. They get a placeholder
 * that the proxy fills at the places of the credential. What a page in a browser, or a server that was
 * talked into a request, might ask for is refused as the real server refuses it.
 *
 * Pure: no I/O, no clock, no module state.
 *
 * @module
 */

import { METADATA_TOKEN_SECONDS } from "../../../proto/metadata_server.ts";
import { valuesOf } from "../egress/http1/header_fields.ts";
import type { RequestHead } from "../egress/http1/request_head.ts";
import type { CompleteResponse } from "../egress/http1/respond.ts";
import { jsonResponse } from "../egress/http1/respond.ts";
import type { MetadataFacts } from "./metadata_facts.ts";
import { findEntry, listing, type MetadataEntry, metadataTree, valueOf } from "./metadata_tree.ts";

/** Why a request got no answer. */
export type MetadataRefusal =
  | "method_not_allowed"
  | "metadata_flavor_missing"
  | "request_forwarded"
  | "invalid_request"
  | "not_found"
  | "no_google_provider"
  | "token_unavailable"
  | "token_expired";

const REFUSALS: Readonly<Record<MetadataRefusal, readonly [status: number, detail: string]>> = {
  method_not_allowed: [405, "The metadata server answers GET alone"],
  metadata_flavor_missing: [403, 'The request needs the header "Metadata-Flavor: Google"'],
  request_forwarded: [403, 'The request must not have the header "X-Forwarded-For"'],
  invalid_request: [400, "The request cannot be read"],
  not_found: [404, "The metadata server has nothing at this path"],
  no_google_provider: [404, "The sandbox has no provider of type google-cloud any more"],
  token_unavailable: [
    503,
    "No token of the provider belongs to a host of the policy: see credential_binding",
  ],
  token_expired: [503, "The token of the provider has expired: somebody has to renew it"],
};

/** What the real server marks its answers with; clients look for it. */
const FLAVOR = ["Metadata-Flavor", "Google"] as const;

const UTF8 = new TextEncoder();

/** Returns the answer. `facts` is `null` where no provider leads to this server any more. */
export function answerMetadata(
  head: RequestHead,
  facts: MetadataFacts | null,
  nowMs: number,
): CompleteResponse {
  if (head.method !== "GET") return refuse("method_not_allowed");
  const flavors = valuesOf(head.fields, "metadata-flavor");
  if (flavors.length !== 1 || flavors[0] !== "Google") return refuse("metadata_flavor_missing");
  if (valuesOf(head.fields, "x-forwarded-for").length > 0) return refuse("request_forwarded");
  if (head.framing.kind !== "none") return refuse("invalid_request");
  const target = readTarget(head.target);
  if (target === null) return refuse("invalid_request");
  if (facts === null) return refuse("no_google_provider");
  const entry = findEntry(metadataTree(facts), target.path);
  if (entry === null) return refuse("not_found");
  if (entry.kind === "token") return tokenResponse(facts, nowMs);
  if (target.isRecursive) return jsonResponse(200, valueOf(entry), [FLAVOR]);
  return textResponse(textOf(entry));
}

/** Returns the answer to a request that cannot be answered, with its reason. */
export function refuse(refusal: MetadataRefusal, status?: number): CompleteResponse {
  const [usual, message] = REFUSALS[refusal];
  const allow = refusal === "method_not_allowed" ? [["Allow", "GET"] as const] : [];
  return jsonResponse(status ?? usual, { error: refusal, message }, [FLAVOR, ...allow]);
}

function tokenResponse({ token }: MetadataFacts, nowMs: number): CompleteResponse {
  if (token === null) return refuse("token_unavailable");
  const { placeholder, expiresAtMs } = token;
  const seconds = expiresAtMs === null
    ? METADATA_TOKEN_SECONDS
    : Math.floor((expiresAtMs - nowMs) / 1000);
  if (seconds <= 0) return refuse("token_expired");
  const value = { access_token: placeholder, expires_in: seconds, token_type: "Bearer" };
  return jsonResponse(200, value, [FLAVOR]);
}

/** Returns `null` for a target that is no path, or has no one reading. */
function readTarget(target: string): { path: string; isRecursive: boolean } | null {
  if (!target.startsWith("/")) return null;
  const [encoded = "", query = ""] = splitOnce(target, "?");
  const path = decode(encoded);
  if (path === null) return null;
  return { path, isRecursive: new URLSearchParams(query).get("recursive") === "true" };
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Some clients encode the `@` of an account. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

function textOf(entry: Exclude<MetadataEntry, { kind: "token" }>): string {
  switch (entry.kind) {
    case "folder":
      return listing(entry.entries);
    case "list":
      return entry.lines.map((line) => `${line}\n`).join("");
    case "text":
      return entry.text;
  }
}

function textResponse(text: string): CompleteResponse {
  return {
    status: 200,
    headers: [["Content-Type", "application/text"], FLAVOR],
    body: UTF8.encode(text),
  };
}
