/**
 * What every policy of this machine is proved against: files in one folder, read for each proof, so
 * that a change of them counts at once.
 *
 * Fails closed: a file that cannot be read, or whose name means nothing, refuses every change. A
 * claim in `claim.yaml` must not be one that nobody asks.
 *
 * @module
 */

import { isAbsolute, join } from "node:path";
import { CodedError } from "../../proto/errors.ts";
import { POLICY_TEXT_BYTES_MAX } from "../../proto/limits.ts";
import { PROOF_DOCUMENTS, type ProofDocument } from "../../prover/proof_message.ts";

/** Texts of the documents that there are. */
export type ProofDocuments = Readonly<Partial<Record<ProofDocument, string>>>;

/** The folder holds something that cannot be used. */
export class ProofFolderError extends CodedError {
  override readonly name = "ProofFolderError";
  override readonly code = "failed_precondition";

  constructor(path: string, detail: string, options?: ErrorOptions) {
    super(`Cannot prove the policy: "${path}" ${detail}`, {
      ...options,
      hint: "Mend the file; until then no policy can be set",
    });
  }
}

/** Returns `$XDG_CONFIG_HOME/openshell/proof`, else in `~/.config`; `null` without either. */
export function proofFolder(env: (name: string) => string | undefined): string | null {
  const set = env("XDG_CONFIG_HOME") ?? "";
  if (isAbsolute(set)) return join(set, "openshell", "proof");
  const home = env("HOME") ?? "";
  return isAbsolute(home) ? join(home, ".config", "openshell", "proof") : null;
}

/** Reads the documents. A folder that is not there has none. @throws {ProofFolderError} */
export async function readProofDocuments(folder: string | null): Promise<ProofDocuments> {
  if (folder === null) return {};
  const names = await listNames(folder);
  const documents: Partial<Record<ProofDocument, string>> = {};
  for (const name of names) {
    const document = PROOF_DOCUMENTS.find((known) => `${known}.yaml` === name);
    const path = join(folder, name);
    if (document === undefined) {
      const known = PROOF_DOCUMENTS.map((each) => `${each}.yaml`).join(", ");
      throw new ProofFolderError(path, `means nothing there, only ${known} do`);
    }
    documents[document] = await readText(path);
  }
  return documents;
}

/** Hidden files are those of editors and tools. */
async function listNames(folder: string): Promise<readonly string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.map(({ name }) => name).filter((name) => !name.startsWith(".")).sort();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return [];
    throw new ProofFolderError(folder, "cannot be read", { cause });
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw new ProofFolderError(path, "is no file");
    if (size > POLICY_TEXT_BYTES_MAX) {
      throw new ProofFolderError(path, `has more than ${POLICY_TEXT_BYTES_MAX} bytes`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path));
  } catch (cause) {
    if (cause instanceof ProofFolderError) throw cause;
    throw new ProofFolderError(path, "cannot be read", { cause });
  }
}
