import assert from "node:assert/strict";
import type { AuditEvent } from "./events/audit_event.ts";
import type { Breach } from "./launch/read_back.ts";
import { watchControls } from "./watch_controls.ts";

interface Watched {
  readonly folder: string;
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
  change: { readonly paths?: readonly string[]; readonly lost?: boolean } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/config`, "held");
  const log: string[] = [];
  const events: AuditEvent[] = [];
  const ended = Promise.withResolvers<string>();
  let found: Breach | Error | null = null;
  let looks = 0;
  const stop = watchControls({
    jail: {
      findBreaches() {
        looks += 1;
        if (found instanceof Error) throw found;
        return found === null ? [] : [found];
      },
    },
    held: {
      paths: change.paths ?? [`${folder}/config`],
      findLost: () => {
        log.push("compare");
        if (change.lost === false) return [];
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
      folder,
      log,
      events,
      ended: ended.promise,
      looks: () => looks,
      lose: (breach) => found = breach,
      stop,
    });
  } finally {
    stop();
    await Deno.remove(folder, { recursive: true });
  }
}

const LOSS: Breach = { control: "mounts", found: "/project/config is missing" };

Deno.test("watchControls() looks at once when a held file is replaced, and ends all first", async () => {
  await watching(async ({ folder, lose, log, events, ended }) => {
    lose(LOSS);
    const start = performance.now();
    await Deno.writeTextFile(`${folder}/new`, "other");
    await Deno.rename(`${folder}/new`, `${folder}/config`);
    assert.match(await ended, /^a control is no longer in force: "\/p\/config" was replaced/);
    assert.ok(performance.now() - start < 1_500, "before the timer");
    assert.deepEqual(log, ["loss", "end", "compare", "record"]);
    const [event] = events;
    assert.ok(event?.kind === "finding" && event.uid === "control-lost", JSON.stringify(event));
    assert.match(event.detail, /"\/p\/config" .* read it before you go on, since git runs it$/);
  });
});

Deno.test("watchControls() looks again and again without events, and names what else is lost", async () => {
  await watching(async ({ lose, ended, events }) => {
    lose({ control: "seccomp", found: "Seccomp is 0 instead of 2" });
    assert.match(await ended, /: seccomp: Seccomp is 0 instead of 2$/);
    assert.equal(events.length, 1);
  }, { paths: ["/nowhere/at/all"], lost: false });
});

Deno.test("watchControls() takes what cannot be read back for lost", async () => {
  await watching(async ({ lose, ended }) => {
    lose(new Error("no files left"));
    assert.match(await ended, /no files left$/);
  }, { lost: false });
});

Deno.test("watchControls() is not made to look by what is not held", async () => {
  await watching(async ({ folder, looks, stop }) => {
    for (let index = 0; index < 50; index++) {
      await Deno.writeTextFile(`${folder}/other-${index}`, "x");
    }
    await Deno.writeTextFile(`${folder}/config`, "in place");
    const start = performance.now();
    while (looks() === 0 && performance.now() - start < 1_500) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(looks() > 0 && looks() < 20, String(looks()));
    stop();
  });
});
