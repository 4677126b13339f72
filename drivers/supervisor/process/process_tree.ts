/**
 * Ends what a program has started, also what has left its process group.
 *
 * A signal reaches a group, and `setsid` leaves it. So the tree below a program is stopped, from
 * the top, until nothing new is found, and then ended. What was handed to init before, as daemons
 * do, is not found: that lives as long as the sandbox.
 *
 * INVARIANT: numbers of processes are used again. Only a process that still is the one that was
 * seen, in the same namespace as the program, is signalled.
 *
 * @module
 */

/** A tree that grows faster than it is stopped is left after so many looks. */
const LOOKS_MAX = 20;

/** What tells a process from a later one with the same number. */
interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly started: string;
  readonly namespace: string;
}

/** What a program has started. */
export class ProcessTree {
  readonly #top: Seen | null;

  /** Taken while the program surely lives: just after its start. */
  constructor(pid: number) {
    this.#top = look(pid);
  }

  /** Ends all that is below the program, which itself is only stopped. */
  endBelow(): void {
    const top = this.#top;
    if (top === null || !isSame(top)) return;
    const found = new Map<number, Seen>();
    signal(top, "SIGSTOP");
    for (let at = 0; at < LOOKS_MAX; at++) {
      const fresh = findBelow(top).filter(({ pid }) => !found.has(pid));
      if (fresh.length === 0) break;
      for (const each of fresh) {
        found.set(each.pid, each);
        signal(each, "SIGSTOP");
      }
    }
    for (const each of found.values()) signal(each, "SIGKILL");
  }
}

function findBelow(top: Seen): readonly Seen[] {
  const all = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name))
    .map(({ name }) => look(Number(name))).filter((each) => each !== null)
    .filter(({ namespace }) => namespace === top.namespace);
  const children = Map.groupBy(all, ({ parent }) => parent);
  const below: Seen[] = [...children.get(top.pid) ?? []];
  // It grows while it is walked. A process has one parent, so none comes twice.
  for (const { pid } of below) below.push(...children.get(pid) ?? []);
  return below;
}

/** `null` for a process that has ended, and for one that we may not look into. */
function look(pid: number): Seen | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // A name may hold anything, so what counts comes after its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const namespace = Deno.readLinkSync(`/proc/${pid}/ns/pid`);
    return { pid, parent: Number(fields[1]), started: fields[19] ?? "", namespace };
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

function isSame(seen: Seen): boolean {
  const now = look(seen.pid);
  return now !== null && now.started === seen.started && now.namespace === seen.namespace;
}

function signal(seen: Seen, name: "SIGSTOP" | "SIGKILL"): void {
  if (!isSame(seen)) return;
  try {
    Deno.kill(seen.pid, name);
  } catch (error) {
    // It has ended just now.
    if (!(error instanceof Error)) throw error;
  }
}
