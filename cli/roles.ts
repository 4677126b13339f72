/**
 * The roles of the program that serve instead of asking: gateway and supervisor.
 *
 * This file alone leads from the command line to them.
 *
 * @module
 */

import { checkMachine, supervise } from "../drivers/supervisor/main.ts";
import { runGatewayServer } from "../gateway/main.ts";
import type { Invocation } from "./command.ts";
import { VERSION } from "./program_version.ts";
import { UsageError } from "./usage_error.ts";

/** `openshell gateway run`. */
export async function runGateway(invocation: Invocation): Promise<number> {
  return await runGatewayServer({
    host: invocation.requiredText("bind-address"),
    port: readPort(invocation.requiredText("port")),
    version: VERSION,
    command: invocation.context.machine.command,
    env: (name) => invocation.context.env(name),
    log: (line) => invocation.context.stderr.write(`${new Date().toISOString()} gateway ${line}\n`),
  });
}

/** `openshell supervise`, started by a gateway; with `--check`, what this machine lacks as JSON. */
export async function runSupervisor(invocation: Invocation): Promise<number> {
  if (!invocation.switch("check")) {
    return await supervise((line) => invocation.context.stderr.write(`${line}\n`));
  }
  const missing = checkMachine();
  const checks = missing.map(({ feature, required, sentence }) => ({
    name: feature,
    ok: false,
    required,
    detail: sentence,
  }));
  invocation.context.stdout.write(`${JSON.stringify({ checks })}\n`);
  return 0;
}

/** Returns the port that was asked for. @throws {UsageError} */
export function readPort(text: string): number | "auto" {
  if (text === "auto") return text;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return port;
  throw new UsageError(`Cannot use "${text}" as --port: it should be auto, or 0 to 65535`);
}
