/**
 * A provider as the gateway keeps it, as it is stored, and as the wire has it.
 *
 * Only handles of credentials are in it, never a value: those are with the credential driver.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type Provider,
  ProviderSchema,
} from "../../proto/gen/openshell/datamodel/v1/datamodel_pb.ts";
import type { ObjectFields, StoredObject } from "../store/contract.ts";

type Texts = Readonly<Record<string, string>>;

/** Where the value of a credential is kept. */
export interface CredentialHandle {
  readonly driver: string;
  readonly handle: string;
}

export interface ProviderRecord {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly workspace: string;
  readonly type: string;
  readonly config: Texts;
  readonly handles: Readonly<Record<string, CredentialHandle>>;
  /** Milliseconds since 1970; a key without an entry does not expire. */
  readonly expiresAtMs: Readonly<Record<string, number>>;
  /** Empty: a profile of its own workspace wins over one for all. Else the workspace it is from. */
  readonly profileWorkspace: string;
  readonly labels: Texts;
  readonly annotations: Texts;
  readonly createdAtMs: number;
  readonly resourceVersion: number;
}

/** What stands for a value on the wire. */
export const REDACTED_VALUE = "REDACTED";

/** Returns the message of the wire, without values and without handles. */
export function toMessage(record: ProviderRecord): Provider {
  const message = toStoredMessage(record);
  message.credentialHandles = {};
  message.credentials = Object.fromEntries(
    Object.keys(record.handles).map((key) => [key, REDACTED_VALUE]),
  );
  return message;
}

/** Returns what the store keeps: the payload is the message of the wire, with handles. */
export function toStored(record: ProviderRecord): ObjectFields {
  return {
    id: record.id,
    type: "provider",
    workspace: record.workspace,
    name: record.name,
    scope: null,
    version: null,
    status: "",
    payload: toBinary(ProviderSchema, toStoredMessage(record)),
    labels: record.labels,
  };
}

/** Returns the record of a stored object; its columns win over its payload. */
export function fromStored(object: StoredObject): ProviderRecord {
  const message = fromBinary(ProviderSchema, object.payload);
  return {
    id: object.id,
    name: object.name,
    workspace: object.workspace,
    type: message.type,
    config: message.config,
    handles: Object.fromEntries(
      Object.entries(message.credentialHandles).map(([key, { driver, handle }]) => [key, {
        driver,
        handle,
      }]),
    ),
    expiresAtMs: Object.fromEntries(
      Object.entries(message.credentialExpiresAtMs).map(([key, at]) => [key, Number(at)]),
    ),
    profileWorkspace: message.profileWorkspace,
    labels: object.labels,
    annotations: message.metadata?.annotations ?? {},
    createdAtMs: object.createdAtMs,
    resourceVersion: object.resourceVersion,
  };
}

function toStoredMessage(record: ProviderRecord): Provider {
  return create(ProviderSchema, {
    metadata: {
      id: record.id,
      name: record.name,
      workspace: record.workspace,
      labels: { ...record.labels },
      annotations: { ...record.annotations },
      createdAtMs: BigInt(record.createdAtMs),
      resourceVersion: BigInt(record.resourceVersion),
    },
    type: record.type,
    config: { ...record.config },
    credentialHandles: Object.fromEntries(
      Object.entries(record.handles).map(([key, { driver, handle }]) => [key, { driver, handle }]),
    ),
    credentialExpiresAtMs: Object.fromEntries(
      Object.entries(record.expiresAtMs).map(([key, at]) => [key, BigInt(at)]),
    ),
    profileWorkspace: record.profileWorkspace,
  });
}
