/**
 * What a supervisor is told to do: one JSON document on its standard input.
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
  readonly gateway: GatewayAccess;
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
 * Reads one line from a stream. `null` where it ends before any byte: nobody has work for us.
 *
 * @throws {AssignmentError}
 */
export async function readAssignment(
  input: ReadableStream<Uint8Array>,
): Promise<Assignment | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input.values({ preventCancel: true })) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > ASSIGNMENT_BYTES_MAX) throw new AssignmentError("it is too large");
    if (chunk.includes(0x0a)) break;
  }
  if (bytes === 0) return null;
  const text = new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer());
  try {
    return JSON.parse(text) as Assignment;
  } catch (error) {
    throw new AssignmentError(`it is not JSON: ${(error as Error).message}`);
  }
}
