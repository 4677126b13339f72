/**
 * What a supervisor is told to do, on its standard input.
 *
 * It never passes through arguments or the environment, which other processes can read.
 *
 * @module
 */

import type { DriverSandbox } from "../compute/contract.ts";
import { CodedError } from "../../proto/errors.ts";
import { ASSIGNMENT_BYTES_MAX } from "../../proto/limits.ts";

/** One sandbox to run, and the gateway to report to. */
export interface Assignment {
  readonly sandbox: Omit<DriverSandbox, "policy">;
  /** Policy document. */
  readonly policy: string;
  /** Folder of this sandbox on the host, private to OpenShell: see `sandbox_folder.ts`. */
  readonly folder: string;
  readonly identity: { readonly uid: number; readonly gid: number };
  /** Of OpenShell, for the events. */
  readonly version: string;
}

/** How to reach the gateway. The endpoint is read anew for each attempt: it may move. */
export interface GatewayAccess {
  /** File with `{"endpoint": "https://…"}`. */
  readonly endpointFile: string;
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** What a supervisor says to whoever started it, a line of JSON each, on its standard output. */
export type SupervisorReport =
  | { readonly state: "starting"; readonly step: string }
  | { readonly state: "running" }
  | {
    readonly state: "failed";
    readonly reason: string;
    readonly message: string;
    readonly hint?: string;
  };

/** The assignment cannot be used. */
export class AssignmentError extends CodedError {
  override readonly name = "AssignmentError";
  override readonly code = "invalid_argument";

  constructor(detail: string) {
    super(`Cannot read the supervisor's assignment: ${detail}`);
  }
}

/**
 * Reads what a supervisor is told, a line of JSON each: first how to reach the gateway, at once; then
 * the assignment, when there is one.
 */
export class AssignmentReader {
  readonly #lines: AsyncIterator<string>;

  constructor(input: ReadableStream<Uint8Array>) {
    this.#lines = readLines(input);
  }

  /** `null` where the stream ends before: nobody has work for us. @throws {AssignmentError} */
  gateway(): Promise<GatewayAccess | null> {
    return this.#next<GatewayAccess>();
  }

  /** `null` where the stream ends before: nobody has work for us. @throws {AssignmentError} */
  assignment(): Promise<Assignment | null> {
    return this.#next<Assignment>();
  }

  async #next<T>(): Promise<T | null> {
    const { value, done } = await this.#lines.next();
    if (done === true) return null;
    try {
      return JSON.parse(value) as T;
    } catch (error) {
      throw new AssignmentError(`it is not JSON: ${(error as Error).message}`);
    }
  }
}

async function* readLines(input: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of input) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > ASSIGNMENT_BYTES_MAX) throw new AssignmentError("it is too large");
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      yield line;
    }
  }
}
