/**
 * What a client asks for and what the profile says, made into what is kept of a refresh.
 *
 * Pure: no I/O, no clock, no module state.
 *
 * @module
 */

import type { Profile, ProfileRefresh, RefreshStrategy } from "../profile/profile.ts";
import { InvalidProviderError, ProviderRefusedError } from "../provider_errors.ts";
import type { ProviderRecord } from "../provider_record.ts";
import { type Material, splitMaterial } from "./material.ts";
import { ownedKeys, type RefreshRecord } from "./refresh_record.ts";
import { scheduleEnd } from "./schedule.ts";
import { tokenUrlOf } from "./token_url.ts";

type Texts = Readonly<Record<string, string>>;

export interface ConfigureRequest {
  readonly workspace: string;
  readonly provider: string;
  /** Variable that values are made of. */
  readonly key: string;
  /** `null` is that of the profile. */
  readonly strategy: RefreshStrategy | null;
  readonly material: Texts;
  /** Names of pieces that are secret besides those that always are. */
  readonly secretNames: readonly string[];
  /** End of the value that the provider has, in milliseconds since 1970; 0 where nobody knows. */
  readonly expiresAtMs: number;
}

export interface Surroundings {
  readonly provider: ProviderRecord;
  readonly profile: Profile | null;
  /** Whether the setting for all sandboxes lets providers add to policies. */
  readonly addsToPolicies: boolean;
  readonly nowMs: number;
}

/** What is to be kept. It holds secrets. */
export interface RefreshPlan {
  readonly material: Material;
  readonly fields: Pick<
    RefreshRecord,
    | "key"
    | "strategy"
    | "tokenUrl"
    | "scopes"
    | "leadSeconds"
    | "lifetimeSecondsMax"
    | "outputs"
    | "expiresAtMs"
    | "nextRefreshAtMs"
  >;
}

/** What the keys of a role are besides the first. */
const ROLE_OUTPUTS = ["secret_access_key", "session_token"];

/** @throws {CodedError} */
export function planRefresh(request: ConfigureRequest, around: Surroundings): RefreshPlan {
  const { provider, profile, nowMs } = around;
  const { key, expiresAtMs } = request;
  const refresh = findRefresh(request, provider, profile);
  checkStrategy(request, refresh, around);
  const outputs = outputsOf(refresh, profile);
  const owned = ownedKeys({ key, outputs });
  if (new Set(owned).size !== owned.length) {
    throw new InvalidProviderError("the profile", "two outputs would be values of one variable");
  }
  const material = splitMaterial(refresh, request.material, request.secretNames);
  const lifetimes = {
    leadSeconds: refresh.refreshBeforeSeconds,
    lifetimeSecondsMax: refresh.maxLifetimeSeconds,
  };
  if (expiresAtMs < 0 || !Number.isSafeInteger(expiresAtMs)) {
    throw new InvalidProviderError(`expiry of "${key}"`, "it is no time");
  }
  if (expiresAtMs > 0 && !Object.hasOwn(provider.handles, key)) {
    throw new InvalidProviderError(`expiry of "${key}"`, "the provider has no value of it yet");
  }
  // Without an end the value may have ended already.
  const times = expiresAtMs > 0
    ? scheduleEnd(lifetimes, nowMs, expiresAtMs)
    : { expiresAtMs: 0, nextRefreshAtMs: nowMs };
  return {
    material,
    fields: {
      key,
      strategy: refresh.strategy,
      tokenUrl: tokenUrlOf(refresh, request.material),
      scopes: refresh.scopes,
      ...lifetimes,
      outputs,
      ...times,
    },
  };
}

function findRefresh(
  { key }: ConfigureRequest,
  { type }: ProviderRecord,
  profile: Profile | null,
): ProfileRefresh {
  const shown = `credential "${key.slice(0, 64)}"`;
  if (profile === null) {
    const detail = `type "${type}" has no profile, which would say where values come from`;
    throw new InvalidProviderError(shown, detail, "Import a profile, and use its id as the type");
  }
  const credential = profile.credentials.find(({ envVars }) => envVars.includes(key));
  const refreshed = profile.credentials.filter(({ refresh }) => refresh !== null)
    .flatMap(({ envVars }) => envVars);
  const hint = refreshed.length === 0
    ? "No credential of the profile has a refresh section"
    : `Those with a refresh section: ${refreshed.join(", ")}`;
  if (credential === undefined) {
    throw new InvalidProviderError(shown, `profile "${profile.id}" has no such variable`, hint);
  }
  if (credential.refresh === null) {
    const detail = `profile "${profile.id}" has no refresh section for it`;
    throw new InvalidProviderError(shown, detail, hint);
  }
  return credential.refresh;
}

function checkStrategy(
  { key, strategy: asked, provider: name }: ConfigureRequest,
  { strategy, scopes, additionalOutputs }: ProfileRefresh,
  { addsToPolicies }: Surroundings,
): void {
  const isMade = (candidate: RefreshStrategy) => candidate !== "static" && candidate !== "external";
  if (!isMade(asked ?? strategy)) {
    throw new InvalidProviderError(
      `strategy "${asked ?? strategy}"`,
      "the gateway makes no values by it",
      `Set values with: openshell provider update ${name} --credential ${key}`,
    );
  }
  if (asked !== null && asked !== strategy) {
    const detail = `the profile says ${strategy.replaceAll("_", "-")}`;
    throw new InvalidProviderError(`strategy "${asked.replaceAll("_", "-")}"`, detail);
  }
  if (strategy === "google_service_account_jwt" && scopes.length === 0) {
    throw new InvalidProviderError("the profile", "this strategy needs scopes");
  }
  if (strategy !== "aws_sts_assume_role") {
    if (additionalOutputs.length === 0) return;
    throw new InvalidProviderError("the profile", "this strategy makes no additional outputs");
  }
  const outputs = additionalOutputs.map(({ output }) => output).toSorted();
  if (outputs.join() !== ROLE_OUTPUTS.join()) {
    const detail = `additional_outputs should be ${ROLE_OUTPUTS.join(" and ")}`;
    throw new InvalidProviderError("the profile", detail);
  }
  if (addsToPolicies) return;
  throw new ProviderRefusedError(
    "failed_precondition",
    `make values of "${key}"`,
    "keys of a role need the setting providers_v2_enabled",
    "Run: openshell settings set --global --key providers_v2_enabled --value true",
  );
}

/** Variables of further outputs: the profile was checked to have exactly one for each. */
function outputsOf({ additionalOutputs }: ProfileRefresh, profile: Profile | null): Texts {
  return Object.fromEntries(additionalOutputs.flatMap(({ output, credential }) => {
    const target = profile?.credentials.find(({ name, envVars }) =>
      name === credential || envVars.includes(credential)
    );
    const [variable] = target?.envVars ?? [];
    return variable === undefined ? [] : [[output, variable] as const];
  }));
}
