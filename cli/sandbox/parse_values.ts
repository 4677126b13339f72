/**
 * Reads the values of flags of `sandbox create` and `sandbox exec`.
 *
 * @module
 */

import { UsageError } from "../usage_error.ts";

/** A name and a value. */
export type Pair = readonly [name: string, value: string];

/** Segments of a variable's name that say that it holds a secret. */
const SECRET_SEGMENTS: readonly string[] = ["TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"];
const SECRET_PAIRS: readonly string[] = ["API_KEY", "ACCESS_KEY", "SECRET_KEY"];

/** Returns labels by key. */
export function parseLabels(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => parsePair(text, "label")));
}

/**
 * Returns variables by name.
 *
 * @throws {UsageError} for a name that is none, or is ours
 */
export function parseEnvironment(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => {
    const pair = parsePair(text, "env");
    const [name, value] = pair;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new UsageError(
        `Cannot use "${name}" as a variable: it should be letters, digits and _`,
      );
    }
    if (name.startsWith("OPENSHELL_")) {
      throw new UsageError(`Cannot set variable "${name}": names with OPENSHELL_ are reserved`);
    }
    if (/[\0\n\r]/.test(value)) {
      throw new UsageError(`Cannot set variable "${name}": its value should be one line`);
    }
    return pair;
  }));
}

/** Returns the names that look as if they held a secret. Values are not looked at. */
export function findSecretNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    const segments = name.toUpperCase().split("_");
    return segments.some((segment, index) =>
      SECRET_SEGMENTS.includes(segment) ||
      SECRET_PAIRS.includes(`${segment}_${segments[index + 1] ?? ""}`)
    );
  });
}

/** A folder of the host that a sandbox sees in place. */
export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/**
 * Reads `DIR[:DEST][:ro]`. Without DEST the folder is in the workspace by its own name.
 *
 * @throws {UsageError} for a destination that is not absolute
 */
export function parseBind(text: string, cwd: string): Bind {
  const parts = text.split(":");
  const mode = parts.length > 1 && /^(ro|rw)$/.test(parts.at(-1)!) ? parts.pop() : "rw";
  const [folder = "", destination, ...more] = parts;
  if (folder === "" || more.length > 0) {
    throw new UsageError(`Cannot bind "${text}": it should be a folder, and where it goes`, {
      hint: "Write it as DIR, DIR:DEST or DIR:DEST:ro",
    });
  }
  const source = toAbsolute(folder, cwd);
  const target = destination ?? `/sandbox/${source.slice(source.lastIndexOf("/") + 1)}`;
  if (source === "/" || !target.startsWith("/") || /(^|\/)\.\.?(\/|$)/.test(target)) {
    throw new UsageError(`Cannot bind "${text}": its destination should be an absolute path`, {
      hint: `Write it as ${folder}:/sandbox/NAME`,
    });
  }
  return { source, target, readOnly: mode === "ro" };
}

/** A path of the host, and where it goes in the sandbox; empty is the workspace. */
export interface UploadPair {
  readonly local: string;
  readonly remote: string;
}

/** Reads `LOCAL[:REMOTE]`. */
export function parseUpload(text: string): UploadPair {
  const colon = text.lastIndexOf(":");
  const [local, remote] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  if (local === "") {
    throw new UsageError(`Cannot upload "${text}": it should be a path, and where it goes`, {
      hint: "Write it as LOCAL or LOCAL:REMOTE",
    });
  }
  return { local, remote };
}

/** An address to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `[BIND:]PORT`. Without BIND only this machine can reach it.
 *
 * @throws {UsageError} for a port that is none
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, host = "127.0.0.1", digits = ""] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits !== "" && port >= 1 && port <= 65_535) {
    return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
  }
  throw new UsageError(`Cannot use "${text}" as a port: it should be from 1 to 65535`, {
    hint: "Write it as 8080, or as 0.0.0.0:8080 to be reached from other machines",
  });
}

/** Returns an absolute path without `.` and `..`. */
export function toAbsolute(path: string, cwd: string): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith("/") ? "" : `${cwd}/`}${path}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function parsePair(text: string, flag: string): Pair {
  const equals = text.indexOf("=");
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new UsageError(`Cannot use value "${text}" of flag "--${flag}": it should be KEY=VALUE`);
}
