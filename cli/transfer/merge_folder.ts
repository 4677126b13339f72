/**
 * Moves what was downloaded to where it belongs.
 *
 * @module
 */

import { lstatOrNull } from "./list_files.ts";
import { TransferError } from "./transfer_error.ts";

/**
 * Moves everything in a folder into another one, which may hold things already. Files replace
 * files and links; folders are joined. A link is never followed: it is replaced, or refused where a
 * folder should be.
 *
 * @throws {TransferError} where a file meets a folder; what was moved before stays
 */
export async function mergeFolder(source: string, target: string): Promise<void> {
  for (const entry of [...Deno.readDirSync(source)]) {
    const from = `${source}/${entry.name}`;
    const to = `${target}/${entry.name}`;
    const there = await lstatOrNull(to);
    if (there === null) {
      await Deno.rename(from, to);
    } else if (entry.isDirectory) {
      if (!there.isDirectory) throw refuse(to, "a folder", there.isSymlink ? "a link" : "a file");
      await mergeFolder(from, to);
    } else {
      if (there.isDirectory) throw refuse(to, entry.isSymlink ? "a link" : "a file", "a folder");
      await Deno.rename(from, to);
    }
  }
}

function refuse(path: string, what: string, there: string): TransferError {
  return new TransferError(`Cannot write ${what} to "${path}": ${there} is there`, {
    hint: "Move it away, or choose another destination",
  });
}
