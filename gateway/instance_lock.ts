/**
 * One gateway for one state folder: the lock, and the file that says where it listens.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";

/** Another gateway uses the folder. */
export class GatewayRunningError extends CodedError {
  override readonly name = "GatewayRunningError";
  override readonly code = "already_exists";

  constructor(file: string) {
    super(`Cannot start the gateway: another one holds "${file}"`, {
      hint: 'Run "openshell status" to see it, or "openshell gateway stop" to end it',
    });
  }
}

/** Where a gateway listens, for clients and supervisors on the same machine. */
export interface EndpointRecord {
  readonly endpoint: string;
  readonly pid: number;
  readonly version: string;
}

/** Held until the process ends, however it ends. */
export class InstanceLock {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** @throws {GatewayRunningError} */
  static async take(path: string): Promise<InstanceLock> {
    const file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
    if (await file.tryLock(true)) return new InstanceLock(file);
    file.close();
    throw new GatewayRunningError(path);
  }

  release(): void {
    this.#file.close();
  }
}

/** Replaces the file as a whole: a reader sees the old one or the new one. */
export async function writeEndpoint(path: string, record: EndpointRecord): Promise<void> {
  const temporary = `${path}.${record.pid}`;
  await Deno.writeTextFile(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  await Deno.rename(temporary, path);
}
