/**
 * Wraps a program so that nothing of it runs before its limits hold and it has been released.
 *
 * Limits belong to processes, and a spawned one inherits those of OpenShell itself, which needs
 * more files than an agent. So a shell lowers its own, hard and soft, waits for one line on its
 * input while OpenShell puts it where it belongs, and becomes the program. Where it cannot, it ends
 * with 126 and the program never runs. The size of core dumps is not among the limits: it is
 * lowered for OpenShell itself, so every program inherits that.
 *
 * INVARIANT: nothing of the agent's has a say in that shell. Programs of the same identity cannot
 * open its memory or its input, because the kernel protects a process whose file they may not read.
 * And variables that would change the shell or its libraries reach it under other names.
 *
 * @module
 */

import { JailCallError } from "./isolation_error.ts";
import type { JailLimits } from "./jail_spec.ts";
import type { Access } from "./mount_plan.ts";

/** Copy of the host's shell that may be executed and not read. */
export const GATE_SHELL = "/dev/openshell-gate";

/** For Landlock. Reading is refused by the mode of the file. */
export const GATE_SHELL_ACCESS: Access = {
  path: GATE_SHELL,
  level: "read",
  file: true,
  devices: false,
};

/** The line that releases a program. */
export const RELEASE: Uint8Array<ArrayBuffer> = new TextEncoder().encode("\n");

/** What the program gets as its input: what follows the release, nothing, or this terminal. */
export type GatedInput = "piped" | "null" | { readonly terminal: string };

/** What `Deno.Command` is given. */
export interface GatedCommand {
  readonly args: string[];
  readonly env: Record<string, string>;
}

/** `bash` and newer `busybox` count processes with `-u`, `dash` with `-p`. */
const LIMIT = [
  'ulimit -n "$1" || exit 126',
  'ulimit -u "$2" 2>/dev/null || ulimit -p "$2" || exit 126',
];

/** A session leader without a terminal gets the one that it opens first. */
const WAIT_AND_TAKE_INPUT = [
  "IFS= read -r line || exit 126",
  'case "$3" in',
  "  piped) ;;",
  "  null) exec </dev/null || exit 126 ;;",
  '  *) exec 0<>"$3" 1>&0 2>&0 || exit 126 ;;',
  "esac",
  "unset line",
  "shift 3",
];

/** Says in words what the shell would say with the number of its own line. */
const BECOME = [
  'command -v -- "$1" >/dev/null || { echo "openshell: $1: not found in the sandbox" >&2; exit 127; }',
  'exec "$@"',
];

const HIDDEN_NAME = "OPENSHELL_LATER_";

/**
 * Returns the arguments of the shell, without a gate: for what runs before there is an agent.
 */
export function limitedArguments(limits: JailLimits, argv: readonly string[]): string[] {
  const script = [...LIMIT, "shift 2", 'exec "$@"'].join("\n");
  return ["-c", script, "sh", ...limitTexts(limits), ...argv];
}

/**
 * Returns what `GATE_SHELL` is started with.
 *
 * @throws {JailCallError} for a variable that a shell cannot set.
 */
export function gateCommand(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  { limits, input }: { readonly limits: JailLimits; readonly input: GatedInput },
): GatedCommand {
  const env: Record<string, string> = {};
  const exports: string[] = [];
  for (const [at, [name, value]] of Object.entries(environment).entries()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name.startsWith(HIDDEN_NAME)) {
      throw new JailCallError("spawn", `"${name}" cannot be the name of a variable`);
    }
    const hidden = HIDDEN_NAME + at;
    env[hidden] = `${name}=${value}`;
    exports.push(`export "$${hidden}" && unset ${hidden} || exit 126`);
  }
  const script = [...LIMIT, ...WAIT_AND_TAKE_INPUT, ...exports, ...BECOME].join("\n");
  const source = typeof input === "string" ? input : input.terminal;
  return { args: ["-c", script, "openshell", ...limitTexts(limits), source, ...argv], env };
}

function limitTexts({ openFilesMax, processesMax }: JailLimits): readonly string[] {
  return [String(openFilesMax), String(processesMax)];
}
