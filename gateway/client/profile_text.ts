/**
 * Profile documents as a client checks them, before a gateway sees them.
 *
 * @module
 */

import { isReservedId } from "../providers/profile/builtin_profiles.ts";
import { type ParsedProfile, parseProfile } from "../providers/profile/parse_profile.ts";

/** Checks all that can be said without a gateway. Never throws on bad input. */
export function checkProfileText(input: Uint8Array | string): ParsedProfile {
  const parsed = parseProfile(input);
  const { profile } = parsed;
  if (profile === null || !isReservedId(profile.id)) return parsed;
  const reserved = {
    severity: "error",
    code: "invalid_profile",
    message: `Id "${profile.id}" is that of a profile of the program`,
    path: "id",
    line: 1,
    column: 1,
    endLine: 1,
    endColumn: 1,
    fix: null,
  } as const;
  return { ...parsed, profile: null, diagnostics: [...parsed.diagnostics, reserved] };
}
