/**
 * Creates a provider from what a person has granted to `gcloud`: the gateway keeps the grant and
 * makes tokens from it, the first one at once.
 *
 * Either the provider is there with a token, or it is not there.
 *
 * @module
 */

import { GatewayError } from "../../gateway/client/gateway_error.ts";
import type { ProviderInput, ProviderView } from "../../gateway/client/provider_types.ts";
import type { Gateway } from "../../gateway/client/types.ts";
import { CodedError, type ErrorCode } from "../../proto/errors.ts";
import type { Sink } from "../context.ts";
import { printableLine } from "../printable.ts";
import { UsageError } from "../usage_error.ts";
import { TYPES } from "./discover.ts";
import type { GcloudAdc } from "./gcloud_adc_file.ts";

/** The variable that has the token, by the type of the provider. */
const KEYS: Readonly<Record<string, string>> = {
  "google-cloud": "GCP_ADC_ACCESS_TOKEN",
  "google-vertex-ai": "GOOGLE_VERTEX_AI_TOKEN",
};

/** The provider cannot be made from the grant, for a reason that no call has given. */
export class GrantError extends CodedError {
  override readonly name = "GrantError";

  constructor(provider: string, override readonly code: ErrorCode, detail: string) {
    super(`Cannot create provider "${printableLine(provider)}" from the grant: ${detail}`);
  }
}

/** Returns the variable of the token. @throws {UsageError} for a type that has none */
export function gcloudAdcKey(word: string): string {
  const type = Object.hasOwn(TYPES, word) ? TYPES[word]! : word;
  if (Object.hasOwn(KEYS, type)) return KEYS[type]!;
  throw new UsageError(`Cannot use "--from-gcloud-adc" with type "${printableLine(word)}"`, {
    hint: `It is for ${Object.keys(KEYS).join(" and ")}`,
  });
}

export interface GrantedProvider {
  readonly gateway: Pick<
    Gateway,
    "createProvider" | "configureRefresh" | "rotateCredential" | "getProvider" | "deleteProvider"
  >;
  readonly input: ProviderInput;
  readonly credentialKey: string;
  readonly adc: GcloudAdc;
  /** Ends it; the provider is removed then. */
  readonly signal: AbortSignal;
  /** Told of a provider that could not be removed. */
  readonly stderr: Sink;
}

/** @throws {CodedError} and the provider is not there then, or standard error says so. */
export async function createFromGrant(granted: GrantedProvider): Promise<ProviderView> {
  const { gateway, input, signal } = granted;
  // Its outcome is waited for in any case: else nobody would know what to remove.
  await gateway.createProvider(input);
  try {
    return await Promise.race([makeFirstToken(granted), interruption(input.name, signal)]);
  } catch (error) {
    await removeAgain(granted);
    throw error;
  }
}

async function makeFirstToken(
  { gateway, input, credentialKey, adc }: GrantedProvider,
): Promise<ProviderView> {
  const { name, workspace } = input;
  const credential = { workspace, provider: name, credentialKey };
  await gateway.configureRefresh({
    ...credential,
    strategy: "oauth2-refresh-token",
    expiresAtMs: 0,
    material: {
      client_id: adc.clientId,
      client_secret: adc.clientSecret,
      refresh_token: adc.refreshToken,
    },
    secretMaterialKeys: ["client_secret", "refresh_token"],
  });
  try {
    await gateway.rotateCredential(credential);
  } catch (error) {
    throw withOwnHint(error);
  }
  const made = await gateway.getProvider({ name, workspace });
  if (made.credentialKeys.includes(credentialKey)) return made;
  throw new GrantError(name, "internal", `the gateway has made no ${credentialKey}`);
}

/** The gateway's own hint is about the provider, which is not there any more when it is read. */
function withOwnHint(error: unknown): unknown {
  if (!(error instanceof CodedError)) return error;
  const hint = error.code === "unavailable"
    ? "The gateway has to reach oauth2.googleapis.com: look there, then try again"
    : "The grant may have ended: gcloud auth application-default login makes another";
  return new GatewayError(error.code, error.message, { cause: error, hint });
}

/** Rejects when the person ends the command. */
function interruption(name: string, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new GrantError(name, "unavailable", "it was interrupted"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

/** What has failed before is what is told; that something is left is told beside it. */
async function removeAgain({ gateway, input, stderr }: GrantedProvider): Promise<void> {
  const { name, workspace } = input;
  try {
    await gateway.deleteProvider({ name, workspace });
  } catch (error) {
    const shown = printableLine(name);
    const reason = printableLine(error instanceof Error ? error.message : "it failed");
    stderr.write(
      `! Provider ${shown} is left, without a token: ${reason}\n` +
        `→ Run: openshell provider delete ${shown}\n`,
    );
  }
}
