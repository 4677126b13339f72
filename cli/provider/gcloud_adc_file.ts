/**
 * The file in which `gcloud auth application-default login` keeps what a person has granted.
 *
 * It is found where Google's own libraries look for it, and is read strictly: what is another kind of
 * credential, or is meant for another token server, is refused and never sent. No text shows what is
 * in it.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import type { Context } from "../context.ts";
import { readInput } from "../files.ts";
import { printableLine } from "../printable.ts";

/** A grant of a person to a program, which tokens are made from. It holds secrets. */
export interface GcloudAdc {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
}

/** There is no such file, or it is not one that tokens can be made from. */
export class GcloudAdcError extends CodedError {
  override readonly name = "GcloudAdcError";
  override readonly code = "invalid_argument";

  constructor(path: string, detail: string, hint: string) {
    super(`Cannot use "${printableLine(path)}": ${detail}`, { hint });
  }
}

/** Bytes of the file; some 400 are usual. Beyond it: refused. */
const FILE_BYTES_MAX = 64 * 1024;

const FILE_NAME = "application_default_credentials.json";
const LOGIN = "Run: gcloud auth application-default login";

/** The profile's token server: a grant is good there, and is sent nowhere else. */
const TOKEN_URL = "https://oauth2.googleapis.com/token";
const UNIVERSE = "googleapis.com";

const HINTS: Readonly<Record<string, string>> = {
  service_account:
    'Create the provider with --runtime-credentials, then "openshell provider refresh configure" ' +
    "with the strategy google-service-account-jwt",
};

/** Finds and reads the file. @throws {CodedError} */
export async function readGcloudAdc(context: Context): Promise<GcloudAdc> {
  const path = findPath(context.env);
  if (await context.files.kindOf(path) === null) {
    throw new GcloudAdcError(path, "it does not exist", LOGIN);
  }
  const bytes = await readInput(context, path, FILE_BYTES_MAX);
  if (bytes.length > FILE_BYTES_MAX) {
    throw new GcloudAdcError(path, `it has more than ${FILE_BYTES_MAX} bytes`, LOGIN);
  }
  return readFields(path, parseObject(path, bytes));
}

/** A variable that is set is meant, also where its file is missing. */
function findPath(env: Context["env"]): string {
  const named = env("GOOGLE_APPLICATION_CREDENTIALS") ?? "";
  if (named !== "") return named;
  const folder = env("CLOUDSDK_CONFIG") ?? "";
  if (folder !== "") return `${folder}/${FILE_NAME}`;
  const home = env("HOME") ?? "";
  if (home !== "") return `${home}/.config/gcloud/${FILE_NAME}`;
  const hint = "Set GOOGLE_APPLICATION_CREDENTIALS to its path";
  throw new GcloudAdcError(FILE_NAME, "the variable HOME is not set", hint);
}

/** What cannot be parsed is not told with the parser's words, which quote it. */
function parseObject(path: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const value = parseJson(bytes);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new GcloudAdcError(path, "it is no object of JSON", LOGIN);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function readFields(path: string, fields: Readonly<Record<string, unknown>>): GcloudAdc {
  const { type } = fields;
  if (type !== "authorized_user") {
    const shown = typeof type === "string" && /^[a-z_]{1,40}$/.test(type) ? type : "";
    const found = shown === "" ? "it has no type" : `its type is ${shown}`;
    const detail = `${found}, and should be authorized_user`;
    throw new GcloudAdcError(path, detail, Object.hasOwn(HINTS, shown) ? HINTS[shown]! : LOGIN);
  }
  const elsewhere = (key: string, wanted: string) => {
    if (fields[key] === undefined || fields[key] === wanted) return;
    const hint = "Tokens of another cloud cannot be made: use --credential";
    throw new GcloudAdcError(path, `its ${key} is not ${wanted}`, hint);
  };
  elsewhere("token_uri", TOKEN_URL);
  elsewhere("universe_domain", UNIVERSE);
  const text = (key: string): string => {
    const value = fields[key];
    if (typeof value === "string" && /^[\x21-\x7e]+$/.test(value)) return value;
    const detail = value === undefined
      ? `it has no ${key}`
      : `its ${key} is no text without spaces`;
    throw new GcloudAdcError(path, detail, LOGIN);
  };
  return {
    clientId: text("client_id"),
    clientSecret: text("client_secret"),
    refreshToken: text("refresh_token"),
  };
}
