/**
 * The file that remembers how many tokens a sandbox has used, so that stopping and starting it gives
 * no new budget.
 *
 * It lies beside the sandbox's log, where the agent does not reach.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import type { LedgerFile } from "./token_ledger.ts";

/** What was used is not known, so that no budget could be kept. */
export class LedgerFileError extends CodedError {
  override readonly name = "LedgerFileError";
  override readonly code = "failed_precondition";

  constructor(path: string, options: ErrorOptions = {}) {
    super(`Cannot read the token count "${path}": it is damaged`, {
      ...options,
      hint: "Remove the file to begin at zero",
    });
  }
}

/** A file that is not there is a count of zero. */
export function openLedgerFile(path: string): LedgerFile {
  return {
    read() {
      let text: string;
      try {
        text = Deno.readTextFileSync(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return 0;
        throw new LedgerFileError(path, { cause: error });
      }
      const used = readCount(text);
      if (used === null) throw new LedgerFileError(path);
      return used;
    },
    write(used) {
      const temporary = `${path}.new`;
      Deno.writeTextFileSync(temporary, JSON.stringify({ used }), { mode: 0o600 });
      Deno.renameSync(temporary, path);
    },
  };
}

function readCount(text: string): number | null {
  try {
    const { used } = JSON.parse(text);
    return Number.isSafeInteger(used) && used >= 0 ? used : null;
  } catch {
    return null;
  }
}
