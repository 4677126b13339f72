/**
 * Decides which gateway a command talks to, and with which certificates.
 *
 * @module
 */

import {
  activeGateway,
  findRegistration,
  gatewayFolder,
  isEndpoint,
  listRegistrations,
  LOCAL_GATEWAY,
  type Registration,
  RegistrationError,
  unknownGateway,
} from "./registrations.ts";
import { UnsupportedGatewayError } from "./gateway_error.ts";
import { type Env, stateFolder } from "./paths.ts";
import type { GatewayChoice } from "./types.ts";

/** Files of a client certificate. */
export interface TlsFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** A gateway whose place is known. */
export interface RemoteTarget {
  readonly kind: "registered";
  readonly name: string;
  readonly endpoint: string;
  readonly auth: "mtls" | "plaintext";
  /** `null` for plaintext. */
  readonly tls: TlsFiles | null;
}

/** The gateway of this machine, which is started when it is needed. */
export interface LocalTarget {
  readonly kind: "local";
  readonly name: string;
  readonly stateFolder: string;
  readonly tls: TlsFiles;
}

export type GatewayTarget = RemoteTarget | LocalTarget;

/** Returns the gateway that flags, environment and files name; the local one where none does. */
export async function resolveGateway(env: Env, choice: GatewayChoice): Promise<GatewayTarget> {
  const endpoint = choice.endpoint ?? blankToUndefined(env("OPENSHELL_GATEWAY_ENDPOINT"));
  const named = choice.name ?? blankToUndefined(env("OPENSHELL_GATEWAY"));
  if (endpoint !== undefined) return await resolveEndpoint(env, endpoint, choice.name);
  const name = named ?? await activeGateway(env);
  if (name === null) return localTarget(env);
  const registration = await findRegistration(env, name);
  if (registration !== null) return toTarget(registration, registration.endpoint);
  // The local gateway needs no registration, also when it is asked for by its name.
  if (name === LOCAL_GATEWAY) return localTarget(env);
  throw unknownGateway(name);
}

/** The gateway of this machine. */
export function localTarget(env: Env): LocalTarget {
  const folder = stateFolder(env);
  return { kind: "local", name: LOCAL_GATEWAY, stateFolder: folder, tls: localTls(folder) };
}

/** Certificates that the local gateway has made for its person. */
export function localTls(folder: string): TlsFiles {
  return {
    ca: `${folder}/tls/ca.crt`,
    certificate: `${folder}/tls/client/tls.crt`,
    key: `${folder}/tls/client/tls.key`,
  };
}

async function resolveEndpoint(
  env: Env,
  endpoint: string,
  name: string | undefined,
): Promise<GatewayTarget> {
  if (!isEndpoint(endpoint)) {
    throw new RegistrationError(
      "invalid_argument",
      `Cannot use gateway endpoint "${endpoint}": it should be https:// or http:// and a host`,
      'Write it as "https://gateway.example.com:17670"',
    );
  }
  const registration = name === undefined
    ? await findByEndpoint(env, endpoint)
    : await findRegistration(env, name);
  if (name !== undefined && registration === null) throw unknownGateway(name);
  if (registration !== null) return toTarget(registration, endpoint);
  const isPlain = new URL(endpoint).protocol === "http:";
  if (isPlain) {
    return { kind: "registered", name: endpoint, endpoint, auth: "plaintext", tls: null };
  }
  return {
    kind: "registered",
    name: endpoint,
    endpoint,
    auth: "mtls",
    tls: isLoopback(endpoint)
      ? localTls(stateFolder(env))
      : registeredTls(gatewayFolder(env, new URL(endpoint).hostname)),
  };
}

/** The active one is tried first, as several may share an endpoint. */
async function findByEndpoint(env: Env, endpoint: string): Promise<Registration | null> {
  const all = await listRegistrations(env);
  const active = await activeGateway(env);
  const same = all.filter((one) => withoutSlash(one.endpoint) === withoutSlash(endpoint));
  return same.find(({ name }) => name === active) ?? same[0] ?? null;
}

function toTarget(registration: Registration, endpoint: string): RemoteTarget {
  const { name, folder } = registration;
  const isPlain = new URL(endpoint).protocol === "http:";
  const mode = registration.authMode ?? (isPlain ? "plaintext" : "mtls");
  if (mode === "plaintext" && isPlain) {
    return { kind: "registered", name, endpoint, auth: "plaintext", tls: null };
  }
  if (mode !== "mtls" || isPlain) throw new UnsupportedGatewayError(name, mode);
  return { kind: "registered", name, endpoint, auth: "mtls", tls: registeredTls(folder) };
}

function registeredTls(folder: string): TlsFiles {
  return {
    ca: `${folder}/mtls/ca.crt`,
    certificate: `${folder}/mtls/tls.crt`,
    key: `${folder}/mtls/tls.key`,
  };
}

/** True for an endpoint on this machine. */
export function isLoopback(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, "");
}

function blankToUndefined(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text;
}
