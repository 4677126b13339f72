/**
 * Reads limits and host folders of a sandbox from the free-form parts of its template.
 *
 * Strict: a key that is not known is refused, since one that is misspelt would leave a limit out.
 *
 * @module
 */

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { DriverBind, DriverResources } from "../../drivers/compute/contract.ts";
import type { SandboxTemplate } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  BINDS_MAX,
  PATH_BYTES_MAX,
  SANDBOX_PROCESSES_MIN,
  UNPROTECTED_PATHS_MAX,
} from "../../proto/limits.ts";
import { InvalidSandboxError } from "./sandbox_errors.ts";

export interface DriverOptions {
  readonly resources: DriverResources;
  readonly binds: readonly DriverBind[];
}

/** @throws {InvalidSandboxError} */
export function readDriverOptions(
  template: SandboxTemplate | undefined,
  driver: string,
): DriverOptions {
  return {
    resources: readResources(template?.resources ?? {}),
    binds: readBinds(template?.driverConfig ?? {}, driver),
  };
}

function readResources(resources: JsonObject): DriverResources {
  const { limits = {}, requests = {} } = entriesOf(resources, "template.resources", [
    "limits",
    "requests",
  ]);
  const { cpu, memory, pids } = entriesOf(limits, "template.resources.limits", [
    "cpu",
    "memory",
    "pids",
  ]);
  // A request reserves something on a cluster. One machine has nothing to reserve, but a request
  // that makes no sense is a mistake all the same.
  const wanted = entriesOf(requests, "template.resources.requests", ["cpu", "memory"]);
  readQuantity(wanted["cpu"], "template.resources.requests.cpu", parseCpu);
  readQuantity(wanted["memory"], "template.resources.requests.memory", parseMemory);
  return {
    cpuMax: readQuantity(cpu, "template.resources.limits.cpu", parseCpu),
    memoryBytesMax: readQuantity(memory, "template.resources.limits.memory", parseMemory),
    processesMax: readQuantity(pids, "template.resources.limits.pids", parseCount),
  };
}

function readBinds(config: JsonObject, driver: string): readonly DriverBind[] {
  const { [driver]: ours = {} } = entriesOf(config, "template.driver_config", [driver]);
  const place = `template.driver_config.${driver}`;
  const { binds = [] } = entriesOf(ours, place, ["binds"]);
  if (!Array.isArray(binds)) throw new InvalidSandboxError(`${place}.binds`, "it is no list");
  if (binds.length > BINDS_MAX) {
    throw new InvalidSandboxError(`${place}.binds`, `it has more than ${BINDS_MAX} entries`);
  }
  const read = binds.map((bind, index) => readBind(bind, `${place}.binds[${index}]`));
  const targets = new Set<string>();
  for (const { target } of read) {
    if (targets.has(target)) {
      throw new InvalidSandboxError(`${place}.binds`, `two of them have the target "${target}"`);
    }
    targets.add(target);
  }
  return read;
}

function readBind(value: JsonValue, place: string): DriverBind {
  const bind = entriesOf(value, place, ["source", "target", "read_only", "unprotect"]);
  const { read_only: readOnly = true, unprotect = [] } = bind;
  if (typeof readOnly !== "boolean") {
    throw new InvalidSandboxError(`${place}.read_only`, "it is not true or false");
  }
  if (!Array.isArray(unprotect) || unprotect.length > UNPROTECTED_PATHS_MAX) {
    const detail = `it is no list of up to ${UNPROTECTED_PATHS_MAX} paths`;
    throw new InvalidSandboxError(`${place}.unprotect`, detail);
  }
  return {
    source: readAbsolute(bind["source"], `${place}.source`),
    target: readAbsolute(bind["target"], `${place}.target`),
    writable: !readOnly,
    unprotect: unprotect.map((path, index) => readRelative(path, `${place}.unprotect[${index}]`)),
  };
}

function readAbsolute(value: JsonValue | undefined, place: string): string {
  const path = readPath(value, place);
  if (!path.startsWith("/")) throw new InvalidSandboxError(place, `"${path}" is not absolute`);
  const clean = path.replaceAll(/\/+/g, "/").replace(/(?<=.)\/$/, "");
  if (clean === "/") throw new InvalidSandboxError(place, "it is the whole file system");
  return clean;
}

function readRelative(value: JsonValue | undefined, place: string): string {
  const path = readPath(value, place);
  if (path.startsWith("/")) throw new InvalidSandboxError(place, `"${path}" is not relative`);
  return path;
}

/** What a path means must not depend on who resolves it. */
function readPath(value: JsonValue | undefined, place: string): string {
  if (typeof value !== "string" || value === "") {
    throw new InvalidSandboxError(place, "it is no path");
  }
  if (new TextEncoder().encode(value).length > PATH_BYTES_MAX) {
    throw new InvalidSandboxError(place, `it has more than ${PATH_BYTES_MAX} bytes`);
  }
  if (value.includes("\0") || value.split("/").some((part) => part === "." || part === "..")) {
    throw new InvalidSandboxError(place, 'it has a NUL character, "." or ".."');
  }
  return value;
}

function readQuantity(
  value: JsonValue | undefined,
  place: string,
  parse: (text: string) => number | null,
): number | null {
  if (value === undefined) return null;
  const isText = typeof value === "string" || typeof value === "number";
  const read = isText ? parse(String(value)) : null;
  if (read !== null && Number.isFinite(read) && read > 0) return read;
  throw new InvalidSandboxError(place, `${JSON.stringify(value).slice(0, 64)} is no such amount`);
}

/** Returns cores: `500m`, `1`, `2.5`. */
function parseCpu(text: string): number | null {
  const [, number, isThousandths] = /^(\d{1,6}(?:\.\d{1,3})?)(m?)$/.exec(text) ?? [];
  if (number === undefined || (isThousandths === "m" && number.includes("."))) return null;
  return Number(number) / (isThousandths === "m" ? 1000 : 1);
}

const UNITS = ["", "K", "M", "G", "T", "P", "E"];

/** Returns bytes: a whole number, with K, M, G, T, P or E for thousands and `i` for 1024. */
function parseMemory(text: string): number | null {
  const [, number, unit = "", binary] = /^(\d{1,15})(?:([KMGTPE])(i?))?$/.exec(text) ?? [];
  if (number === undefined) return null;
  const bytes = Number(number) * (binary === "i" ? 1024 : 1000) ** UNITS.indexOf(unit);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

function parseCount(text: string): number | null {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  return count >= SANDBOX_PROCESSES_MIN ? count : null;
}

function entriesOf(value: JsonValue, place: string, known: readonly string[]): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidSandboxError(place, "it is no object");
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const detail = `"${key.slice(0, 64)}" does not exist`;
    throw new InvalidSandboxError(place, detail, `Use ${known.join(", ")}`);
  }
  return value;
}
