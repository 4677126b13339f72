/**
 * The gateways that a person, or a package, has registered on this machine.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { GATEWAYS_MAX, METADATA_BYTES_MAX } from "../../proto/limits.ts";
import {
  configFolder,
  type Env,
  makePrivateFolder,
  readTextOrNull,
  systemFolder,
  writePrivateFile,
} from "./paths.ts";

/** Name under which the gateway of this machine keeps its files. */
export const LOCAL_GATEWAY = "openshell";

/** What `metadata.json` holds, as far as this program reads it. */
export interface Registration {
  readonly name: string;
  readonly endpoint: string;
  /** As stored; `null` follows from the scheme. */
  readonly authMode: string | null;
  readonly isRemote: boolean;
  readonly remoteHost: string | null;
  readonly resolvedHost: string | null;
  readonly source: "user" | "system";
  /** Folder that holds `mtls/` and what is remembered of this gateway. */
  readonly folder: string;
}

/** There is no such registration, or it cannot be used. */
export class RegistrationError extends CodedError {
  override readonly name = "RegistrationError";

  constructor(
    override readonly code: "not_found" | "already_exists" | "invalid_argument",
    message: string,
    hint?: string,
  ) {
    super(message, hint === undefined ? {} : { hint });
  }
}

/** True for a name that is one component of a path. */
export function isGatewayName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name);
}

/** Folder of a person's files about a gateway. The name may be a URL: then it is reduced. */
export function gatewayFolder(env: Env, name: string): string {
  const reduced = name.replaceAll(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "_").slice(0, 128);
  return `${configFolder(env)}/gateways/${reduced || "_"}`;
}

/** Returns the registration, of the person before that of a package; `null` where none is. */
export async function findRegistration(env: Env, name: string): Promise<Registration | null> {
  if (!isGatewayName(name)) return null;
  return await readRegistration(`${configFolder(env)}/gateways/${name}`, name, "user") ??
    await readRegistration(`${systemFolder(env)}/gateways/${name}`, name, "system");
}

/** Returns all registrations by name; a person's shadows one of the system. */
export async function listRegistrations(env: Env): Promise<readonly Registration[]> {
  const found = new Map<string, Registration>();
  for (const [folder, source] of [[systemFolder(env), "system"], [configFolder(env), "user"]]) {
    for (const name of await namesIn(`${folder}/gateways`)) {
      const registration = await readRegistration(
        `${folder}/gateways/${name}`,
        name,
        source === "user" ? "user" : "system",
      );
      if (registration !== null) found.set(name, registration);
    }
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Returns the name in `active_gateway`, `null` where none is chosen. */
export async function activeGateway(env: Env): Promise<string | null> {
  for (const folder of [configFolder(env), systemFolder(env)]) {
    const name = (await readTextOrNull(`${folder}/active_gateway`))?.trim() ?? "";
    if (name !== "") return name;
  }
  return null;
}

/** Makes a registered gateway the default. */
export async function selectGateway(env: Env, name: string): Promise<void> {
  await makePrivateFolder(configFolder(env));
  await writePrivateFile(`${configFolder(env)}/active_gateway`, `${name}\n`);
}

/** Certificates of a client, as PEM. */
export interface ClientBundle {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface NewRegistration {
  readonly name: string;
  readonly endpoint: string;
  readonly authMode: "mtls" | "plaintext";
  readonly isRemote: boolean;
  readonly remoteHost: string | null;
  readonly bundle: ClientBundle | null;
}

/**
 * Writes a registration, all of it or nothing.
 *
 * @throws {RegistrationError} when the name is taken or cannot be one
 */
export async function addRegistration(env: Env, added: NewRegistration): Promise<void> {
  const { name } = added;
  if (!isGatewayName(name)) {
    throw new RegistrationError(
      "invalid_argument",
      `Cannot add gateway "${name}": a name has letters, digits, ".", "_" and "-"`,
    );
  }
  const folder = gatewayFolder(env, name);
  if (await readTextOrNull(`${folder}/metadata.json`) !== null) {
    const hint = `Run "openshell gateway remove ${name}" first, or choose another --name`;
    throw new RegistrationError("already_exists", `Cannot add gateway "${name}": it exists`, hint);
  }
  await makePrivateFolder(folder);
  try {
    if (added.bundle !== null) await writeBundle(`${folder}/mtls`, added.bundle);
    const metadata = {
      name,
      gateway_endpoint: added.endpoint,
      is_remote: added.isRemote,
      gateway_port: portOf(added.endpoint),
      ...added.remoteHost === null ? {} : { remote_host: added.remoteHost },
      auth_mode: added.authMode,
    };
    // Last, because this file is what makes it a registration.
    await writePrivateFile(`${folder}/metadata.json`, `${JSON.stringify(metadata, null, 2)}\n`);
  } catch (error) {
    await Deno.remove(`${folder}/mtls`, { recursive: true }).catch(() => {});
    throw error;
  }
}

/** @throws {RegistrationError} for one of the system, or none. */
export async function removeRegistration(env: Env, name: string): Promise<void> {
  const found = await findRegistration(env, name);
  if (found === null) throw unknownGateway(name);
  if (found.source === "system") {
    throw new RegistrationError(
      "invalid_argument",
      `Cannot remove gateway "${name}": it belongs to the system, not to you`,
      `It is in "${found.folder}"`,
    );
  }
  await Deno.remove(found.folder, { recursive: true });
  if (await activeGateway(env) !== name) return;
  await Deno.remove(`${configFolder(env)}/active_gateway`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

export function unknownGateway(name: string): RegistrationError {
  return new RegistrationError(
    "not_found",
    `Cannot find gateway "${name}": none is registered by that name`,
    'Run "openshell gateway list" to see those that are, or "openshell gateway add" to add it',
  );
}

/** Port of a URL, also where the scheme implies it. */
export function portOf(endpoint: string): number {
  const { port, protocol } = new URL(endpoint);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

async function writeBundle(folder: string, bundle: ClientBundle): Promise<void> {
  await makePrivateFolder(folder);
  await writePrivateFile(`${folder}/ca.crt`, bundle.ca);
  await writePrivateFile(`${folder}/tls.crt`, bundle.certificate);
  await writePrivateFile(`${folder}/tls.key`, bundle.key);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (isGatewayName(name) && names.length < GATEWAYS_MAX) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

async function readRegistration(
  folder: string,
  name: string,
  source: "user" | "system",
): Promise<Registration | null> {
  const text = await readTextOrNull(`${folder}/metadata.json`);
  if (text === null) return null;
  const metadata = text.length > METADATA_BYTES_MAX ? null : parseObject(text);
  const endpoint = metadata?.["gateway_endpoint"];
  if (typeof endpoint !== "string" || !isEndpoint(endpoint)) {
    throw new RegistrationError(
      "invalid_argument",
      `Cannot read gateway "${name}": "${folder}/metadata.json" should hold its endpoint`,
      `Run "openshell gateway remove ${name}" and add it again`,
    );
  }
  return {
    name,
    endpoint,
    authMode: textOrNull(metadata?.["auth_mode"]),
    isRemote: metadata?.["is_remote"] === true,
    remoteHost: textOrNull(metadata?.["remote_host"]),
    resolvedHost: textOrNull(metadata?.["resolved_host"]),
    source,
    folder,
  };
}

/** True for a URL that a gateway can listen on. */
export function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(text);
  return (protocol === "https:" || protocol === "http:") && hostname !== "" &&
    pathname === "/" && search + hash + username + password === "";
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    // The caller says what is wrong with the file.
    return null;
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
