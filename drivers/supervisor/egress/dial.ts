/**
 * Connects to one of the addresses that were judged, and to nothing else.
 *
 * One after the other in their order, each with little time while others are left: a host with one
 * dead address is reached soon, and no server sees two connections for one.
 *
 * @module
 */

import { parseIp } from "../../../policy-wasm/ip.ts";
import { CodedError } from "../../../proto/errors.ts";
import { DIAL_ADDRESS_MS_MAX, DIAL_MS_MAX } from "../../../proto/egress_limits.ts";
import type { DialTarget } from "./ports.ts";

/** No address could be connected to. */
export class DialError extends CodedError {
  override readonly name = "DialError";
  override readonly code = "unavailable";

  constructor(
    readonly problem: "refused" | "timeout" | "unreachable" | "aborted" | "no_address",
    options: ErrorOptions = {},
  ) {
    super(`Cannot connect to the host: ${PROBLEMS[problem]}`, options);
  }
}

const PROBLEMS = {
  refused: "nothing listens there",
  timeout: "it does not answer",
  unreachable: "its network cannot be reached",
  aborted: "it is not wanted any more",
  no_address: "it has no address",
} as const;

export interface DialOptions {
  readonly connect?: typeof Deno.connect;
  readonly msMax?: number;
  readonly addressMsMax?: number;
}

/** @throws {DialError} of the last address that was tried. */
export async function dial(
  { addresses, port, signal }: DialTarget,
  { connect = Deno.connect, msMax = DIAL_MS_MAX, addressMsMax = DIAL_ADDRESS_MS_MAX }: DialOptions =
    {},
): Promise<{ readonly connection: Deno.TcpConn; readonly address: string }> {
  const deadline = performance.now() + msMax;
  let failure = new DialError("no_address");
  for (const [index, address] of addresses.entries()) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    const ms = index === addresses.length - 1 ? left : Math.min(left, addressMsMax);
    try {
      return { connection: await dialOne({ address, port, signal, ms }, connect), address };
    } catch (error) {
      if (!(error instanceof DialError) || error.problem === "aborted") throw error;
      failure = error;
    }
  }
  throw failure;
}

async function dialOne(
  { address, port, signal, ms }: {
    readonly address: string;
    readonly port: number;
    readonly signal: AbortSignal;
    readonly ms: number;
  },
  connect: typeof Deno.connect,
): Promise<Deno.TcpConn> {
  // INVARIANT: a name would be resolved again, to an address that nobody has judged.
  if (parseIp(address) === null) throw new DialError("no_address");
  if (signal.aborted) throw new DialError("aborted");
  const limit = new AbortController();
  const abort = () => limit.abort();
  const timer = setTimeout(abort, ms);
  signal.addEventListener("abort", abort);
  try {
    const connection = await connect({ hostname: address, port, signal: limit.signal });
    connection.setNoDelay(true);
    if (!signal.aborted) return connection;
    connection.close();
    throw new DialError("aborted");
  } catch (error) {
    if (error instanceof DialError) throw error;
    throw new DialError(problemOf(error, signal, limit.signal), { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function problemOf(error: unknown, outer: AbortSignal, limit: AbortSignal): DialError["problem"] {
  if (outer.aborted) return "aborted";
  if (limit.aborted || error instanceof Deno.errors.TimedOut) return "timeout";
  return error instanceof Deno.errors.ConnectionRefused ? "refused" : "unreachable";
}
