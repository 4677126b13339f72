/**
 * Where things are in the folder of one embedded sandbox, on the host.
 *
 * The folder is private to whoever runs the gateway. The agent sees its workspace alone.
 *
 * @module
 */

/** Paths of one sandbox. */
export interface SandboxFolder {
  readonly path: string;
  /** The agent's own files: what `stop` keeps. */
  readonly workspace: string;
  /** Certificates that programs of the sandbox trust. */
  readonly trust: string;
  /** Account files that the sandbox sees in place of the host's. */
  readonly accounts: string;
  /** Audit events, hash-chained. */
  readonly events: string;
  /** Process id and start time of the supervisor. */
  readonly supervisor: string;
  /** User and group of the sandbox. */
  readonly identity: string;
  /** How the main process ended, should no gateway have been there to be told. */
  readonly exit: string;
  /** Why the supervisor ended the sandbox, where it did. */
  readonly ending: string;
  /** Files made on the host to protect paths that did not exist, removed at the end. */
  readonly placeholders: string;
  /** Tokens that model calls have used: a budget is for the sandbox's life. */
  readonly inferenceUsage: string;
}

/** Returns the paths; nothing is made. */
export function sandboxFolder(path: string): SandboxFolder {
  return {
    path,
    workspace: `${path}/workspace`,
    trust: `${path}/trust`,
    accounts: `${path}/accounts`,
    events: `${path}/events.jsonl`,
    supervisor: `${path}/supervisor.json`,
    identity: `${path}/identity.json`,
    exit: `${path}/exit.json`,
    ending: `${path}/ending.json`,
    placeholders: `${path}/placeholders.json`,
    inferenceUsage: `${path}/inference_usage.json`,
  };
}
