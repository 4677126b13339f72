/**
 * A profile that was read to one that can be used.
 *
 * @module
 */

import type { Read } from "../../../policy-wasm/parse/reader.ts";
import type { Field } from "../../../policy-wasm/parse/tree.ts";
import type { Binary, Endpoint } from "../../../policy-wasm/policy.ts";
import { placed, readable } from "../../../policy-wasm/validate/place.ts";
import { PROFILE_CREDENTIALS_MAX } from "../../../proto/provider_limits.ts";
import { findKeyFault } from "../check_key.ts";
import { checkOutputs, readRefresh } from "./check_refresh.ts";
import type { Lints } from "./lints.ts";
import {
  AUTH_STYLES,
  type AuthStyle,
  CATEGORIES,
  type Category,
  type Profile,
  type ProfileCredential,
} from "./profile.ts";
import type { RawCredential, RawProfile } from "./profile_schema.ts";

/** What was read of a profile already, and where to report. */
export interface ProfileParts {
  readonly endpoints: readonly Endpoint[];
  readonly binaries: readonly Binary[];
  readonly document: Profile["rule"];
  readonly lints: Lints;
}

/** Returns the profile; it may be used where nothing was reported. */
export function checkProfile(raw: RawProfile, parts: ProfileParts): Profile {
  const { lints, endpoints } = parts;
  const credentials = readCredentials(raw, lints);
  checkEndpoints(raw, credentials, parts);
  return {
    id: readId(raw, lints),
    displayName: raw.display_name.value ?? raw.id.value ?? "",
    description: raw.description.value ?? "",
    category: word<Category>(raw.category, CATEGORIES, lints) ?? "other",
    inferenceCapable: raw.inference_capable.value ?? false,
    annotations: Object.fromEntries(
      readable(raw.annotations).map(({ field, value }) => [String(field.origin?.step), value]),
    ),
    credentials,
    discovery: readDiscovery(raw, credentials, lints),
    endpoints,
    binaries: parts.binaries,
    rule: parts.document,
    resourceVersion: raw.resource_version.value ?? 0,
  };
}

function readId(raw: RawProfile, lints: Lints): string {
  const { value, written, field } = raw.id;
  if (!written) lints.add(raw.at, "A profile needs an id", "id: my-service");
  if (value !== undefined && !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value)) {
    const fix = value.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    lints.add(field, "An id is lower-case letters, digits and hyphens", fix || null);
  }
  return value ?? "";
}

function readCredentials(raw: RawProfile, lints: Lints): readonly ProfileCredential[] {
  const items = readable(raw.credentials);
  if (items.length > PROFILE_CREDENTIALS_MAX) {
    lints.add(raw.credentials.field, `There are more than ${PROFILE_CREDENTIALS_MAX} credentials`);
    return [];
  }
  const names = new Set<string>();
  const variables = new Set<string>();
  const credentials = items.map(({ value }) => {
    const name = value.name.value ?? "";
    if (!/^[a-z0-9](?:[a-z0-9_-]{0,62})$/.test(name)) {
      const message = "A credential needs a name of lower-case letters, digits, - and _";
      lints.add(value.name.written ? value.name.field : value.at, message);
    } else if (names.has(name)) {
      lints.add(value.name.field, `Credential "${name}" is there already`);
    }
    names.add(name);
    return readCredential(value, { name, variables, lints });
  });
  for (const { value } of items) checkOutputs(value, credentials, lints);
  return credentials;
}

