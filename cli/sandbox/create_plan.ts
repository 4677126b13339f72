/**
 * Reads what a person wants to create from the flags of `sandbox create`.
 *
 * @module
 */

import type { Json } from "../../gateway/client/types.ts";
import type { Invocation } from "../command.ts";
import { workspaceOf } from "../gateway_access.ts";
import { REFUSED_HINTS } from "../sandbox_flags.ts";
import { UsageError } from "../usage_error.ts";
import {
  type Bind,
  type ListenAddress,
  parseBind,
  parseEnvironment,
  parseLabels,
  parseListenAddress,
  parseUpload,
  toAbsolute,
  type UploadPair,
} from "./parse_values.ts";
import { parseCpu, parseMemory } from "./quantities.ts";

type JsonObject = { readonly [key: string]: Json };

/** Everything but the policy, whose file is read later. */
export interface CreatePlan {
  readonly name: string;
  readonly workspace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  /** Names of providers, or types of ones to make. */
  readonly providers: readonly string[];
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly resources: JsonObject | null;
  readonly binds: readonly Bind[];
  readonly driverConfig: JsonObject | null;
  readonly uploads: readonly UploadPair[];
  readonly forward: ListenAddress | null;
  readonly isKept: boolean;
  readonly isAttached: boolean;
}

/** Flags that cannot go together, and why. */
const CONFLICTS: readonly (readonly [flag: string, others: readonly string[]])[] = [
  ["no-keep", ["keep", "forward", "detach", "output"]],
  ["output", ["forward", "COMMAND"]],
  ["upload", ["COMMAND"]],
  ["tty", ["no-tty"]],
  ["auto-providers", ["no-auto-providers"]],
];

/** @throws {UsageError} for what cannot be meant */
export function planCreate(invocation: Invocation): CreatePlan {
  refuseMissingParts(invocation);
  checkConflicts(invocation);
  const { passthrough: command, context } = invocation;
  const cwd = context.machine.cwd();
  const binds = invocation.texts("bind").map((text) => parseBind(text, cwd));
  const unprotected = invocation.texts("unprotect");
  const hasTerminal = context.stdin.isTerminal && context.stdout.isTerminal;
  const tty = wantsTerminal(invocation);
  const isKept = !invocation.switch("no-keep");
  const returns = invocation.switch("detach") || invocation.text("output") !== undefined;
  const forward = invocation.text("forward");
  return {
    name: invocation.text("name") ?? "",
    workspace: workspaceOf(invocation),
    labels: parseLabels(invocation.texts("label")),
    environment: parseEnvironment(invocation.texts("env")),
    providers: [...new Set(invocation.texts("provider"))],
    command,
    tty,
    resources: planResources(invocation),
    binds,
    driverConfig: planDriverConfig(invocation, binds, unprotected),
    uploads: invocation.texts("upload").map(parseUpload),
    forward: forward === undefined ? null : parseListenAddress(forward),
    isKept,
    isAttached: !returns && (command.length > 0 || !isKept || hasTerminal),
  };
}

/** Says whether the program is to have a terminal: where asked for, else where the person has one. */
export function wantsTerminal(invocation: Invocation): boolean {
  const { stdin, stdout } = invocation.context;
  if (invocation.switch("tty")) return true;
  return !invocation.switch("no-tty") && stdin.isTerminal && stdout.isTerminal;
}

function refuseMissingParts(invocation: Invocation): void {
  for (const [flag, hint] of Object.entries(REFUSED_HINTS)) {
    if (isGiven(invocation, flag)) {
      throw new UsageError(`Cannot use flag "--${flag}": it is not in this build yet`, { hint });
    }
  }
}

function checkConflicts(invocation: Invocation): void {
  for (const [flag, others] of CONFLICTS) {
    if (!isGiven(invocation, flag)) continue;
    for (const other of others) {
      if (!isGiven(invocation, other)) continue;
      const shown = other === "COMMAND" ? "a command" : `"--${other}"`;
      throw new UsageError(`Cannot use "--${flag}" and ${shown} together`, {
        hint: `See "${invocation.path.join(" ")} --help"`,
      });
    }
  }
  if (invocation.switch("no-git-ignore") && !isGiven(invocation, "upload")) {
    throw new UsageError('Cannot use "--no-git-ignore" without "--upload"');
  }
  if (isGiven(invocation, "unprotect") && !isGiven(invocation, "bind")) {
    throw new UsageError('Cannot use "--unprotect" without "--bind"');
  }
}

function isGiven(invocation: Invocation, name: string): boolean {
  if (name === "COMMAND") return invocation.passthrough.length > 0;
  const flag = invocation.command.flags?.find((candidate) => candidate.name === name);
  if (flag?.kind === "switch") return invocation.switch(name);
  if (flag?.kind !== "text") return false;
  return flag.repeated === true
    ? invocation.texts(name).length > 0
    : invocation.text(name) !== undefined;
}

function planResources(invocation: Invocation): JsonObject | null {
  const cpu = invocation.text("cpu");
  const memory = invocation.text("memory");
  const pids = invocation.integer("pids");
  const limits = {
    ...cpu === undefined ? {} : { cpu: parseCpu(cpu) },
    ...memory === undefined ? {} : { memory: parseMemory(memory) },
    ...pids === undefined ? {} : { pids },
  };
  return Object.keys(limits).length === 0 ? null : { limits };
}

function planDriverConfig(
  invocation: Invocation,
  binds: readonly Bind[],
  unprotected: readonly string[],
): JsonObject | null {
  const text = invocation.text("driver-config-json");
  const given = text === undefined ? {} : parseDriverConfig(text);
  if (binds.length === 0) return text === undefined ? null : given;
  const { embedded = {} } = given;
  if (!isObject(embedded)) throw badDriverConfig("its embedded should be an object");
  if ("binds" in embedded) throw badDriverConfig('its binds and "--bind" cannot go together');
  const cwd = invocation.context.machine.cwd();
  const planned = binds.map((bind) => ({
    source: bind.source,
    target: bind.target,
    read_only: bind.readOnly,
    unprotect: unprotectedIn(bind, unprotected, { cwd, isOnly: binds.length === 1 }),
  }));
  for (const path of unprotected) {
    if (planned.every(({ unprotect }) => !unprotect.some((one) => path.endsWith(one)))) {
      throw new UsageError(`Cannot unprotect "${path}": it is in none of the bound folders`, {
        hint: "With several, write it as an absolute path",
      });
    }
  }
  return { ...given, embedded: { ...embedded, binds: planned } };
}

/** Returns the paths that lie in a bind, relative to it. */
function unprotectedIn(
  { source }: Bind,
  paths: readonly string[],
  { cwd, isOnly }: { readonly cwd: string; readonly isOnly: boolean },
): readonly string[] {
  return paths.flatMap((path) => {
    const absolute = path.startsWith("/")
      ? toAbsolute(path, cwd)
      : isOnly
      ? toAbsolute(path, source)
      : "";
    return absolute.startsWith(`${source}/`) ? [absolute.slice(source.length + 1)] : [];
  });
}

function parseDriverConfig(text: string): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw badDriverConfig("it is not JSON", cause);
  }
  if (!isObject(value)) throw badDriverConfig("it should be an object by driver name");
  return value;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badDriverConfig(reason: string, cause?: unknown): UsageError {
  return new UsageError(`Cannot use "--driver-config-json": ${reason}`, {
    cause,
    hint: `Write it as '{"embedded": {…}}'`,
  });
}
