/**
 * Runs a program in a sandbox for our own ends, with bytes in and bytes out.
 *
 * @module
 */

import type { Gateway, ProcessInput } from "../../gateway/client/types.ts";
import { SessionLostError } from "../session/run_session.ts";

/** Of what the program says to a person, in UTF-16 units. The rest is cut off. */
const STDERR_UNITS_MAX = 4_096;

export interface SandboxCommand {
  readonly sandboxId: string;
  readonly command: readonly string[];
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Ends the program. */
  readonly signal?: AbortSignal;
  /** Takes what the program prints, in order. */
  readonly onStdout?: (bytes: Uint8Array) => void | Promise<void>;
}

/** How the program ended. */
export interface CommandEnd {
  readonly code: number;
  readonly stderr: string;
}

/**
 * Runs the program to its end.
 *
 * @throws {CodedError} when it cannot be run, or when `stdin` or `onStdout` throw
 */
export async function runInSandbox(gateway: Gateway, options: SandboxCommand): Promise<CommandEnd> {
  const { sandboxId, command, stdin, onStdout } = options;
  const abort = new AbortController();
  const stop = () => abort.abort();
  if (options.signal?.aborted === true) stop();
  options.signal?.addEventListener("abort", stop);
  const decoder = new TextDecoder();
  let stderr = "";
  let failure: { readonly error: unknown } | null = null;
  const onFailure = (error: unknown) => {
    failure = { error };
    abort.abort();
  };
  const request = {
    sandboxId,
    command,
    workdir: "/sandbox",
    environment: {},
    timeoutSeconds: 0,
    terminal: null,
  };
  const duplex = { inputs: toInputs(stdin, onFailure), signal: abort.signal };
  try {
    for await (const output of gateway.exec(request, duplex)) {
      if (output.kind === "stdout") await onStdout?.(output.bytes);
      if (output.kind === "stderr" && stderr.length < STDERR_UNITS_MAX) {
        stderr += decoder.decode(output.bytes, { stream: true });
      }
      if (output.kind === "exit") {
        rethrow(failure);
        return { code: output.code, stderr: stderr.slice(0, STDERR_UNITS_MAX).trim() };
      }
    }
  } catch (error) {
    // The call fails as a consequence; what made us end it is the reason.
    rethrow(failure);
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", stop);
    stop();
  }
  rethrow(failure);
  throw new SessionLostError();
}

function rethrow(failure: { readonly error: unknown } | null): void {
  if (failure !== null) throw failure.error;
}

async function* toInputs(
  stdin: AsyncIterable<Uint8Array> | undefined,
  onFailure: (error: unknown) => void,
): AsyncGenerator<ProcessInput> {
  try {
    if (stdin !== undefined) {
      for await (const bytes of stdin) if (bytes.length > 0) yield { kind: "stdin", bytes };
    }
  } catch (error) {
    // An end here would look like the end of the files: the program must not take it for that.
    onFailure(error);
    return await new Promise<never>(() => {});
  }
  yield { kind: "end" };
}
