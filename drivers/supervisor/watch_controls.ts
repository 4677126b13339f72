/**
 * Reads the controls of a sandbox back again and again, and ends it where one is lost.
 *
 * In a writable bind, a program of the host may replace a file that is held: its mount is then gone
 * without a word. The kernel tells at once of what becomes of mounts; a timer finds the rest.
 *
 * @module
 */

import { CONTROL_CHECK_MS } from "../../proto/limits.ts";
import type { EventSink } from "./events/audit_event.ts";
import { describeLost, type HeldFiles } from "./launch/held_files.ts";
import type { Jail } from "./launch/jail.ts";
import type { Breach } from "./launch/read_back.ts";

export interface WatchedControls {
  readonly jail: Pick<Jail, "findBreaches" | "watchMounts">;
  readonly held: Pick<HeldFiles, "findLost">;
  readonly events: EventSink;
  /** Told of what goes wrong and ends nothing. */
  readonly log: (line: string) => void;
  /** Ends every process, at once: what is lost can be written until then. */
  readonly endProcesses: () => Promise<void>;
  /** A control is lost: whatever ends from now on, ends for that. */
  readonly onLoss: () => void;
  /** Everything has ended; with the reason in words. */
  readonly onEnded: (reason: string) => void;
}

/** Watches until it is called off, by what it returns, or until there is a loss. */
export function watchControls(watched: WatchedControls): () => void {
  const { jail, log } = watched;
  let isOver = false;
  const stop = () => {
    if (isOver) return;
    isOver = true;
    clearInterval(timer);
    endWatch();
  };
  const look = () => {
    if (isOver) return;
    const breaches = findBreaches(jail);
    if (breaches.length === 0) return;
    stop();
    void endFor(breaches, watched);
  };
  const timer = setInterval(look, CONTROL_CHECK_MS);
  const endWatch = watchMounts(jail, look, log);
  return stop;
}

async function endFor(breaches: readonly Breach[], watched: WatchedControls): Promise<void> {
  const { events, held, log, endProcesses, onLoss, onEnded } = watched;
  onLoss();
  await endProcesses().catch((error: Error) => log(`cannot end the sandbox: ${error.message}`));
  const lost = held.findLost(breaches);
  const detail = lost.length > 0
    ? describeLost(lost)
    : breaches.map(({ control, found }) => `${control}: ${found}`).join(". ");
  const title = "A control of the sandbox is no longer in force";
  events.record({ kind: "finding", uid: "control-lost", title, detail, severity: "high" });
  onEnded(`a control is no longer in force: ${detail}`);
}

/** What cannot be read back counts as lost. */
function findBreaches(jail: Pick<Jail, "findBreaches">): readonly Breach[] {
  try {
    return jail.findBreaches();
  } catch (error) {
    return [{ control: "mounts", found: (error as Error).message }];
  }
}

/** Without it there is still the timer. */
function watchMounts(
  jail: Pick<Jail, "watchMounts">,
  look: () => void,
  log: (line: string) => void,
): () => void {
  try {
    return jail.watchMounts(look);
  } catch (error) {
    log((error as Error).message);
    return () => {};
  }
}
