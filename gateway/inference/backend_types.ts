/**
 * Types of providers that serve models: where each is, which key it takes, and what it speaks.
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
  /** Empty for a server that wants none. */
  readonly apiKey: string;
  readonly protocols: readonly string[];
}

const OPENAI_PROTOCOLS = [
  "openai_chat_completions",
  "openai_completions",
  "openai_responses",
  "openai_embeddings",
  "model_discovery",
] as const;

const ANTHROPIC_PROTOCOLS = ["anthropic_messages", "model_discovery"] as const;

interface BackendType {
  /** `null` where the provider has to say. */
  readonly baseUrl: string | null;
  /** Keys of its configuration that say so, the first that is there. */
  readonly baseUrlKeys: readonly string[];
  readonly credentialKeys: readonly string[];
  readonly protocols: readonly string[];
}

function named(prefix: string, baseUrl: string, protocols: readonly string[]): BackendType {
  return {
    baseUrl,
    baseUrlKeys: [`${prefix}_BASE_URL`],
    credentialKeys: [`${prefix}_API_KEY`],
    protocols,
  };
}

const TYPES: ReadonlyMap<string, BackendType> = new Map([
  ["openai", named("OPENAI", "https://api.openai.com/v1", OPENAI_PROTOCOLS)],
  ["anthropic", named("ANTHROPIC", "https://api.anthropic.com/v1", ANTHROPIC_PROTOCOLS)],
  ["nvidia", named("NVIDIA", "https://integrate.api.nvidia.com/v1", OPENAI_PROTOCOLS)],
  ["deepinfra", named("DEEPINFRA", "https://api.deepinfra.com/v1/openai", OPENAI_PROTOCOLS)],
  ["generic", {
    baseUrl: null,
    baseUrlKeys: ["BASE_URL", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"],
    credentialKeys: ["API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
    protocols: [...OPENAI_PROTOCOLS, "anthropic_messages"],
  }],
]);

/** @throws {InvalidRouteError} where the provider cannot serve models. */
export function backendOf(name: string, provider: InferenceProvider): Backend {
  const { type, config, credentials } = provider;
  const found = TYPES.get(type);
  if (found === undefined) {
    throw new InvalidRouteError(
      `provider "${name}"`,
      `its type "${type}" serves no models`,
      `Use one of type ${[...TYPES.keys()].join(", ")}`,
    );
  }
  const given = found.baseUrlKeys.map((key) => config[key]).find(isSet) ?? found.baseUrl;
  if (given === null) {
    throw new InvalidRouteError(
      `provider "${name}"`,
      "it does not say where its server is",
      `Run "openshell provider update ${name} --config BASE_URL=https://…"`,
    );
  }
  if (!BASE_URL.test(given)) {
    throw new InvalidRouteError(
      `provider "${name}"`,
      "its base URL is not http:// or https:// with a host and a path, and nothing else",
    );
  }
  return {
    type,
    baseUrl: given.replace(/\/+$/, ""),
    apiKey: found.credentialKeys.map((key) => credentials.get(key)).find(isSet) ?? "",
    protocols: found.protocols,
  };
}

/** No user, no query: a secret does not belong there. */
const BASE_URL = /^https?:\/\/[A-Za-z0-9.:[\]_-]+(?:\/[A-Za-z0-9._~%\/-]*)?$/;

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
