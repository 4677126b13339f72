/**
 * Checks what a client says of a provider, before anything is done about it.
 *
 * A value may be a secret, so no message shows one.
 *
 * @module
 */

import {
  CREDENTIAL_BYTES_MAX,
  PROVIDER_CONFIG_BYTES_MAX,
  PROVIDER_CONFIG_ENTRIES_MAX,
  PROVIDER_CREDENTIALS_MAX,
  PROVIDER_NAME_UNITS_MAX,
} from "../../proto/provider_limits.ts";
import { findKeyFault } from "./check_key.ts";
import { InvalidProviderError } from "./provider_errors.ts";

type Texts = Readonly<Record<string, string>>;

/** @throws {InvalidProviderError} */
export function checkProviderName(name: string): void {
  if (name === "") throw new InvalidProviderError("the name", "it is empty");
  const isPlain = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name);
  if (isPlain && name.length <= PROVIDER_NAME_UNITS_MAX) return;
  throw new InvalidProviderError(
    `name "${name.slice(0, 64)}"`,
    `it is not up to ${PROVIDER_NAME_UNITS_MAX} letters, digits, dots, hyphens and underscores`,
  );
}

/** Checks values that are set; an empty one removes its key, and is checked no further. */
export function checkCredentials(credentials: Texts): void {
  checkCount("credentials", credentials, PROVIDER_CREDENTIALS_MAX);
  for (const [key, value] of Object.entries(credentials)) {
    const fault = findKeyFault(key);
    if (fault !== null) throw new InvalidProviderError("a credential", fault);
    if (/[\r\n\0]/.test(value)) {
      const hint = "Take what follows the value away, as the line break at the end of a file";
      const detail = "its value has a line break or a NUL character";
      throw new InvalidProviderError(`credential "${key}"`, detail, hint);
    }
    if (byteLength(value) > CREDENTIAL_BYTES_MAX) {
      const detail = `its value has more than ${CREDENTIAL_BYTES_MAX} bytes`;
      throw new InvalidProviderError(`credential "${key}"`, detail);
    }
  }
}

/** Checks a config, which is no secret. */
export function checkConfig(config: Texts): void {
  checkCount("config", config, PROVIDER_CONFIG_ENTRIES_MAX);
  for (const [key, value] of Object.entries(config)) {
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/.test(key)) {
      const detail = "it is not made of letters, digits, dots, hyphens and underscores";
      throw new InvalidProviderError(`config key "${key.slice(0, 64)}"`, detail);
    }
    if (/[\r\n\0]/.test(value) || byteLength(value) > PROVIDER_CONFIG_BYTES_MAX) {
      const detail = `its value has a line break, or more than ${PROVIDER_CONFIG_BYTES_MAX} bytes`;
      throw new InvalidProviderError(`config key "${key}"`, detail);
    }
  }
}

/** Checks times of expiry, in milliseconds since 1970; 0 takes one away. */
export function checkExpiries(
  expiries: Readonly<Record<string, bigint>>,
  keys: ReadonlySet<string>,
): void {
  for (const [key, at] of Object.entries(expiries)) {
    if (!keys.has(key)) {
      throw new InvalidProviderError(`expiry of "${key.slice(0, 64)}"`, "there is no such key");
    }
    if (at < 0n || at > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new InvalidProviderError(`expiry of "${key}"`, "it is no time");
    }
  }
}

function checkCount(what: string, texts: Texts, max: number): void {
  if (Object.keys(texts).length <= max) return;
  throw new InvalidProviderError(what, `it has more than ${max} entries`);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
