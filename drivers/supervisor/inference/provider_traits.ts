/**
 * How each type of provider is spoken to: where its key goes, and what of a caller's headers.
 *
 * A type without an entry is an ordinary server of the OpenAI kind.
 *
 * @module
 */

import type { HeaderField } from "../egress/http1/header_fields.ts";

export interface ProviderTraits {
  /** Returns the header with the key. */
  readonly keyField: (key: string) => HeaderField;
  /** Lower-case names of a caller's headers that go on, besides {@link COMMON_HEADERS}. */
  readonly headers: readonly string[];
  /** Sent where the caller has none. */
  readonly defaults: readonly HeaderField[];
}

/**
 * Lower-case names of a caller's headers that go on to any provider. No `accept-encoding`: a reply
 * has to be readable for its token counts, and must not wait for a compressor.
 */
export const COMMON_HEADERS: readonly string[] = ["accept", "content-type", "user-agent"];

const bearer = (key: string): HeaderField => ["Authorization", `Bearer ${key}`];

const GENERIC: ProviderTraits = { keyField: bearer, headers: [], defaults: [] };

const TRAITS: ReadonlyMap<string, ProviderTraits> = new Map([
  ["openai", { ...GENERIC, headers: ["openai-organization", "x-model-id"] }],
  ["nvidia", { ...GENERIC, headers: ["x-model-id"] }],
  ["deepinfra", { ...GENERIC, headers: ["x-model-id"] }],
  ["anthropic", {
    keyField: (key: string): HeaderField => ["x-api-key", key],
    headers: ["anthropic-version", "anthropic-beta"],
    defaults: [["anthropic-version", "2023-06-01"]],
  }],
]);

export function traitsOf(providerType: string): ProviderTraits {
  return TRAITS.get(providerType) ?? GENERIC;
}
