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

/** `openshell gateway run`. */
export async function runGateway(invocation: Invocation): Promise<number> {
  const port = invocation.text("port") ?? "17670";
  return await runGatewayServer({
    host: invocation.text("bind-address") ?? "127.0.0.1",
    port: port === "auto" ? "auto" : Number(port),
    version: VERSION,
    command: ownCommand(),
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

/** This program and its leading arguments, to start it in another role. */
function ownCommand(): readonly string[] {
  const executable = Deno.env.get("OPENSHELL_EXECUTABLE");
  if (executable !== undefined) return [executable];
  const main = new URL("./main.ts", import.meta.url).pathname;
  return [Deno.execPath(), "run", "--quiet", "--allow-all", main];
}