function readCredential(
  raw: RawCredential,
  { name, variables, lints }: {
    readonly name: string;
    readonly variables: Set<string>;
    readonly lints: Lints;
  },
): ProfileCredential {
  const envVars = readable(raw.env_vars);
  if (envVars.length === 0) lints.add(raw.at, `Credential "${name}" needs env_vars`);
  for (const { field, value } of envVars) {
    const fault = findKeyFault(value);
    if (fault !== null) lints.add(field, fault);
    if (variables.has(value)) lints.add(field, `Variable "${value}" is there already`);
    variables.add(value);
  }
  const authStyle = word<AuthStyle>(raw.auth_style, AUTH_STYLES, lints) ?? "";
  const credential: ProfileCredential = {
    name,
    description: raw.description.value ?? "",
    envVars: envVars.map(({ value }) => value),
    required: raw.required.value ?? false,
    authStyle,
    headerName: raw.header_name.value ?? "",
    queryParam: raw.query_param.value ?? "",
    pathTemplate: raw.path_template.value ?? "",
    refresh: readRefresh(raw, lints),
  };
  checkStyle(raw, credential, lints);
  return credential;
}

function checkStyle(raw: RawCredential, credential: ProfileCredential, lints: Lints): void {
  const { authStyle, headerName, queryParam, pathTemplate } = credential;
  if (authStyle === "header" && headerName === "") {
    lints.add(raw.auth_style.field, "auth_style: header needs header_name");
  }
  if (headerName !== "" && !/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(headerName)) {
    lints.add(raw.header_name.field, "header_name is no name of a header");
  }
  if (authStyle === "query" && queryParam === "") {
    lints.add(raw.auth_style.field, "auth_style: query needs query_param");
  }
  if (queryParam !== "" && !/^[A-Za-z0-9._~-]{1,128}$/.test(queryParam)) {
    lints.add(raw.query_param.field, "query_param is no plain name of a parameter");
  }
  const places = pathTemplate.split("{credential}").length - 1;
  if (authStyle === "path" && pathTemplate === "") {
    lints.add(raw.auth_style.field, "auth_style: path needs path_template");
  } else if (pathTemplate !== "" && (places !== 1 || !pathTemplate.startsWith("/"))) {
    const message = "path_template starts with / and has {credential} exactly once";
    lints.add(raw.path_template.field, message);
  }
}

function readDiscovery(
  raw: RawProfile,
  credentials: readonly ProfileCredential[],
  lints: Lints,
): readonly string[] {
  const names = raw.discovery.value === undefined ? [] : readable(raw.discovery.value.credentials);
  for (const { field, value } of names) {
    if (credentials.every(({ name }) => name !== value)) {
      lints.add(field, `Credential "${value}" is not declared`);
    }
  }
  return names.map(({ value }) => value);
}

/** A credential must not be able to leave where nobody reads what is sent. */
function checkEndpoints(
  raw: RawProfile,
  credentials: readonly ProfileCredential[],
  { endpoints, lints }: ProfileParts,
): void {
  for (const [index, endpoint] of endpoints.entries()) {
    const field: Field = raw.endpoints.field.child(index) ?? raw.endpoints.field;
    if (endpoint.host === "") lints.add(field, "An endpoint of a profile needs a host");
    if (endpoint.credentialBindingProvider !== null) {
      lints.add(field, "credential_binding belongs to policies: a profile binds its own");
    }
    if (credentials.length === 0 || isInspected(endpoint)) continue;
    if (endpoint.allowUninspectedCredentials) continue;
    const message = "An endpoint that nobody reads cannot be beside credentials without " +
      "allow_uninspected_credentials";
    lints.add(field, message, "protocol: rest");
  }
}

/** Whether the proxy reads requests there, so that it can fill placeholders. */
export function isInspected({ protocol, tls }: Endpoint): boolean {
  return !["l4", "tcp", "sql"].includes(protocol) && tls !== "skip";
}

function word<Word extends string>(
  read: Read<string>,
  words: readonly Word[],
  lints: Lints,
): Word | null {
  const written = placed(read);
  if (written === null) return null;
  const found = words.find((candidate) => candidate === written.value);
  if (found !== undefined) return found;
  lints.add(written.field, `"${written.value}" is none of ${words.join(", ")}`);
  return null;
}
