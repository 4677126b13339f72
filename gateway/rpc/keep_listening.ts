/**
 * Sees to it that a server goes on accepting connections.
 *
 * In Deno 2.9, one `accept` that fails, as with no file left, ends the accepting of `node:net`
 * without an event: the server looks as it did, and nobody gets through any more. So it is asked
 * now and then, and listens again where it does not hear.
 *
 * @module
 */

import { Server } from "node:net";
import { LISTEN_ANSWER_MS_MAX, LISTEN_CHECK_MS } from "../../proto/flood_limits.ts";

export interface ListeningOptions {
  /** Connects as a client does. */
  readonly dial: () => Promise<Disposable>;
  /** Begins to listen where it did. */
  readonly listen: () => void;
  readonly checkMs?: number;
  /** Told each time that the server had to listen again. */
  readonly onDeaf: () => void;
}

/** Watches a server that listens, until the returned function is called. */
export function keepListening(
  server: Server,
  { dial, listen, checkMs = LISTEN_CHECK_MS, onDeaf }: ListeningOptions,
): () => void {
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const check = async () => {
    const state = await probe(server, dial);
    if (isStopped) return;
    if (state === "deaf") {
      onDeaf();
      listenAgain(server, listen);
    }
    timer = setTimeout(() => void check(), checkMs);
  };
  timer = setTimeout(() => void check(), checkMs);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** Without a file for the question, there is no answer: `unknown`. */
async function probe(
  server: Server,
  dial: ListeningOptions["dial"],
): Promise<"hears" | "deaf" | "unknown"> {
  const heard = Promise.withResolvers<"hears">();
  const hear = () => heard.resolve("hears");
  server.once("connection", hear);
  const late = Promise.withResolvers<"deaf">();
  const timer = setTimeout(() => late.resolve("deaf"), LISTEN_ANSWER_MS_MAX);
  try {
    using _connection = await dial();
    return await Promise.race([heard.promise, late.promise]);
  } catch (error) {
    const { ConnectionRefused, NotFound } = Deno.errors;
    return error instanceof ConnectionRefused || error instanceof NotFound ? "deaf" : "unknown";
  } finally {
    clearTimeout(timer);
    server.off("connection", hear);
  }
}

/** Connections that stand go on. One that cannot listen yet is tried again by the next check. */
function listenAgain(server: Server, listen: () => void): void {
  const ignore = () => {};
  server.once("error", ignore);
  server.once("listening", () => server.off("error", ignore));
  Server.prototype.close.call(server);
  listen();
}
