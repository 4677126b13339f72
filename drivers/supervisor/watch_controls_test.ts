import assert from "node:assert/strict";
import type { AuditEvent } from "./events/audit_event.ts";
import type { Breach } from "./launch/read_back.ts";
import { watchControls } from "./watch_controls.ts";

interface Watched {
  /** Says that a mount has changed, as the kernel does. */
  readonly change: () => void;
  /** What the kernel would say from now on. */
  lose(breach: Breach | Error): void;
  /** What was done, in order. */
  readonly log: readonly string[];
  readonly events: readonly AuditEvent[];
  readonly ended: Promise<string>;
  readonly looks: () => number;
  stop(): void;
}

async function watching(
  use: (watched: Watched) => Promise<void>,
  given: { readonly lost?: boolean; readonly cannotWatch?: boolean } = {},
): Promise<void> {
  const log: string[] = [];
  const events: AuditEvent[] = [];
  const ended = Promise.withResolvers<string>();
  let found: Breach | Error | null = null;
  let looks = 0;
  let change = () => {};
  const stop = watchControls({
    jail: {
      findBreaches() {
        looks += 1;
        if (found instanceof Error) throw found;
        return found === null ? [] : [found];
      },
      watchMounts(onChange) {
        if (given.cannotWatch === true) throw new Error("Cannot watch the mounts");
        change = onChange;
        return () => void log.push("unwatch");
      },
    },
    held: {
      findLost: () => {
        log.push("compare");
        if (given.lost === false) return [];
        return [{ path: "/p/config", state: "changed", reason: "git runs it" }];
      },
    },
    events: {
      record: (event) => {
        log.push("record");
        events.push(event);
      },
    },
    log: (line) => void log.push(line),
    endProcesses: async () => {
      await Promise.resolve();
      log.push("end");
    },
    onLoss: () => void log.push("loss"),
    onEnded: ended.resolve,
  });
  try {
    await use({
      change: () => change(),
      log,
      events,
      ended: ended.promise,
      looks: () => looks,
      lose: (breach) => found = breach,
      stop,
    });
  } finally {
    stop();
  }
}

const LOSS: Breach = { control: "mounts", found: "/project/config is missing" };

Deno.test("watchControls() looks at once when a mount changes, and ends all first", async () => {
  await watching(async ({ change, lose, log, events, ended }) => {
    change();
    assert.deepEqual(log, [], "nothing is lost");
    lose(LOSS);
    change();
    change();
    assert.deepEqual(log, ["unwatch", "loss"], "before the timer, and once");
    assert.match(await ended, /^a control is no longer in force: "\/p\/config" was replaced/);
    assert.deepEqual(log, ["unwatch", "loss", "end", "compare", "record"]);
    const [event] = events;
    assert.ok(event?.kind === "finding" && event.uid === "control-lost", JSON.stringify(event));
    assert.match(event.detail, /"\/p\/config" .* read it before you go on, since git runs it$/);
  });
});

Deno.test("watchControls() looks again and again without changes, and names what else is lost", async () => {
  await watching(async ({ lose, log, ended, events }) => {
    assert.deepEqual(log, ["Cannot watch the mounts"]);
    lose({ control: "seccomp", found: "Seccomp is 0 instead of 2" });
    assert.match(await ended, /: seccomp: Seccomp is 0 instead of 2$/);
    assert.equal(events.length, 1);
  }, { lost: false, cannotWatch: true });
});

Deno.test("watchControls() takes what cannot be read back for lost", async () => {
  await watching(async ({ lose, ended }) => {
    lose(new Error("no files left"));
    assert.match(await ended, /no files left$/);
  }, { lost: false });
});

Deno.test("watchControls() looks no more once it is called off", async () => {
  await watching(({ change, lose, log, looks, stop }) => {
    stop();
    stop();
    lose(LOSS);
    change();
    assert.equal(looks(), 0);
    assert.deepEqual(log, ["unwatch"]);
    return Promise.resolve();
  });
});
