/**
 * Google Vertex AI: Claude by its own protocol, every other model by that of OpenAI.
 *
 * The token opens more of a Google project than its models, so it goes to Google's own servers alone.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { type Backend, type BackendSource, checkBaseUrl, configOf, firstSet } from "./backend.ts";
import { InvalidRouteError } from "./inference_errors.ts";

const TOKEN_KEYS = [
  "GOOGLE_VERTEX_AI_SERVICE_ACCOUNT_TOKEN",
  "VERTEX_AI_SERVICE_ACCOUNT_TOKEN",
  "GOOGLE_VERTEX_AI_TOKEN",
  "VERTEX_AI_TOKEN",
];
const PROJECT_KEYS = ["project_id", "VERTEX_AI_PROJECT_ID"];
const REGION_KEYS = ["region", "VERTEX_AI_REGION"];
const BASE_URL_KEYS = ["GOOGLE_VERTEX_AI_BASE_URL", "VERTEX_AI_BASE_URL"];

const REGION_DEFAULT = "us-central1";

/** A name, a number, or a name within a domain. */
const PROJECT = /^(?:[a-z0-9.-]+:)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

const REGION = /^[a-z]+-[a-z]+[0-9]{1,2}$/;

/** Locations that are no region, each with a host of its own. */
const WIDE_HOSTS: ReadonlyMap<string, string> = new Map([
  ["global", "aiplatform.googleapis.com"],
  ["us", "aiplatform.us.rep.googleapis.com"],
  ["eu", "aiplatform.eu.rep.googleapis.com"],
]);

/** @throws {InvalidRouteError} */
export function vertexBackend({ name, provider, model }: BackendSource): Backend {
  const config = configOf(provider);
  const refuse = (detail: string, hint?: string) =>
    new InvalidRouteError(`provider "${name}"`, detail, hint);
  const token = firstSet(provider.credentials, TOKEN_KEYS);
  if (token === null) throw refuse("it has no token", `Give it ${TOKEN_KEYS.join(" or ")}`);
  const isClaude = model.startsWith("claude-") ||
    config.get("VERTEX_AI_PUBLISHER")?.toLowerCase() === "anthropic";
  const override = firstSet(config, BASE_URL_KEYS);
  if (isClaude && override !== null) {
    throw refuse("models of Anthropic are served at no other base URL than Google's own");
  }
  const givenUrl = override === null ? null : checkBaseUrl(name, override);
  if (givenUrl !== null && !isOfficial(givenUrl)) {
    throw refuse("its base URL is not https:// with a host of Vertex AI");
  }
  const isWhole = givenUrl !== null && /^https:\/\/[^/]*\//.test(givenUrl);
  const baseUrl = isWhole
    ? givenUrl
    : baseUrlOf({ ...readPlace(name, config), givenUrl, isClaude });
  return {
    type: provider.type,
    baseUrl,
    apiKey: token,
    protocols: [isClaude ? "anthropic_messages" : "openai_chat_completions"],
    modelInPath: isClaude,
    awsSigning: null,
  };
}

interface VertexPlace {
  readonly project: string;
  readonly region: string;
}

function readPlace(name: string, config: ReadonlyMap<string, string>): VertexPlace {
  const project = firstSet(config, PROJECT_KEYS);
  const region = firstSet(config, REGION_KEYS) ?? REGION_DEFAULT;
  if (project === null || !PROJECT.test(project)) {
    throw new InvalidRouteError(
      `provider "${name}"`,
      project === null ? "it names no project" : "its project is no name of one",
      `Run "openshell provider update ${name} --config VERTEX_AI_PROJECT_ID=…"`,
    );
  }
  if (!WIDE_HOSTS.has(region) && !REGION.test(region)) {
    throw new InvalidRouteError(
      `provider "${name}"`,
      "its region is neither one of Google Cloud nor global, us or eu",
    );
  }
  return { project, region };
}

function baseUrlOf(
  { project, region, givenUrl, isClaude }: VertexPlace & {
    readonly givenUrl: string | null;
    readonly isClaude: boolean;
  },
): string {
  const host = WIDE_HOSTS.get(region) ?? `${region}-aiplatform.googleapis.com`;
  const origin = givenUrl ?? `https://${host}`;
  const place = `projects/${project}/locations/${region}`;
  return isClaude
    ? `${origin}/v1/${place}/publishers/anthropic/models`
    : `${origin}/v1beta1/${place}/endpoints/openapi`;
}

const OFFICIAL_URL =
  /^https:\/\/(?:(?:[a-z0-9-]+-)?aiplatform\.googleapis\.com|aiplatform\.[a-z0-9-]+\.rep\.googleapis\.com)(?:\/|$)/;

function isOfficial(url: string): boolean {
  return OFFICIAL_URL.test(url);
}
