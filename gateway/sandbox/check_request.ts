/**
 * Checks what a client asks of a new sandbox, before anything is done about it.
 *
 * Fails closed: what this gateway has no way to give is refused, never left out.
 *
 * @module
 */

import type { SandboxSpec } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  COMMAND_BYTES_MAX,
  COMMAND_WORDS_MAX,
  ENVIRONMENT_BYTES_MAX,
  ENVIRONMENT_ENTRIES_MAX,
  ENVIRONMENT_VALUE_BYTES_MAX,
} from "../../proto/limits.ts";
import { checkAnnotations, checkLabels } from "./label_selector.ts";
import { findNameFault } from "./names.ts";
import { InvalidSandboxError, UnsupportedError, WorkspaceNotFoundError } from "./sandbox_errors.ts";

/** The one workspace there is. */
export const DEFAULT_WORKSPACE = "default";

/** What a client asks for. */
export interface SandboxRequest {
  /** Empty: one is made up. */
  readonly name: string;
  readonly workspace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: SandboxSpec;
}

/** Returns the workspace that a request means. @throws {WorkspaceNotFoundError} */
export function resolveWorkspace(workspace: string): string {
  if (workspace === "" || workspace === DEFAULT_WORKSPACE) return DEFAULT_WORKSPACE;
  throw new WorkspaceNotFoundError(workspace);
}

/**
 * @throws {InvalidSandboxError}
 * @throws {UnsupportedError}
 * @throws {WorkspaceNotFoundError}
 */
export function checkRequest({ name, workspace, labels, annotations, spec }: SandboxRequest): void {
  resolveWorkspace(workspace);
  const fault = name === "" ? null : findNameFault(name);
  if (fault !== null) throw new InvalidSandboxError(`name "${name}"`, fault);
  checkLabels(labels);
  checkAnnotations(annotations);
  checkCommand(spec.command);
  checkEnvironment(environmentOf(spec));
  refuseUnsupported(spec);
}

/** Returns the variables of a sandbox: those of its own spec win over those of its template. */
export function environmentOf(spec: SandboxSpec): Readonly<Record<string, string>> {
  return { ...spec.template?.environment, ...spec.environment };
}

function checkCommand(command: readonly string[]): void {
  if (command.length > COMMAND_WORDS_MAX) {
    throw new InvalidSandboxError("the command", `it has more than ${COMMAND_WORDS_MAX} words`);
  }
  if (command.length > 0 && command[0] === "") {
    throw new InvalidSandboxError("the command", "its program has no name");
  }
  if (command.some((word) => word.includes("\0"))) {
    throw new InvalidSandboxError("the command", "it has a NUL character");
  }
  if (byteLength(command.join("\0")) > COMMAND_BYTES_MAX) {
    throw new InvalidSandboxError("the command", `it has more than ${COMMAND_BYTES_MAX} bytes`);
  }
}

function checkEnvironment(environment: Readonly<Record<string, string>>): void {
  const entries = Object.entries(environment);
  if (entries.length > ENVIRONMENT_ENTRIES_MAX) {
    const detail = `it has more than ${ENVIRONMENT_ENTRIES_MAX} variables`;
    throw new InvalidSandboxError("the environment", detail);
  }
  for (const [name, value] of entries) {
    // A value may be a secret, so that no message shows one.
    const fault = findVariableFault(name, value);
    if (fault !== null) throw new InvalidSandboxError(`variable "${name.slice(0, 64)}"`, fault);
  }
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + byteLength(value), 0);
  if (bytes > ENVIRONMENT_BYTES_MAX) {
    const detail = `it has more than ${ENVIRONMENT_BYTES_MAX} bytes`;
    throw new InvalidSandboxError("the environment", detail);
  }
}

function findVariableFault(name: string, value: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return "its name is not made of letters, digits and underscores";
  }
  if (name.startsWith("OPENSHELL_")) return "names that start with OPENSHELL_ are reserved";
  if (byteLength(value) > ENVIRONMENT_VALUE_BYTES_MAX) {
    return `its value has more than ${ENVIRONMENT_VALUE_BYTES_MAX} bytes`;
  }
  return /[\0\n\r]/.test(value) ? "its value has a NUL character or a line break" : null;
}

function refuseUnsupported(spec: SandboxSpec): void {
  const { template } = spec;
  if (template !== undefined && template.image !== "") {
    const hint = "Leave --from out: the sandbox has this machine's programs";
    throw new UnsupportedError("an image", "this gateway runs no containers", hint);
  }
  const asked = [
    ["a GPU", spec.resourceRequirements?.gpu !== undefined],
    ["runtime_class_name", (template?.runtimeClassName ?? "") !== ""],
    ["agent_socket", (template?.agentSocket ?? "") !== ""],
    ["user_namespaces", template?.userNamespaces !== undefined],
  ] as const;
  for (const [what, isAsked] of asked) {
    if (isAsked) throw new UnsupportedError(what, "this gateway has none");
  }
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
