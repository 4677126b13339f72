/**
 * What the gateway knows of a credential that it makes anew, as it is kept, stored, and told.
 *
 * Material that is secret is with the credential driver: only handles are here.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ProviderCredentialRefreshStatus,
  ProviderCredentialRefreshStatusSchema,
  StoredProviderCredentialRefreshStateSchema,
} from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import type { ObjectFields, StoredObject } from "../../store/contract.ts";
import { type RefreshStrategy, STRATEGIES } from "../profile/profile.ts";
import type { CredentialHandle } from "../provider_record.ts";

type Texts = Readonly<Record<string, string>>;

/** `configured`: no value was made yet. `error`: the last attempt has failed. */
export type RefreshState = "configured" | "refreshed" | "error";

/** Milliseconds are since 1970, and 0 is never. */
export interface RefreshRecord {
  readonly providerId: string;
  readonly providerName: string;
  readonly workspace: string;
  /** Variable that it makes values of. */
  readonly key: string;
  readonly strategy: RefreshStrategy;
  /** What is no secret, by name. */
  readonly material: Texts;
  /** The rest, by name. */
  readonly secrets: Readonly<Record<string, CredentialHandle>>;
  /** From the profile, as it was when this was configured; so are those below. */
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly leadSeconds: number;
  readonly lifetimeSecondsMax: number;
  /** Further variables that one attempt makes values of, by what they are for the strategy. */
  readonly outputs: Texts;
  /** Another one with each configuration: with it placeholders change. */
  readonly epoch: string;
  readonly state: RefreshState;
  readonly expiresAtMs: number;
  readonly nextRefreshAtMs: number;
  readonly lastRefreshAtMs: number;
  /** Empty where the last attempt has not failed. */
  readonly lastError: string;
  readonly createdAtMs: number;
  /** 0 before it is stored. */
  readonly resourceVersion: number;
}

/** Id of the refresh of a credential. */
export function refreshId({ providerId, key }: Pick<RefreshRecord, "providerId" | "key">): string {
  return `${providerId}/${key}`;
}

/** Variables that a refresh makes values of. Nobody else sets them. */
export function ownedKeys(
  { key, outputs }: Pick<RefreshRecord, "key" | "outputs">,
): readonly string[] {
  return [key, ...Object.values(outputs)];
}

/** Name under which the driver keeps a piece of material: no variable has such a name. */
export function materialOwner(key: string, name: string): string {
  return `${key}/${name}`;
}

/** Returns the message of the wire: nothing of the material is in it. */
export function toStatus(record: RefreshRecord): ProviderCredentialRefreshStatus {
  return create(ProviderCredentialRefreshStatusSchema, {
    providerName: record.providerName,
    providerId: record.providerId,
    credentialKey: record.key,
    strategy: STRATEGIES.indexOf(record.strategy) + 1,
    status: record.state,
    expiresAtMs: BigInt(record.expiresAtMs),
    nextRefreshAtMs: BigInt(record.nextRefreshAtMs),
    lastRefreshAtMs: BigInt(record.lastRefreshAtMs),
    lastError: record.lastError,
  });
}

/** Returns what the store keeps. */
export function toStored(record: RefreshRecord): ObjectFields {
  const message = create(StoredProviderCredentialRefreshStateSchema, {
    providerId: record.providerId,
    providerName: record.providerName,
    credentialKey: record.key,
    strategy: STRATEGIES.indexOf(record.strategy) + 1,
    material: { ...record.material },
    secretMaterialKeys: Object.keys(record.secrets),
    secretMaterialHandles: Object.fromEntries(
      Object.entries(record.secrets).map(([name, handle]) => [name, { ...handle }]),
    ),
    tokenUrl: record.tokenUrl,
    scopes: [...record.scopes],
    refreshBeforeSeconds: BigInt(record.leadSeconds),
    maxLifetimeSeconds: BigInt(record.lifetimeSecondsMax),
    additionalOutputKeys: { ...record.outputs },
    authorizationEpoch: record.epoch,
    status: record.state,
    expiresAtMs: BigInt(record.expiresAtMs),
    nextRefreshAtMs: BigInt(record.nextRefreshAtMs),
    lastRefreshAtMs: BigInt(record.lastRefreshAtMs),
    lastError: record.lastError,
  });
  return {
    id: refreshId(record),
    type: "provider_refresh",
    workspace: record.workspace,
    name: refreshId(record),
    scope: record.providerId,
    version: null,
    status: record.state,
    payload: toBinary(StoredProviderCredentialRefreshStateSchema, message),
    labels: {},
  };
}

/** Returns the record of a stored object. */
export function fromStored(object: StoredObject): RefreshRecord {
  const message = fromBinary(StoredProviderCredentialRefreshStateSchema, object.payload);
  return {
    providerId: message.providerId,
    providerName: message.providerName,
    workspace: object.workspace,
    key: message.credentialKey,
    strategy: STRATEGIES[message.strategy - 1] ?? "static",
    material: message.material,
    secrets: Object.fromEntries(
      Object.entries(message.secretMaterialHandles).map(([name, { driver, handle }]) => [name, {
        driver,
        handle,
      }]),
    ),
    tokenUrl: message.tokenUrl,
    scopes: message.scopes,
    leadSeconds: Number(message.refreshBeforeSeconds),
    lifetimeSecondsMax: Number(message.maxLifetimeSeconds),
    outputs: message.additionalOutputKeys,
    epoch: message.authorizationEpoch,
    state: toState(message.status),
    expiresAtMs: Number(message.expiresAtMs),
    nextRefreshAtMs: Number(message.nextRefreshAtMs),
    lastRefreshAtMs: Number(message.lastRefreshAtMs),
    lastError: message.lastError,
    createdAtMs: object.createdAtMs,
    resourceVersion: object.resourceVersion,
  };
}

function toState(status: string): RefreshState {
  return status === "refreshed" || status === "error" ? status : "configured";
}
