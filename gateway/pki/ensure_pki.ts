/**
 * Has a gateway's keys and certificates ready: made on the first start, kept and renewed after.
 *
 * What is there is never guessed around: a file that is missing, foreign or readable for others
 * ends the start with an error that names it. Only what nobody else can hold yet is added: a whole
 * `jwt/` or `supervisor/`, which older folders lack.
 *
 * @module
 */

import {
  checkFolder,
  placeFolder,
  readGuarded,
  removeStaging,
  replaceFile,
} from "./guarded_files.ts";
import { checkPki, type PkiFacts, type PkiTexts } from "./check_pki.ts";
import {
  type MintedFile,
  mintLeaf,
  type MintOptions,
  mintPki,
  mintSigningKey,
} from "./mint_pki.ts";
import { PkiFileError, PkiIncompleteError } from "./pki_error.ts";
import { PKI_FILES, type PkiFile, type PkiFiles, pkiFiles } from "./pki_files.ts";

/** Names and addresses that every gateway answers to. */
export const DEFAULT_SANS: readonly string[] = [
  "openshell",
  "localhost",
  "openshell.localhost",
  "*.openshell.localhost",
  "127.0.0.1",
  "::1",
];

/** Folders that are added where they are missing altogether. */
const ADDABLE = ["supervisor", "jwt"] as const;

export interface EnsurePkiOptions {
  /** All names and addresses of the gateway. */
  readonly sans?: readonly string[];
  /** Now, where left out. */
  readonly now?: Date;
}

export interface Pki {
  readonly files: PkiFiles;
  /** Files that were made now, relative to the folder. */
  readonly written: readonly string[];
}

/**
 * Returns the files below a folder, after making those that are needed. Several processes may ask
 * at once; one makes them, the others wait.
 *
 * @throws {PkiIncompleteError}
 * @throws {PkiPermissionError}
 * @throws {PkiFileError}
 */
export async function ensurePki(
  directory: string,
  { sans = DEFAULT_SANS, now = new Date() }: EnsurePkiOptions = {},
): Promise<Pki> {
  using _lock = await lockFolder(directory);
  for (const place of [directory, ...ADDABLE.map((folder) => `${directory}/${folder}`)]) {
    await removeStaging(place);
  }
  const texts = await readAll(directory);
  const options = { sans, now };
  const written = texts.size === 0
    ? await createAll(directory, options)
    : await complete(directory, texts, options);
  return { files: pkiFiles(directory), written };
}

/** Makes the folder where needed. Its lock holds until it is closed, or the process ends. */
async function lockFolder(directory: string): Promise<Deno.FsFile> {
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new PkiFileError(directory, `failed to make it: ${(error as Error).message}`, {
      cause: error,
    });
  }
  await checkFolder(directory);
  const folder = await Deno.open(directory);
  try {
    await folder.lock(true);
    return folder;
  } catch (error) {
    folder.close();
    throw new PkiFileError(directory, "it cannot be locked", { cause: error });
  }
}

async function readAll(directory: string): Promise<PkiTexts> {
  const texts = new Map<string, string>();
  for (const file of PKI_FILES) {
    const text = await readGuarded(directory, file);
    if (text !== null) texts.set(`${directory}/${file.path}`, text);
  }
  return texts;
}

async function createAll(directory: string, options: MintOptions): Promise<readonly string[]> {
  for await (const { name } of Deno.readDir(directory)) {
    throw new PkiFileError(directory, `it holds "${name}" and no certificates`, {
      hint: "Name a folder that is empty or does not exist",
    });
  }
  const files = await mintPki(options);
  await placeFolder(directory, files);
  return files.map(({ path }) => path);
}

async function complete(
  directory: string,
  texts: PkiTexts,
  options: MintOptions,
): Promise<readonly string[]> {
  const missing = PKI_FILES.filter(({ path }) => !texts.has(`${directory}/${path}`));
  const additions = ADDABLE.filter((folder) => {
    const isInside = ({ path }: PkiFile) => path.startsWith(`${folder}/`);
    return missing.filter(isInside).length === PKI_FILES.filter(isInside).length;
  });
  for (const { path } of missing) {
    if (additions.some((folder) => path.startsWith(`${folder}/`))) continue;
    throw new PkiIncompleteError(directory, path);
  }
  const facts = await checkPki(pkiFiles(directory), texts, options);
  const written: string[] = [];
  for (const folder of additions) {
    const files = await mintAddition(folder, facts, options);
    // Named from inside the folder that they are moved with.
    const inside = files.map((file) => ({ ...file, path: file.path.slice(folder.length + 1) }));
    await placeFolder(`${directory}/${folder}`, inside);
    written.push(...files.map(({ path }) => path));
  }
  return [...written, ...await renew(directory, facts, options)];
}

async function mintAddition(
  folder: (typeof ADDABLE)[number],
  { authority }: PkiFacts,
  options: MintOptions,
): Promise<readonly MintedFile[]> {
  return folder === "jwt" ? await mintSigningKey() : await mintLeaf(authority, folder, options);
}

/** The keys stay, so that certificate and key fit each other at every moment. */
async function renew(
  directory: string,
  { authority, renewals }: PkiFacts,
  options: MintOptions,
): Promise<readonly string[]> {
  const written: string[] = [];
  for (const { role, key } of renewals) {
    const files = await mintLeaf(authority, role, { ...options, key });
    for (const file of files.filter(({ isSecret }) => !isSecret)) {
      await replaceFile(directory, file);
      written.push(file.path);
    }
  }
  return written;
}
