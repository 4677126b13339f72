/**
 * Follows the log of a sandbox across restarts of its gateway: no line twice, none left out.
 *
 * @module
 */

import type { Gateway, LogQuery } from "../gateway/client/types.ts";
import { CodedError } from "../proto/errors.ts";
import { LOG_LINES_MAX } from "../proto/limits.ts";
import type { Invocation } from "./command.ts";
import { gatewayChoice } from "./gateway_access.ts";

/** One line, as it is shown. */
export interface FollowedLine {
  readonly text: string;
  /** Since 1970, in milliseconds. */
  readonly timeMs: number;
}

/** Between two looks for a gateway that is away, in milliseconds. */
const LOOK_MS = 500;

/** A gateway that is there and fails so often, without a line in between, is not waited for. */
const FAILURES_MAX = 5;

/** What to follow, and what to do with it. */
export interface FollowOptions {
  readonly query: LogQuery;
  readonly signal: AbortSignal;
  readonly follow: (gateway: Gateway, query: LogQuery) => AsyncIterable<FollowedLine>;
  readonly onLine: (text: string) => void;
}

/**
 * Follows until the signal is aborted or the log ends. Waits for a gateway that is gone, and starts
 * none.
 *
 * @throws {CodedError} for what waiting does not mend
 */
export async function followLog(
  invocation: Invocation,
  first: Gateway,
  { query, signal, follow, onLine }: FollowOptions,
): Promise<void> {
  const { stderr } = invocation.context;
  const shown = new ShownLines();
  let failures = 0;
  for (let gateway: Gateway | null = first; gateway !== null;) {
    try {
      const seen = shown.copy();
      for await (const line of follow(gateway, shown.narrow(query))) {
        if (seen.take(line)) continue;
        shown.add(line);
        onLine(line.text);
        failures = 0;
      }
      return;
    } catch (error) {
      if (signal.aborted || !isAway(error) || ++failures > FAILURES_MAX) throw error;
    } finally {
      if (gateway !== first) gateway.close();
    }
    if (failures === 1) stderr.write("! The gateway has gone: waiting for it to come back\n");
    gateway = await findAgain(invocation, signal);
  }
}

/** Returns the gateway when it answers, `null` when nobody waits any longer. */
async function findAgain(invocation: Invocation, signal: AbortSignal): Promise<Gateway | null> {
  const { gateways, machine } = invocation.context;
  while (!signal.aborted) {
    await machine.sleep(LOOK_MS);
    const { gateway } = await gateways.find(gatewayChoice(invocation));
    if (gateway === null) continue;
    try {
      await gateway.health();
      return gateway;
    } catch (error) {
      gateway.close();
      if (!isAway(error)) throw error;
    }
  }
  return null;
}

function isAway(error: unknown): boolean {
  return error instanceof CodedError && error.code === "unavailable";
}

/** The newest lines that were shown: what a further gateway says of them again is not shown. */
class ShownLines {
  readonly #lines: FollowedLine[] = [];

  add(line: FollowedLine): void {
    this.#lines.push(line);
    if (this.#lines.length > LOG_LINES_MAX) this.#lines.shift();
  }

  /** Asks for all since the oldest line that is remembered. */
  narrow(query: LogQuery): LogQuery {
    if (this.#lines.length === 0) return query;
    const sinceMs = Math.min(...this.#lines.slice(0, 100).map(({ timeMs }) => timeMs));
    return { ...query, lines: LOG_LINES_MAX, sinceMs: Math.max(query.sinceMs, sinceMs) };
  }

  /**
   * Tells of each line, from the first on, whether it need not be shown again. Two lines may be the
   * same, so each counts. What comes before the oldest one was left out when that was shown.
   */
  copy(): { readonly take: (line: FollowedLine) => boolean } {
    const [oldest] = this.#lines;
    let isBefore = oldest !== undefined;
    const counts = new Map<string, number>();
    for (const { text } of this.#lines) counts.set(text, (counts.get(text) ?? 0) + 1);
    return {
      take({ text, timeMs }) {
        if (isBefore && text === oldest!.text) isBefore = false;
        const count = counts.get(text) ?? 0;
        if (count === 0) return isBefore && timeMs <= oldest!.timeMs;
        counts.set(text, count - 1);
        return true;
      },
    };
  }
}
