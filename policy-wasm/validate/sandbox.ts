/**
 * The static sections: version, filesystem, Landlock and process.
 *
 * @module
 */

import { FILESYSTEM_PATHS_MAX, PATH_BYTES_MAX } from "../../proto/limits.ts";
import type { Findings } from "../parse/findings.ts";
import type { Read } from "../parse/reader.ts";
import type { RawPolicy } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import type { FilesystemPolicy, Policy } from "../policy.ts";
import { byteLength, oneOf, type Placed, placed, readable, warnDuplicates } from "./place.ts";

/** Checks that the version is there, and 1. */
export function validateVersion(raw: RawPolicy, findings: Findings): void {
  const { version } = raw;
  if (!version.written) {
    const at = { start: 0, end: 0 };
    findings.add("missing_key", raw.at, "A policy has to say its version", {
      fix: "version: 1",
      at,
    });
  } else if (version.value !== undefined && version.value !== 1) {
    const message = `Version ${version.value} is not known, should be 1`;
    findings.add("unsupported_version", version.field, message, { fix: "1" });
  }
}

/** Returns the filesystem section; where it is absent, the working directory alone. */
export function validateFilesystem(
  section: RawPolicy["filesystem_policy"],
  findings: Findings,
): FilesystemPolicy {
  if (section.value === undefined) return { includeWorkdir: true, readOnly: [], readWrite: [] };
  const { include_workdir, read_only, read_write } = section.value;
  const written = [...readable(read_only), ...readable(read_write)];
  if (written.length > FILESYSTEM_PATHS_MAX) {
    const message = `${written.length} filesystem paths are more than ${FILESYSTEM_PATHS_MAX}`;
    findings.add("too_many_paths", section.field, message);
  }
  const readOnly = paths(readable(read_only), findings);
  const readWrite = paths(readable(read_write), findings);
  const readOnlyPaths = new Set(readOnly.map(({ value }) => value));
  for (const { field, value } of readWrite) {
    if (value === "/") {
      const message = "Read-write access to the whole filesystem is too broad";
      findings.add("filesystem_too_broad", field, message);
    } else if (readOnlyPaths.has(value)) {
      const message = `${quote(value)} is in read_only and in read_write`;
      findings.add("filesystem_conflict", field, message, { fix: "keep it in one of them" });
    }
  }
  return {
    includeWorkdir: include_workdir.value ?? false,
    readOnly: unique(readOnly),
    readWrite: unique(readWrite),
  };
}

/** Returns the Landlock mode; where it is absent, the strict one. */
export function validateLandlock(
  section: RawPolicy["landlock"],
  findings: Findings,
): Policy["landlock"] {
  const written = section.value && placed(section.value.compatibility);
  if (!written) return { compatibility: "hard_requirement" };
  const words = ["hard_requirement", "best_effort"] as const;
  const compatibility = oneOf(written, words, { code: "unknown_compatibility", findings });
  if (compatibility === "best_effort") {
    const message = "With best_effort the sandbox runs unconfined where Landlock is missing";
    findings.add("best_effort", written.field, message, { fix: "hard_requirement" });
  }
  return { compatibility: compatibility ?? "hard_requirement" };
}

/** Returns the identity of the workload; what is absent or empty is `null`. */
export function validateProcess(
  section: RawPolicy["process"],
  findings: Findings,
): Policy["process"] {
  if (section.value === undefined) return { runAsUser: null, runAsGroup: null };
  return {
    runAsUser: identity(section.value.run_as_user, findings),
    runAsGroup: identity(section.value.run_as_group, findings),
  };
}

/** The largest id is reserved: as -1 it means "do not change". */
const IDENTITY_MAX = 4_294_967_294;

function identity({ field, value }: Read<string>, findings: Findings): string | null {
  if (value === undefined || value === "") return null;
  const isNumber = /^[1-9][0-9]{0,9}$/.test(value) && Number(value) <= IDENTITY_MAX;
  if (isNumber || value === "sandbox") return value;
  const message = `${quote(value)} should be sandbox or a number from 1 to ${IDENTITY_MAX}`;
  findings.add("invalid_identity", field, message, { fix: "sandbox" });
  return null;
}

function paths(items: readonly Placed<string>[], findings: Findings): Placed<string>[] {
  const valid = items.flatMap((item) => {
    const value = normalised(item, findings);
    return value === null ? [] : [{ field: item.field, value }];
  });
  warnDuplicates(valid.map(({ field, value }) => ({ field, key: value })), findings);
  return valid;
}

function normalised({ field, value }: Placed<string>, findings: Findings): string | null {
  const components = value.split("/");
  if (!value.startsWith("/")) {
    const isHome = components[0] === "~";
    const message = `${quote(value)} is not an absolute path${isHome ? "; ~ is not expanded" : ""}`;
    const fix = /^[\w.-]/.test(value) && components[0] !== ".." ? `/${value}` : null;
    findings.add("path_not_absolute", field, message, { fix });
    return null;
  }
  if (components.includes("..")) {
    const message = `${quote(value)} has a .. component; write the path that it means`;
    findings.add("path_parent_component", field, message);
    return null;
  }
  if (byteLength(value) > PATH_BYTES_MAX) {
    findings.add("path_too_long", field, `The path is longer than ${PATH_BYTES_MAX} bytes`);
    return null;
  }
  if (/[*?[{]/.test(value)) {
    const message = `${quote(value)} is one literal path; globs are not expanded here`;
    findings.add("literal_metacharacter", field, message);
  }
  return `/${components.filter((part) => part !== "" && part !== ".").join("/")}`;
}

function unique(items: readonly Placed<string>[]): string[] {
  return [...new Set(items.map(({ value }) => value))];
}
