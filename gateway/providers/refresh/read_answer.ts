/**
 * Reads what a token server has answered. Strict: what is not as it should be is no token.
 *
 * Nothing of an answer gets into an error but the code of an OAuth error, which is one of a few words.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { CREDENTIAL_BYTES_MAX } from "../../../proto/provider_limits.ts";
import { MintError } from "./refresh_errors.ts";
import type { TokenAnswer } from "./send_token_request.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A token, and what came with it. */
export interface Token {
  readonly value: string;
  /** `null` where the server does not say. */
  readonly lifetimeSeconds: number | null;
  /** One that takes the place of the one that was used, `null` where that stays. */
  readonly refreshToken: string | null;
}

/** Temporary keys of AWS. */
export interface TemporaryKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly lifetimeSeconds: number;
}

/** Longest that anybody says a token lives, in seconds: beyond it a number is a mistake. */
const LIFETIME_SECONDS_MAX = 10 * 366 * 86_400;

/** @throws {MintError} */
export function readToken(answer: TokenAnswer): Token {
  const fields = readFields(answer);
  const type = fields["token_type"];
  if (type !== undefined && (typeof type !== "string" || type.toLowerCase() !== "bearer")) {
    throw unusable("its token is not a bearer token");
  }
  const refreshToken = fields["refresh_token"];
  return {
    value: readSecret(fields["access_token"], "access_token"),
    lifetimeSeconds: readLifetime(fields["expires_in"]),
    refreshToken: refreshToken === undefined || refreshToken === null || refreshToken === ""
      ? null
      : readSecret(refreshToken, "refresh_token"),
  };
}

/** @throws {MintError} */
export function readTemporaryKeys(answer: TokenAnswer, nowMs: number): TemporaryKeys {
  const steps = ["AssumeRoleResponse", "AssumeRoleResult", "Credentials"];
  const keys = steps.reduce((fields, step) => asFields(fields[step]), readFields(answer));
  const expiration = keys["Expiration"];
  const endMs = typeof expiration === "number" ? expiration * 1000 : Date.parse(String(expiration));
  const lifetimeSeconds = Math.floor((endMs - nowMs) / 1000);
  if (!(lifetimeSeconds > 0 && lifetimeSeconds <= LIFETIME_SECONDS_MAX)) {
    throw unusable("its keys have ended, or never end");
  }
  return {
    accessKeyId: readSecret(keys["AccessKeyId"], "AccessKeyId"),
    secretAccessKey: readSecret(keys["SecretAccessKey"], "SecretAccessKey"),
    sessionToken: readSecret(keys["SessionToken"], "SessionToken"),
    lifetimeSeconds,
  };
}

function readFields({ status, body }: TokenAnswer): Fields {
  if (status === 200) return asFields(parse(body));
  if (status >= 300 && status < 400) {
    throw new MintError("failed_precondition", "the token server leads elsewhere: not followed");
  }
  const code = status >= 400 && status < 500 ? oauthError(body) : null;
  const detail = code === null
    ? `the token server answered with status ${status}`
    : `the token server refused: ${code}`;
  const isForNow = status >= 500 || status === 429 || status === 408;
  throw new MintError(isForNow ? "unavailable" : "failed_precondition", detail);
}

function oauthError(body: string): string | null {
  try {
    const { error } = asFields(parse(body));
    return typeof error === "string" && /^[a-z_]{1,64}$/.test(error) ? error : null;
  } catch (error) {
    if (error instanceof MintError) return null;
    throw error;
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The reason quotes the text, which may hold a token.
    throw unusable("its answer is no JSON");
  }
}

function asFields(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw unusable("its answer is no object with the fields that there should be");
}

/** A value that a header can hold. */
function readSecret(value: unknown, name: string): string {
  const isUsable = typeof value === "string" && /^[\x21-\x7e]+$/.test(value) &&
    value.length <= CREDENTIAL_BYTES_MAX;
  if (isUsable) return value;
  throw unusable(`its ${name} is missing, or cannot be used`);
}

/** Some write the number as a text. */
function readLifetime(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  const seconds = typeof value === "string" && /^[0-9]{1,10}$/.test(value) ? Number(value) : value;
  const isTime = typeof seconds === "number" && seconds > 0 && seconds <= LIFETIME_SECONDS_MAX;
  if (isTime) return Math.floor(seconds) || null;
  throw unusable("its expires_in is no time");
}

function unusable(what: string): MintError {
  return new MintError("failed_precondition", `the token server cannot be used: ${what}`);
}
