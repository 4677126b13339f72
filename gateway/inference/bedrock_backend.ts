/**
 * AWS Bedrock: at AWS itself, with calls that the supervisor signs, or behind a bridge that signs.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import {
  type AwsSigningKeys,
  type Backend,
  type BackendSource,
  checkBaseUrl,
  configOf,
  firstSet,
  type InferenceProvider,
} from "./backend.ts";
import { InvalidRouteError } from "./inference_errors.ts";

const ACCESS_KEY_ID = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN = "AWS_SESSION_TOKEN";
const REGION_KEY = "AWS_REGION";
const BASE_URL_KEY = "BEDROCK_BASE_URL";

const REGION = /^[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}$/;

/** @throws {InvalidRouteError} */
export function bedrockBackend({ name, provider, model }: BackendSource): Backend {
  const given = firstSet(configOf(provider), [BASE_URL_KEY]);
  const bridge = given === null ? null : checkBaseUrl(name, given);
  const awsSigning = readKeys(name, provider, bridge);
  if (bridge === null && awsSigning === null) {
    throw new InvalidRouteError(
      `provider "${name}"`,
      `it has neither a ${BASE_URL_KEY} nor keys of AWS`,
      `Give it ${ACCESS_KEY_ID} and ${SECRET_ACCESS_KEY}, or the address of a bridge that signs`,
    );
  }
  if (/^\.{1,2}$/.test(model)) {
    throw new InvalidRouteError("the model", "it would be another path than that of a model");
  }
  return {
    type: provider.type,
    baseUrl: bridge ?? officialUrl(awsSigning?.region ?? ""),
    apiKey: "",
    protocols: ["aws_bedrock_invoke"],
    modelInPath: true,
    awsSigning,
  };
}

function readKeys(
  name: string,
  provider: InferenceProvider,
  baseUrl: string | null,
): AwsSigningKeys | null {
  const { credentials } = provider;
  const accessKeyId = firstSet(credentials, [ACCESS_KEY_ID]);
  const secretAccessKey = firstSet(credentials, [SECRET_ACCESS_KEY]);
  const sessionToken = firstSet(credentials, [SESSION_TOKEN]);
  if (accessKeyId === null && secretAccessKey === null && sessionToken === null) return null;
  if (accessKeyId === null || secretAccessKey === null) {
    // A bridge must not be asked without a signature because one of the keys was forgotten.
    throw new InvalidRouteError(
      `provider "${name}"`,
      `it has only a part of the keys of AWS`,
      `Give it both ${ACCESS_KEY_ID} and ${SECRET_ACCESS_KEY}`,
    );
  }
  const region = firstSet(configOf(provider), [REGION_KEY]) ?? regionIn(baseUrl ?? "");
  if (region === null || !REGION.test(region)) {
    throw new InvalidRouteError(
      `provider "${name}"`,
      region === null ? "it names no region of AWS" : "its region is none of AWS",
      `Run "openshell provider update ${name} --config ${REGION_KEY}=us-east-1"`,
    );
  }
  return { region, accessKeyId, secretAccessKey, sessionToken: sessionToken ?? "" };
}

/** Returns the region that a host's name has as one of its labels. */
function regionIn(baseUrl: string): string | null {
  const [, host = ""] = /^https?:\/\/([^/:]*)/.exec(baseUrl) ?? [];
  return host.split(".").find((label) => REGION.test(label)) ?? null;
}

function officialUrl(region: string): string {
  const end = region.startsWith("cn-") ? ".cn" : "";
  return `https://bedrock-runtime.${region}.amazonaws.com${end}`;
}
