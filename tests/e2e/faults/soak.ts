/**
 * Holds many connections open for long, and watches what supervisor and gateway hold.
 *
 * @module
 */

import { table } from "../../bench/table.ts";
import type { World } from "../support/world.ts";
import { createLoadable, runLoad } from "./support/loaded_sandbox.ts";
import { type Sample, sample, slopePerMinute } from "./support/memory.ts";
import { processesOf } from "./support/processes.ts";

/** Beyond it memory is said to grow: more than what collecting garbage now and then leaves. */
const PSS_KIB_PER_MINUTE_MAX = 512;

/** Beyond it descriptors are said to grow. */
const FILES_PER_MINUTE_MAX = 1;

const SANDBOX = "soak";
const ROWS = 20;

/** Prints a table and a verdict; returns whether all is flat. */
export async function soak(
  world: World,
  { minutes, connections = 100, perSecond = 60 }: {
    readonly minutes: number;
    readonly connections?: number;
    readonly perSecond?: number;
  },
): Promise<boolean> {
  const { machine, origins } = world;
  await createLoadable(world, SANDBOX);
  const { supervisor } = await processesOf(world, SANDBOX);
  const watched = { supervisor, gateway: machine.gatewayPid };
  const found: Record<keyof typeof watched, Sample[]> = { supervisor: [], gateway: [] };
  const tail = machine.spawn(["logs", SANDBOX, "--tail", "-o", "jsonl"]);
  const seconds = minutes * 60;
  const start = performance.now();
  let isOver = false;
  const load = runLoad(world, SANDBOX, { mode: "mix", seconds, connections, perSecond })
    .finally(() => isOver = true);
  load.catch(() => {}); // Until it is waited for below.
  const stepMs = Math.max(2_000, seconds * 1000 / 60);
  while (!isOver) {
    const at = Math.round((performance.now() - start) / 1000);
    // The last connections close one after the other.
    if (at > seconds) break;
    for (const name of ["supervisor", "gateway"] as const) {
      found[name].push(sample(watched[name], at));
    }
    // What the origins recorded is ours, and would fill this machine's memory.
    await origins.clear();
    await Promise.race([load.catch(() => {}), new Promise((go) => setTimeout(go, stepMs))]);
  }
  tail.kill("SIGTERM");
  await tail.status;
  const { allowed, denied, failed, failure } = await load;
  printSamples(found);
  console.log(
    `${allowed} allowed, ${denied} denied, ${failed} failed${failed > 0 ? `: ${failure}` : ""}`,
  );
  const verify = await machine.run(["logs", SANDBOX, "--verify"]);
  console.log(verify.stdout.trimEnd());
  return isFlat(found) && failed === 0 && verify.code === 0;
}

function printSamples(found: Readonly<Record<string, readonly Sample[]>>): void {
  for (const [name, samples] of Object.entries(found)) {
    const step = Math.max(1, Math.ceil(samples.length / ROWS));
    const rows = samples.filter((_, index) => index % step === 0 || index === samples.length - 1)
      .map((
        { seconds, pssKib, rssKib, files },
      ) => [`${seconds} s`, ...[pssKib, rssKib].map((kib) => (kib / 1024).toFixed(1)), `${files}`]);
    console.log(table(name, ["at", "PSS MiB", "RSS MiB", "files"], rows));
  }
}

function isFlat(found: Readonly<Record<string, readonly Sample[]>>): boolean {
  return Object.entries(found).map(([name, samples]) => {
    const pss = slopePerMinute(samples, ({ pssKib }) => pssKib);
    const files = slopePerMinute(samples, (each) => each.files);
    const isGood = pss <= PSS_KIB_PER_MINUTE_MAX && files <= FILES_PER_MINUTE_MAX;
    console.log(
      `${name}: ${pss.toFixed(0)} KiB a minute, ${files.toFixed(2)} files a minute: ` +
        (isGood ? "flat" : "GROWS"),
    );
    return isGood;
  }).every((isGood) => isGood);
}
