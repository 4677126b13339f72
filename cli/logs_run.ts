/**
 * Runs `openshell logs`.
 *
 * @module
 */

import type { ChainState, Gateway, LogQuery } from "../gateway/client/types.ts";
import type { Invocation } from "./command.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { sandboxOf, withGateway, workspaceOf } from "./gateway_access.ts";
import { formatLogLine, parseAge } from "./log_line.ts";
import { type FollowedLine, followLog } from "./logs_follow.ts";
import { printableJson, printableLine } from "./printable.ts";
import { withInterrupt } from "./session/with_interrupt.ts";
import { UsageError } from "./usage_error.ts";

/** Shows logs or events, or checks the chain of events. */
export async function logs(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const since = invocation.text("since");
  const sinceMs = since === undefined ? 0 : Math.max(0, context.machine.now() - parseAge(since));
  const follows = invocation.switch("tail");
  const verifies = invocation.switch("verify");
  if (verifies && follows) throw new UsageError('Cannot use "--verify" and "--tail" together');
  const sources = invocation.texts("source");
  return await withGateway(invocation, async (gateway) => {
    const sandbox = await sandboxOf(invocation, gateway, invocation.arguments("NAME")[0]);
    if (verifies) return await verify(invocation, await gateway.verifyEvents(sandbox.id));
    const query = {
      sandboxId: sandbox.id,
      workspace: workspaceOf(invocation),
      lines: invocation.requiredInteger("lines"),
      sinceMs,
      sources: sources.includes("all") ? [] : sources,
      level: invocation.text("level") ?? "",
    };
    return await withInterrupt(context, async (signal) => {
      await show(invocation, gateway, { query, follows, signal });
      return EXIT_OK;
    });
  });
}

async function show(
  invocation: Invocation,
  gateway: Gateway,
  { query, follows, signal }: {
    readonly query: LogQuery;
    readonly follows: boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { stdout } = invocation.context;
  // A program gets the bytes as they are stored; a terminal the same value, but nothing to obey.
  const safe = stdout.isTerminal ? printableJson : (record: string) => record;
  const asLine = (record: string) => `${safe(record.trimEnd())}\n`;
  const isJson = invocation.requiredText("output") === "jsonl";
  if (follows) {
    await followLog(invocation, gateway, {
      query,
      signal,
      follow: isJson
        ? (from, asked) => followEvents(from, asked, signal)
        : (from, asked) => followLines(from, asked, signal),
      onLine: (text) => stdout.write(isJson ? asLine(text) : text),
    });
  } else if (isJson) {
    for await (const { record } of gateway.readEvents(query, false, signal)) {
      stdout.write(asLine(record));
    }
  } else {
    const lines = await gateway.getLogs(query);
    for (const line of lines) stdout.write(formatLogLine(line));
  }
}

async function* followLines(
  gateway: Gateway,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<FollowedLine> {
  for await (const line of gateway.followLogs(query, signal)) {
    yield { text: formatLogLine(line), timeMs: line.timestampMs };
  }
}

async function* followEvents(
  gateway: Gateway,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<FollowedLine> {
  for await (const { record } of gateway.readEvents(query, true, signal)) {
    yield { text: record, timeMs: timeOf(record) };
  }
}

/** A record that was damaged has none: then everything is asked for again. */
function timeOf(record: string): number {
  try {
    const { time } = JSON.parse(record);
    return typeof time === "number" ? time : 0;
  } catch {
    return 0;
  }
}

function verify(invocation: Invocation, chains: readonly ChainState[]): number {
  const { stdout } = invocation.context;
  if (chains.length === 0) stdout.write("There are no events yet\n");
  for (const { source, events, intact, brokenLine, problem } of chains) {
    const count = events === 1 ? "1 event" : `${events} events`;
    const state = intact ? "intact" : `BROKEN at line ${brokenLine}: ${problem}`;
    stdout.write(`${printableLine(`${source}: ${count}, ${state}`)}\n`);
  }
  return chains.every(({ intact }) => intact) ? EXIT_OK : EXIT_FAILED;
}
