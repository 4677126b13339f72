/**
 * The verbs of `openshell forward`, loaded when one of them runs.
 *
 * @module
 */

import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import {
  cannotListen,
  ForwardError,
  listForwards,
  startBackgroundForward,
  stopForward,
} from "./forward/background.ts";
import { serveForward } from "./forward/serve.ts";
import { sandboxOf, withGateway } from "./gateway_access.ts";
import { formatTable, printResult } from "./output.ts";
import { printableLine } from "./printable.ts";
import { type ListenAddress, parseListenAddress } from "./sandbox/parse_values.ts";
import { withInterrupt } from "./session/with_interrupt.ts";

/** Forwards a port until it is interrupted, or in the background. */
export async function start(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const address = parseListenAddress(invocation.argument("PORT"));
  return await withGateway(invocation, async (gateway) => {
    const sandbox = await sandboxOf(invocation, gateway, invocation.arguments("NAME")[0]);
    const name = printableLine(sandbox.name);
    if (invocation.switch("detach")) {
      await startBackgroundForward(invocation, { address, sandbox });
      context.stdout.write(`${urlOf(address)}\n`);
      context.stderr.write(`→ "openshell forward stop ${address.port} ${name}" ends it\n`);
      return EXIT_OK;
    }
    const listener = listen(address);
    context.stdout.write(`${urlOf(address)}\n`);
    context.stderr.write(`→ Forwards to port ${address.port} of "${name}" until Ctrl-C\n`);
    return await withInterrupt(context, async (signal) => {
      await serveForward(gateway, listener, {
        sandboxId: sandbox.id,
        port: address.port,
        signal,
        onFailure(error) {
          const reason = error instanceof Error ? error.message : String(error);
          context.stderr.write(`! A connection failed: ${printableLine(reason)}\n`);
        },
      });
      return EXIT_OK;
    });
  });
}

/** Lists forwards in the background, those that have ended as well. */
export async function list(invocation: Invocation): Promise<number> {
  const forwards = await listForwards(invocation.context);
  const rows = forwards.map(({ sandbox, bind, port, pid, isRunning }) => ({
    sandbox,
    bind,
    port,
    pid,
    status: isRunning ? "running" : "dead",
  }));
  await printResult(invocation, {
    value: rows,
    text: (style) =>
      formatTable({
        headings: ["SANDBOX", "BIND", "PORT", "PID", "STATUS"],
        rows: rows.map((row) => Object.values(row).map(String)),
      }, style),
  });
  return EXIT_OK;
}

/** Ends a forward in the background. */
export async function stop(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const { port } = parseListenAddress(invocation.argument("PORT"));
  const [given] = invocation.arguments("NAME");
  const found = (await listForwards(context)).filter((forward) =>
    forward.port === port && (given === undefined || forward.sandbox === given)
  );
  const [first, ...more] = found;
  if (first === undefined) {
    context.stderr.write(`! No forward of port ${port} found\n`);
    return EXIT_OK;
  }
  if (more.length > 0) {
    const names = found.map(({ sandbox }) => sandbox).join(", ");
    throw new ForwardError(`Cannot stop port ${port}: several sandboxes have it: ${names}`, {
      hint: `Write "openshell forward stop ${port} ${first.sandbox}"`,
    });
  }
  await stopForward(context, first);
  context.stderr.write(`✓ Stopped port ${port} of "${printableLine(first.sandbox)}"\n`);
  return EXIT_OK;
}

function listen(address: ListenAddress): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: address.host, port: address.port });
  } catch (cause) {
    throw cannotListen(address, cause);
  }
}

function urlOf({ host, port }: ListenAddress): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
