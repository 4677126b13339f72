/**
 * What one busy sandbox costs another: the same requests alone, and beside each kind of load.
 *
 * @module
 */

import { table } from "../../bench/table.ts";
import type { World } from "../support/world.ts";
import type { LoadPlan, LoadResult } from "./support/load.ts";
import { createLoadable, runLoad } from "./support/loaded_sandbox.ts";

/** The aim is 2. Machines that others use as well are noisy, so only far more fails. */
const RATIO_AIM = 2;
const RATIO_MAX = 20;

const SECONDS = 8;

/** What the other sandbox does meanwhile. */
const NEIGHBOURS: readonly (Pick<LoadPlan, "mode" | "connections"> | "processor")[] = [
  { mode: "requests", connections: 32 },
  { mode: "denials", connections: 32 },
  { mode: "connections", connections: 500 },
  "processor",
];

/** Prints a table; false where a neighbour costs far more than it should. */
export async function fairness(world: World): Promise<boolean> {
  await createLoadable(world, "measured");
  await createLoadable(world, "busy");
  const rows: string[][] = [];
  const ratios: number[] = [];
  const measure = () => runLoad(world, "measured", plan("latency", 1, SECONDS));
  await runLoad(world, "measured", plan("latency", 1, 2));
  for (const neighbour of NEIGHBOURS) {
    const alone = await measure();
    const [beside, done] = await Promise.all([measure(), makeBusy(world, neighbour)]);
    const ratio = beside.p99Ms / alone.p99Ms;
    ratios.push(ratio);
    const name = neighbour === "processor"
      ? "4 busy processes"
      : `${neighbour.mode}, ${neighbour.connections} connections`;
    rows.push([name, ...[alone, beside].flatMap(times), ratio.toFixed(1), done]);
  }
  const head = ["beside", "alone p50", "p99 ms", "beside p50", "p99 ms", "p99 ratio", "it did"];
  console.log(table("One inspected request, 8 seconds of them", head, rows));
  const over = ratios.filter((ratio) => ratio > RATIO_AIM).length;
  console.log(`${over} of ${ratios.length} above the aim of ${RATIO_AIM}`);
  return ratios.every((ratio) => ratio <= RATIO_MAX);
}

function times({ p50Ms, p99Ms }: LoadResult): readonly string[] {
  return [p50Ms.toFixed(2), p99Ms.toFixed(2)];
}

function plan(mode: LoadPlan["mode"], connections: number, seconds: number): LoadPlan {
  return { mode, connections, seconds, perSecond: 0 };
}

/** Works for some longer than it is measured beside. */
async function makeBusy(
  world: World,
  neighbour: (typeof NEIGHBOURS)[number],
): Promise<string> {
  const seconds = SECONDS + 3;
  if (neighbour === "processor") {
    const loops = Array.from(
      { length: 4 },
      () => `timeout ${seconds} sh -c 'while :; do :; done' &`,
    );
    await world.machine.exec("busy", `${loops.join(" ")} wait`);
    return "";
  }
  const result = await runLoad(world, "busy", plan(neighbour.mode, neighbour.connections, seconds));
  const { allowed, denied, failed, failure } = result;
  return `${allowed} allowed, ${denied} denied` +
    (failed > 0 ? `, ${failed} failed: ${failure}` : "");
}
