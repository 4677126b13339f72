/**
 * What the gateway asks of whatever runs sandboxes.
 *
 * A driver keeps nothing that matters: the gateway's store says which sandboxes should be there.
 * Every method may be called again after a crash, with the same result.
 *
 * @module
 */

/** A sandbox to run. Secrets in it are handed to the supervisor and never stored by a driver. */
export interface DriverSandbox {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly workspace: string;
  /** Program and arguments of the main process; empty is the login shell. */
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly resources: DriverResources;
  /** Host folders given in place. */
  readonly binds: readonly DriverBind[];
  /** What the supervisor shows the gateway. */
  readonly token: string;
  /** Policy document of the revision in force: the static part holds until the sandbox ends. */
  readonly policy: Uint8Array;
  /** Names of its providers: their values come over the supervisor's connection. */
  readonly providers?: readonly string[];
}

/** `null` is no limit of its own. */
export interface DriverResources {
  readonly memoryBytesMax: number | null;
  /** Cores, as 0.5 or 2. */
  readonly cpuMax: number | null;
  readonly processesMax: number | null;
}

export interface DriverBind {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the sandbox. */
  readonly target: string;
  readonly writable: boolean;
  /** Protected paths within `source` that are writable after all, relative to it. */
  readonly unprotect: readonly string[];
}

/** What a driver knows of one sandbox. */
export type DriverReport =
  | { readonly id: string; readonly state: "starting"; readonly step: string }
  | { readonly id: string; readonly state: "running" }
  | { readonly id: string; readonly state: "stopped" }
  /** It ended by itself or could not start. `reason` is CamelCase, as conditions have it. */
  | {
    readonly id: string;
    readonly state: "failed";
    readonly reason: string;
    readonly message: string;
    readonly hint?: string;
  };

export interface ComputeDriver {
  readonly name: string;
  readonly version: string;
  /** @throws {CodedError} when this machine cannot run the sandbox, with what to do. */
  validate(sandbox: DriverSandbox): Promise<void>;
  /** Starts it; resolves when its supervisor runs. Running already is a success. */
  start(sandbox: DriverSandbox): Promise<void>;
  /** Ends its processes and keeps its files. Stopped or unknown is a success. */
  stop(id: string): Promise<void>;
  /** Ends its processes and removes its files. Returns false for one that was not there. */
  delete(id: string): Promise<boolean>;
  /** Everything that this driver has, also what an earlier gateway started. */
  list(): Promise<readonly DriverReport[]>;
  /** Calls `observe` on every change until the returned function is called. */
  watch(observe: (report: DriverReport) => void): () => void;
  /** The gateway ends. Running sandboxes go on. */
  close(): Promise<void>;
}
