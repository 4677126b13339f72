/**
 * Reads and writes the files that a command line names.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../proto/errors.ts";
import type { Context } from "./context.ts";

/** The name for standard input or output in place of a file. */
export const STANDARD_STREAM = "-";

/** A file that the person named could not be read or written. */
export class FileError extends CodedError {
  override readonly name = "FileError";

  constructor(message: string, override readonly code: ErrorCode, options: ErrorOptions) {
    super(message, options);
  }
}

/**
 * Reads a file, or standard input for `-`, up to `bytesMax + 1` bytes: the caller refuses what is
 * longer than `bytesMax`.
 *
 * @throws {FileError} when the file cannot be read
 */
export async function readInput(
  context: Context,
  path: string,
  bytesMax: number,
): Promise<Uint8Array> {
  try {
    return path === STANDARD_STREAM
      ? await context.stdin.read(bytesMax)
      : await context.files.read(path, bytesMax);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/**
 * Replaces a file as a whole.
 *
 * @throws {FileError} when the file cannot be written; it is then as it was before
 */
export async function writeOutput(
  context: Context,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  try {
    await context.files.write(path, bytes);
  } catch (error) {
    throw fileError("write", path, error);
  }
}

function fileError(action: "read" | "write", path: string, cause: unknown): FileError {
  const [reason, code] = explain(cause);
  return new FileError(`Cannot ${action} "${path}": ${reason}`, code, { cause });
}

function explain(cause: unknown): [string, ErrorCode] {
  if (cause instanceof Deno.errors.NotFound) return ["it does not exist", "not_found"];
  if (cause instanceof Deno.errors.IsADirectory) {
    return ["it is a directory, and should be a file", "failed_precondition"];
  }
  if (cause instanceof Deno.errors.NotADirectory) {
    return ["a part of its path is not a directory", "failed_precondition"];
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return ["permission is denied", "permission_denied"];
  }
  return [cause instanceof Error ? cause.message : String(cause), "internal"];
}
