/**
 * What a key of a credential may be: the name of a variable that means nothing else.
 *
 * @module
 */

import { PROVIDER_KEY_UNITS_MAX } from "../../proto/provider_limits.ts";

/** Variables that programs take as something else than a credential. */
const RESERVED = new Set([
  "BASH_ENV",
  "ENV",
  "HOME",
  "IFS",
  "LANG",
  "LOGNAME",
  "NODE_OPTIONS",
  "PATH",
  "PWD",
  "PYTHONPATH",
  "SHELL",
  "TERM",
  "TMPDIR",
  "USER",
]);

/** Returns why a text cannot be a key, `null` where it can. */
export function findKeyFault(key: string): string | null {
  const shown = key.slice(0, 64);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || key.length > PROVIDER_KEY_UNITS_MAX) {
    return `"${shown}" is no name of a variable: letters, digits and underscores`;
  }
  if (/^(?:v[0-9]+|s[0-9a-f]{64})_/.test(key)) {
    return `"${shown}" looks like a handle of a placeholder`;
  }
  const upper = key.toUpperCase();
  const isReserved = RESERVED.has(upper) || upper.endsWith("_PROXY") ||
    /^(?:OPENSHELL_|LD_|DYLD_|GIT_CONFIG|SSL_CERT_|NODE_EXTRA_CA)/.test(upper);
  return isReserved ? `"${shown}" is reserved` : null;
}
