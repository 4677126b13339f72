/**
 * Leaves an ordinary user most of what the kernel lets one user watch files with.
 *
 * In a user namespace, what an agent takes is counted for the person who made that as well, whatever
 * id the agent has. An agent that took all of it would leave none for the person's editor, desktop
 * and other sandboxes. The kernel has a bound for each user namespace: that is set here.
 *
 * @module
 */

/** A sandbox may have this part of what the person has. */
const PART = 4;

const KINDS = ["instances", "watches"] as const;

export interface WatchPorts {
  readonly read: (path: string) => string;
  readonly write: (path: string, text: string) => void;
  /** Told where there is no such bound: the sandbox runs all the same, as one without groups does. */
  readonly log: (line: string) => void;
}

/** Sets the bounds of the user namespace of this process. */
export function shareWatches({ read, write, log }: WatchPorts): void {
  for (const kind of KINDS) {
    try {
      const all = Number(read(`/proc/sys/fs/inotify/max_user_${kind}`));
      write(`/proc/sys/user/max_inotify_${kind}`, String(Math.max(1, Math.floor(all / PART))));
    } catch (error) {
      log(`cannot limit how many ${kind} of inotify it takes: ${(error as Error).message}`);
    }
  }
}

/** Ports of this machine. */
export function watchPorts(log: WatchPorts["log"]): WatchPorts {
  return {
    read: (path) => Deno.readTextFileSync(path),
    write: (path, text) => Deno.writeTextFileSync(path, text, { create: false, append: true }),
    log,
  };
}
