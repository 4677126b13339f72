/**
 * Finds the certificates of a gateway that is being registered.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { type Env, readTextOrNull, stateFolder } from "./paths.ts";
import type { ClientBundle } from "./registrations.ts";

/** No folder has all three files. */
export class BundleError extends CodedError {
  override readonly name = "BundleError";
  override readonly code = "failed_precondition";

  constructor(folders: readonly string[]) {
    super(
      `Cannot import certificates: ${folders.map((one) => `"${one}"`).join(" and ")} should ` +
        "hold ca.crt, tls.crt and tls.key",
      {
        hint: "Set OPENSHELL_LOCAL_TLS_DIR to the folder that holds them",
      },
    );
  }
}

export interface ImportedBundle {
  readonly bundle: ClientBundle;
  /** Where it was found. */
  readonly folder: string;
}

/** @throws {BundleError} */
export async function importBundle(env: Env): Promise<ImportedBundle> {
  const set = env("OPENSHELL_LOCAL_TLS_DIR") ?? "";
  const folders = set === "" ? [`${stateFolder(env)}/tls`] : [set];
  for (const folder of folders) {
    const ca = await readTextOrNull(`${folder}/ca.crt`);
    // The gateway keeps the client's files in a folder of their own; a bundle that was copied may
    // have all three side by side.
    for (const client of [`${folder}/client`, folder]) {
      const certificate = await readTextOrNull(`${client}/tls.crt`);
      const key = await readTextOrNull(`${client}/tls.key`);
      if (ca !== null && certificate !== null && key !== null) {
        return { bundle: { ca, certificate, key }, folder };
      }
    }
  }
  throw new BundleError(folders);
}
