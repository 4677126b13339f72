/**
 * Types of providers that serve models: where each is, which key it takes, and what it speaks.
 *
 * @module
 */

import {
  type Backend,
  type BackendSource,
  checkBaseUrl,
  configOf,
  firstSet,
  type InferenceProvider,
} from "./backend.ts";
import { bedrockBackend } from "./bedrock_backend.ts";
import { InvalidRouteError } from "./inference_errors.ts";
import { vertexBackend } from "./vertex_backend.ts";

const OPENAI_PROTOCOLS = [
  "openai_chat_completions",
  "openai_completions",
  "openai_responses",
  "openai_embeddings",
  "model_discovery",
] as const;

const ANTHROPIC_PROTOCOLS = ["anthropic_messages", "model_discovery"] as const;

interface PlainType {
  /** `null` where the provider has to say. */
  readonly baseUrl: string | null;
  /** Keys of its configuration that say so, the first that is there. */
  readonly baseUrlKeys: readonly string[];
  readonly credentialKeys: readonly string[];
  readonly protocols: readonly string[];
}

type ToBackend = (source: BackendSource) => Backend;

function named(prefix: string, baseUrl: string, protocols: readonly string[]): ToBackend {
  return plain({
    baseUrl,
    baseUrlKeys: [`${prefix}_BASE_URL`],
    credentialKeys: [`${prefix}_API_KEY`],
    protocols,
  });
}

const TYPES: ReadonlyMap<string, ToBackend> = new Map([
  ["openai", named("OPENAI", "https://api.openai.com/v1", OPENAI_PROTOCOLS)],
  ["anthropic", named("ANTHROPIC", "https://api.anthropic.com/v1", ANTHROPIC_PROTOCOLS)],
  ["nvidia", named("NVIDIA", "https://integrate.api.nvidia.com/v1", OPENAI_PROTOCOLS)],
  ["deepinfra", named("DEEPINFRA", "https://api.deepinfra.com/v1/openai", OPENAI_PROTOCOLS)],
  ["google-vertex-ai", vertexBackend],
  ["aws-bedrock", bedrockBackend],
  [
    "generic",
    plain({
      baseUrl: null,
      baseUrlKeys: ["BASE_URL", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"],
      credentialKeys: ["API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
      protocols: [...OPENAI_PROTOCOLS, "anthropic_messages"],
    }),
  ],
]);

/** @throws {InvalidRouteError} where the provider cannot serve the model. */
export function backendOf(name: string, provider: InferenceProvider, model: string): Backend {
  const toBackend = TYPES.get(provider.type);
  if (toBackend !== undefined) return toBackend({ name, provider, model });
  throw new InvalidRouteError(
    `provider "${name}"`,
    `its type "${provider.type}" serves no models`,
    `Use one of type ${[...TYPES.keys()].join(", ")}`,
  );
}

/** A server that is asked as OpenAI or Anthropic are, wherever it is. */
function plain({ baseUrl, baseUrlKeys, credentialKeys, protocols }: PlainType): ToBackend {
  return ({ name, provider }) => {
    const given = firstSet(configOf(provider), baseUrlKeys) ?? baseUrl;
    if (given === null) {
      throw new InvalidRouteError(
        `provider "${name}"`,
        "it does not say where its server is",
        `Run "openshell provider update ${name} --config BASE_URL=https://…"`,
      );
    }
    return {
      type: provider.type,
      baseUrl: checkBaseUrl(name, given),
      apiKey: firstSet(provider.credentials, credentialKeys) ?? "",
      protocols,
      modelInPath: false,
      awsSigning: null,
    };
  };
}
