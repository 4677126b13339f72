/**
 * The refresh section of a profile's credential.
 *
 * @module
 */

import { readable } from "../../../policy-wasm/validate/place.ts";
import type { Lints } from "./lints.ts";
import {
  type ProfileCredential,
  type ProfileRefresh,
  type RefreshStrategy,
  STRATEGIES,
} from "./profile.ts";
import type { RawCredential } from "./profile_schema.ts";

/** Material that a strategy cannot do without. */
export const NEEDED_MATERIAL: Readonly<Record<RefreshStrategy, readonly string[]>> = {
  static: [],
  external: [],
  oauth2_refresh_token: ["client_id", "refresh_token"],
  oauth2_client_credentials: ["client_id", "client_secret"],
  google_service_account_jwt: ["client_email", "private_key"],
  aws_sts_assume_role: ["role_arn"],
};

/** Returns the section, `null` where it is not written. */
export function readRefresh(raw: RawCredential, lints: Lints): ProfileRefresh | null {
  const section = raw.refresh.value;
  if (section === undefined) return null;
  const written = section.strategy.value ?? "";
  const strategy = STRATEGIES.find((candidate) => candidate === written.replaceAll("-", "_"));
  if (strategy === undefined) {
    const place = section.strategy.written ? section.strategy.field : section.at;
    lints.add(place, `A refresh needs a strategy: one of ${STRATEGIES.join(", ")}`);
  }
  const tokenUrl = section.token_url.value ?? "";
  if (tokenUrl !== "" && !isSafeTokenUrl(tokenUrl)) {
    lints.add(section.token_url.field, "token_url is https, or http to this machine");
  }
  for (const read of [section.refresh_before_seconds, section.max_lifetime_seconds]) {
    if ((read.value ?? 0) < 0) lints.add(read.field, "Seconds are not negative");
  }
  return {
    strategy: strategy ?? "static",
    tokenUrl,
    scopes: readable(section.scopes).map(({ value }) => value),
    refreshBeforeSeconds: section.refresh_before_seconds.value ?? 0,
    maxLifetimeSeconds: section.max_lifetime_seconds.value ?? 0,
    material: readable(section.material).map(({ value }) => ({
      name: value.name.value ?? "",
      description: value.description.value ?? "",
      required: value.required.value ?? false,
      secret: value.secret.value ?? false,
    })),
    additionalOutputs: readable(section.additional_outputs).map(({ value }) => ({
      output: value.output.value ?? "",
      credential: value.credential.value ?? "",
    })),
  };
}

/** Each further output has to belong to one credential, by its name or its variable. */
export function checkOutputs(
  raw: RawCredential,
  credentials: readonly ProfileCredential[],
  lints: Lints,
): void {
  const section = raw.refresh.value;
  if (section === undefined) return;
  for (const { field, value } of readable(section.additional_outputs)) {
    const target = value.credential.value ?? "";
    const found = credentials.filter(({ name, envVars }) =>
      name === target || envVars.includes(target)
    );
    if (found.length !== 1 || found[0]?.envVars.length !== 1) {
      lints.add(field, "An output belongs to a credential that has exactly one variable");
    }
  }
}

/** A token endpoint gets secrets, so that what it is sent has to be encrypted. */
export function isSafeTokenUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}
