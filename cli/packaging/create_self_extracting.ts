/**
 * Puts a header and a compressed archive together to one file that runs.
 *
 * @module
 */

import launcher from "./launcher.sh" with { type: "text" };

/** What the header has to know. */
export interface LauncherOptions {
  readonly version: string;
  /** Operating system and processor, as `Deno.build.target`. */
  readonly target: string;
  /** Names of the files in the archive: no white space, no quotes. */
  readonly files: readonly string[];
  /** SHA-256 of the compressed archive, in hex. */
  readonly digest: string;
}

/** Digits of the archive's position, so that writing it does not move the archive. */
const POSITION_DIGITS = 6;

/** Returns the header: a shell script that ends where the archive starts. */
export function createLauncher(options: LauncherOptions): string {
  const script = launcher
    .replaceAll("@VERSION@", options.version)
    .replaceAll("@TARGET@", options.target)
    .replaceAll("@FILES@", options.files.join(" "))
    .replaceAll("@DIGEST@", options.digest)
    .replaceAll("@ARCHIVE_AT@", "@".repeat(POSITION_DIGITS));
  // `tail -c +N` counts from 1. No leading zeros: some shells read those as octal.
  const position = String(new TextEncoder().encode(script).length + 1);
  return script.replace("@".repeat(POSITION_DIGITS), position.padEnd(POSITION_DIGITS));
}

/** Returns header and compressed archive as one file. */
export function createSelfExtracting(
  options: LauncherOptions,
  archive: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(createLauncher(options));
  const file = new Uint8Array(header.length + archive.length);
  file.set(header);
  file.set(archive, header.length);
  return file;
}
