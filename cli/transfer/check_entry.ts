/**
 * Decides whether an entry of a stream from a sandbox may be written, and where.
 *
 * A sandbox is not trusted: what it sends must stay in the folder that the person named. Links may
 * only lead to places in that folder, and nothing is ever written through one.
 *
 * Pure: knows what was written before, and touches nothing.
 *
 * @module
 */

import {
  DOWNLOAD_BYTES_MAX,
  TRANSFER_ENTRIES_MAX,
  TRANSFER_PATH_UNITS_MAX,
} from "../../proto/limits.ts";
import { TransferError } from "./transfer_error.ts";

/** What the header of an entry says. */
export interface EntryHeader {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly linkname: string;
}

/** What to do. Paths are relative to the folder; the empty one is the folder itself. */
export type EntryAction =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "file"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  /** The same content as a file that came before. */
  | { readonly kind: "copy"; readonly path: string; readonly from: string; readonly mode: number };

type Kind = "folder" | "file" | "link";

/** Judges the entries of one stream, in order. */
export class EntryChecker {
  readonly #seen = new Map<string, { readonly kind: Kind; readonly size: number }>();
  #bytes = 0;

  /** @throws {TransferError} for an entry that may not be written: then nothing is kept */
  check(header: EntryHeader): EntryAction {
    const path = normalise(header.name);
    if (this.#seen.size >= TRANSFER_ENTRIES_MAX) throw refuse(path, "it is one too many");
    this.#checkParents(path);
    // Nobody but the person may change what came.
    const mode = header.mode & 0o755;
    switch (header.type) {
      case "directory":
        // No folder has content, and whoever reads the stream would wait for it for ever.
        if (header.size !== 0) throw refuse(path, "it is a folder with content");
        this.#add(path, "folder", 0);
        return { kind: "folder", path, mode: mode | 0o700 };
      case "file":
      case "contiguous-file":
        this.#add(path, "file", header.size);
        return { kind: "file", path, mode: mode | 0o600 };
      case "symlink":
        checkTarget(path, header.linkname);
        this.#add(path, "link", 0);
        return { kind: "link", path, target: header.linkname };
      case "link": {
        const from = normalise(header.linkname);
        const original = this.#seen.get(from);
        if (original?.kind !== "file") {
          throw refuse(path, `it is a hard link to "${from}", which is no file of the download`);
        }
        this.#add(path, "file", original.size);
        return { kind: "copy", path, from, mode: mode | 0o600 };
      }
      default:
        throw refuse(path, `it is a ${header.type || "thing"}, and should be a file or a folder`);
    }
  }

  /** What is above an entry must be a folder, or not be there: then it is made. */
  #checkParents(path: string): void {
    for (const parent of parentsOf(path)) {
      const kind = this.#seen.get(parent)?.kind;
      if (kind !== undefined && kind !== "folder") {
        throw refuse(path, `"${parent}" above it is a ${kind}, and should be a folder`);
      }
      if (kind === undefined) this.#seen.set(parent, { kind: "folder", size: 0 });
    }
  }

  #add(path: string, kind: Kind, size: number): void {
    const before = this.#seen.get(path);
    const isSameFolder = kind === "folder" && before?.kind === "folder";
    if (path === "" && kind !== "folder") throw refuse(path, "it takes the place of the folder");
    if (before !== undefined && !isSameFolder) throw refuse(path, "it comes twice");
    if (!Number.isSafeInteger(size) || size < 0) throw refuse(path, "its size is none");
    this.#bytes += size;
    if (this.#bytes > DOWNLOAD_BYTES_MAX) {
      throw refuse(path, `with it there are more than ${DOWNLOAD_BYTES_MAX} bytes`);
    }
    this.#seen.set(path, { kind, size });
  }
}

function normalise(name: string): string {
  if (name.length > TRANSFER_PATH_UNITS_MAX) {
    throw refuse(name.slice(0, 64), "its path is too long");
  }
  if (name.includes("\0")) throw refuse(name, "its path holds a NUL");
  if (name.startsWith("/")) throw refuse(name, "its path is absolute");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw refuse(name, 'its path holds ".."');
  return parts.join("/");
}

/**
 * A target may climb only at its start, and only to the folder itself. The folders that it climbs
 * are real ones, so it stays inside; what follows may pass other links, which were judged alike.
 */
function checkTarget(path: string, target: string): void {
  if (target === "" || target.includes("\0") || target.length > TRANSFER_PATH_UNITS_MAX) {
    throw refuse(path, "it is a link that leads nowhere");
  }
  if (target.startsWith("/")) throw leaves(path, target);
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const climbs = parts.findIndex((part) => part !== "..");
  const climbed = climbs < 0 ? parts.length : climbs;
  const depth = path.split("/").length - 1;
  if (climbed > depth || parts.slice(climbed).includes("..")) throw leaves(path, target);
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

function leaves(path: string, target: string): TransferError {
  return refuse(path, `it is a link to "${target}", which may lead out of the folder`);
}

function refuse(path: string, reason: string): TransferError {
  return new TransferError(`Cannot download "${path}": ${reason}`, {
    hint: "Nothing was written. Download the parts that you need one by one, or pack them first",
  });
}
