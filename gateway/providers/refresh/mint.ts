/**
 * Makes new values of a credential, each strategy in its way.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { RefreshStrategy } from "../profile/profile.ts";
import { signAssertion } from "./google_assertion.ts";
import { readTemporaryKeys, readToken, type TemporaryKeys } from "./read_answer.ts";
import { MintError } from "./refresh_errors.ts";
import type { SendTokenRequest, TokenRequest } from "./send_token_request.ts";

type Texts = Readonly<Record<string, string>>;

/** What is asked for, with all material. It holds secrets. */
export interface MintRequest {
  readonly strategy: RefreshStrategy;
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly lifetimeSecondsMax: number;
  readonly material: Texts;
}

/** What a strategy makes besides its first value. */
export type Output = "secret_access_key" | "session_token";

/** What was made. It holds secrets. */
export interface Minted {
  readonly value: string;
  readonly outputs: Readonly<Partial<Record<Output, string>>>;
  /** Material that takes the place of what was used. */
  readonly material: Texts;
  /** `null` where nobody says. */
  readonly lifetimeSeconds: number | null;
}

/** Signs a request to AWS; returns all its headers. */
export type SignAws = (
  request: {
    readonly method: string;
    readonly host: string;
    readonly target: string;
    readonly fields: readonly (readonly [string, string])[];
    readonly payload: string;
  },
  keys: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string | null;
  },
  scope: { readonly service: string; readonly region: string; readonly nowMs: number },
) => readonly (readonly [string, string])[];

export interface MintPorts {
  readonly send: SendTokenRequest;
  readonly signAws: SignAws;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Longest that Google lets an assertion live, in seconds. */
const ASSERTION_SECONDS_MAX = 3_600;

/** Shortest and longest that AWS lets a role's keys live, in seconds. */
const ROLE_SECONDS_MIN = 900;
const ROLE_SECONDS_MAX = 43_200;

/** @throws {MintError} */
export async function mint(request: MintRequest, ports: MintPorts): Promise<Minted> {
  switch (request.strategy) {
    case "oauth2_refresh_token":
      return await mintToken(oauthRequest(request), ports);
    case "oauth2_client_credentials":
      return { ...await mintToken(oauthRequest(request), ports), material: {} };
    case "google_service_account_jwt":
      return { ...await mintToken(googleRequest(request, ports.now()), ports), material: {} };
    case "aws_sts_assume_role":
      return await mintRole(request, ports);
    case "static":
    case "external":
      throw new MintError("failed_precondition", "its values are not made by the gateway");
  }
}

async function mintToken(request: TokenRequest, { send }: MintPorts): Promise<Minted> {
  const { value, lifetimeSeconds, refreshToken } = readToken(await send(request));
  const material = refreshToken === null ? {} : { refresh_token: refreshToken };
  return { value, outputs: {}, material, lifetimeSeconds };
}

function oauthRequest({ strategy, tokenUrl, scopes, material }: MintRequest): TokenRequest {
  const isRefresh = strategy === "oauth2_refresh_token";
  return formRequest(tokenUrl, {
    grant_type: isRefresh ? "refresh_token" : "client_credentials",
    client_id: material["client_id"] ?? "",
    client_secret: material["client_secret"] ?? "",
    refresh_token: isRefresh ? material["refresh_token"] ?? "" : "",
    scope: scopes.join(" "),
  });
}

function googleRequest(request: MintRequest, nowMs: number): TokenRequest {
  const { tokenUrl, scopes, material, lifetimeSecondsMax } = request;
  const assertion = signAssertion({
    clientEmail: material["client_email"] ?? "",
    privateKey: material["private_key"] ?? "",
    subject: material["subject"] ?? material["sub"] ?? "",
    audience: tokenUrl,
    scopes,
    nowMs,
    lifetimeSeconds: Math.min(lifetimeSecondsMax, ASSERTION_SECONDS_MAX),
  });
  const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  return formRequest(tokenUrl, { grant_type, assertion });
}

async function mintRole(request: MintRequest, { send, signAws, now }: MintPorts): Promise<Minted> {
  const { tokenUrl, material, lifetimeSecondsMax } = request;
  const { host } = new URL(tokenUrl);
  const seconds = Math.min(Math.max(lifetimeSecondsMax, ROLE_SECONDS_MIN), ROLE_SECONDS_MAX);
  const unsigned = formRequest(tokenUrl, {
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: material["role_arn"] ?? "",
    RoleSessionName: material["session_name"] ?? "openshell-sandbox",
    DurationSeconds: String(seconds),
    ExternalId: material["external_id"] ?? "",
  });
  const headers = signAws(
    {
      method: "POST",
      host,
      target: "/",
      fields: Object.entries(unsigned.headers),
      payload: createHash("sha256").update(unsigned.body).digest("hex"),
    },
    {
      accessKeyId: material["aws_access_key_id"] ?? "",
      secretAccessKey: material["aws_secret_access_key"] ?? "",
      sessionToken: material["aws_session_token"] ?? null,
    },
    { service: "sts", region: material["aws_region"] ?? "us-east-1", nowMs: now() },
  );
  const answer = await send({ ...unsigned, headers: Object.fromEntries(headers) });
  return ofRole(readTemporaryKeys(answer, now()));
}

function ofRole(keys: TemporaryKeys): Minted {
  const { accessKeyId, secretAccessKey, sessionToken, lifetimeSeconds } = keys;
  const outputs = { secret_access_key: secretAccessKey, session_token: sessionToken };
  return { value: accessKeyId, outputs, material: {}, lifetimeSeconds };
}

function formRequest(url: string, fields: Texts): TokenRequest {
  const given = Object.entries(fields).filter(([, value]) => value !== "");
  return {
    url,
    headers: {
      "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
      accept: "application/json",
    },
    body: new URLSearchParams(given).toString(),
  };
}
