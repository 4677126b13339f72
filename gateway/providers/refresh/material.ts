/**
 * What a strategy needs to make values: which pieces, and which of them are secret.
 *
 * Pure: no I/O, no module state. No message shows a value.
 *
 * @module
 */

import { REFRESH_MATERIAL_BYTES_MAX, REFRESH_MATERIAL_MAX } from "../../../proto/refresh_limits.ts";
import { NEEDED_MATERIAL } from "../profile/check_refresh.ts";
import type { ProfileRefresh, RefreshStrategy } from "../profile/profile.ts";
import { InvalidProviderError } from "../provider_errors.ts";

type Texts = Readonly<Record<string, string>>;

/** Material in two: what may be kept in clear, and what may not. */
export interface Material {
  readonly open: Texts;
  readonly secret: Texts;
}

/** Material that a strategy may do without. */
const OPTIONAL_MATERIAL: Readonly<Record<RefreshStrategy, readonly string[]>> = {
  static: [],
  external: [],
  oauth2_refresh_token: ["client_secret", "tenant_id"],
  oauth2_client_credentials: ["tenant_id"],
  google_service_account_jwt: ["subject", "sub"],
  aws_sts_assume_role: [
    "aws_access_key_id",
    "aws_region",
    "aws_secret_access_key",
    "aws_session_token",
    "external_id",
    "session_name",
  ],
};

/** Secret whatever anybody says. */
const SECRETS: ReadonlySet<string> = new Set([
  "aws_secret_access_key",
  "aws_session_token",
  "client_secret",
  "private_key",
  "refresh_token",
]);

/** Where secrets would be sent to: that is for the profile to say. */
const PLACES: ReadonlySet<string> = new Set(["endpoint", "endpoint_url", "token_uri", "token_url"]);

/** Checks what a client gives and takes it apart. @throws {InvalidProviderError} */
export function splitMaterial(
  refresh: ProfileRefresh,
  given: Texts,
  secretNames: readonly string[],
): Material {
  const { strategy } = refresh;
  const entries = Object.entries(given);
  if (entries.length > REFRESH_MATERIAL_MAX) {
    throw new InvalidProviderError(
      "the material",
      `it has more than ${REFRESH_MATERIAL_MAX} parts`,
    );
  }
  const known = new Set([
    ...NEEDED_MATERIAL[strategy],
    ...OPTIONAL_MATERIAL[strategy],
    ...refresh.material.map(({ name }) => name),
  ]);
  for (const [name, value] of entries) checkPiece(name, value, known);
  for (const name of secretNames) {
    if (Object.hasOwn(given, name)) continue;
    throw new InvalidProviderError(
      `secret material "${name.slice(0, 64)}"`,
      "there is no such piece",
      "Give it as well: a secret's name marks a piece of material, and is not its value",
    );
  }
  checkComplete(refresh, given);
  const marked = new Set(secretNames);
  const isSecret = (name: string) =>
    SECRETS.has(name) || marked.has(name) ||
    refresh.material.some((piece) => piece.name === name && piece.secret);
  return {
    open: Object.fromEntries(entries.filter(([name]) => !isSecret(name))),
    secret: Object.fromEntries(entries.filter(([name]) => isSecret(name))),
  };
}

function checkPiece(name: string, value: string, known: ReadonlySet<string>): void {
  const shown = `material "${name.slice(0, 64)}"`;
  if (PLACES.has(name)) {
    throw new InvalidProviderError(shown, "the profile alone says where a token comes from");
  }
  if (!known.has(name)) {
    const hint = `There are: ${[...known].sort().join(", ")}`;
    throw new InvalidProviderError(shown, "the strategy knows no such piece", hint);
  }
  if (value === "" || value.includes("\0")) {
    throw new InvalidProviderError(shown, "it is empty, or has a NUL character");
  }
  if (new TextEncoder().encode(value).length > REFRESH_MATERIAL_BYTES_MAX) {
    const detail = `it has more than ${REFRESH_MATERIAL_BYTES_MAX} bytes`;
    throw new InvalidProviderError(shown, detail);
  }
}

function checkComplete({ strategy, material }: ProfileRefresh, given: Texts): void {
  const needed = [
    ...NEEDED_MATERIAL[strategy],
    ...material.filter(({ required }) => required).map(({ name }) => name),
    // Without keys of its own the gateway would have to find some, and use whoever's they are.
    ...strategy === "aws_sts_assume_role" ? ["aws_access_key_id", "aws_secret_access_key"] : [],
  ];
  const missing = [...new Set(needed)].filter((name) => !Object.hasOwn(given, name));
  if (missing.length === 0) return;
  const [first = ""] = missing;
  const flag = SECRETS.has(first) ? `--secret-material-env ${first}` : `--material ${first}=VALUE`;
  throw new InvalidProviderError(
    "the material",
    `strategy ${strategy.replaceAll("_", "-")} needs ${missing.join(", ")}`,
    `Add ${flag}`,
  );
}
