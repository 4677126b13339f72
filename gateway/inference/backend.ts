/**
 * Where the calls of a route go, and what the gateway reads that from.
 *
 * @module
 */

import { InvalidRouteError } from "./inference_errors.ts";

/** What the gateway knows of a provider. Its text shows no value. */
export interface InferenceProvider {
  readonly type: string;
  readonly config: Readonly<Record<string, string>>;
  readonly credentials: ReadonlyMap<string, string>;
}

/** Where a route leads, with its key. */
export interface Backend {
  readonly type: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Empty for a server that wants none, and where calls are signed. */
  readonly apiKey: string;
  readonly protocols: readonly string[];
  /** The path names the model, as the supervisor knows it of the type. */
  readonly modelInPath: boolean;
  /** `null` where calls are not signed. */
  readonly awsSigning: AwsSigningKeys | null;
}

/** What calls to AWS are signed with. */
export interface AwsSigningKeys {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Empty for keys that last. */
  readonly sessionToken: string;
}

/** What a type of provider makes a backend of. */
export interface BackendSource {
  /** Of the provider, for messages. */
  readonly name: string;
  readonly provider: InferenceProvider;
  /** What the route has every call ask for. */
  readonly model: string;
}

/** No user, no query: a secret does not belong there. */
const BASE_URL = /^https?:\/\/[A-Za-z0-9.:[\]_-]+(?:\/[A-Za-z0-9._~%\/-]*)?$/;

/** Returns the base URL without slashes at its end. @throws {InvalidRouteError} */
export function checkBaseUrl(name: string, given: string): string {
  if (BASE_URL.test(given)) return given.replace(/\/+$/, "");
  throw new InvalidRouteError(
    `provider "${name}"`,
    "its base URL is not http:// or https:// with a host and a path, and nothing else",
  );
}

/** Returns the first value that is there and not empty. */
export function firstSet(
  values: { readonly get: (key: string) => string | undefined },
  keys: readonly string[],
): string | null {
  for (const key of keys) {
    const value = values.get(key) ?? "";
    if (value !== "") return value;
  }
  return null;
}

/** Returns a provider's configuration as something that has no other members than its own. */
export function configOf({ config }: InferenceProvider): ReadonlyMap<string, string> {
  return new Map(Object.entries(config));
}
