/**
 * The version of OpenShell.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };

/** Version of OpenShell, as `deno.json` states it. */
export const VERSION: string = manifest.version;
