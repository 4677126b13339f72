/**
 * Bounds of providers, their credentials and their profiles. What is beyond one is refused.
 *
 * @module
 */

/** Providers of one sandbox. */
export const SANDBOX_PROVIDERS_MAX = 32;

/** Providers of one workspace; each list of a page holds at most as many. */
export const PROVIDERS_MAX = 1_000;

/** Characters of the name of a provider. */
export const PROVIDER_NAME_UNITS_MAX = 63;

/** Credentials of one provider. */
export const PROVIDER_CREDENTIALS_MAX = 64;

/** Characters of a key, which is the name of a variable. */
export const PROVIDER_KEY_UNITS_MAX = 128;

/** Bytes of one credential. A header has to hold it. */
export const CREDENTIAL_BYTES_MAX = 12 * 1024;

/** Entries of the config of one provider. */
export const PROVIDER_CONFIG_ENTRIES_MAX = 64;

/** Bytes of one value of a config. */
export const PROVIDER_CONFIG_BYTES_MAX = 8 * 1024;

/** Profiles that people have imported, in one workspace and for all. */
export const PROFILES_MAX = 256;

/** Bytes of one profile document. */
export const PROFILE_BYTES_MAX = 256 * 1024;

/** Profiles of one import. */
export const PROFILE_IMPORT_MAX = 64;

/** Credentials that a profile declares. */
export const PROFILE_CREDENTIALS_MAX = 64;

/**
 * Time in which proofs of one change of providers are begun, in milliseconds: whoever asks is to
 * hear of the last one within `CLIENT_CALL_MS_MAX`. Beyond it: the change is refused.
 */
export const LAYER_PROOFS_MS_MAX = 8_000;
