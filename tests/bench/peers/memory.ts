/**
 * Memory of each further sandbox while its program sleeps.
 *
 * @module
 */

import { waitFor } from "../../e2e/support/commands.ts";
import type { World } from "../../e2e/support/world.ts";
import { type Contender, contendersOf, type Field } from "./contenders.ts";
import type { Measurement, Section } from "./measurement.ts";
import { bytesOfTrees, IDLE } from "./processes.ts";

const WHAT = "Memory of a further sandbox, all its processes but the agent's own (PSS)";
/** What starts and what waits is to come to rest. */
const SETTLE_MS = 3_000;

/** Measures how much `count` further ones add, each contender by itself. */
export async function memory(world: World, field: Field, count: number): Promise<Section> {
  const peers = contendersOf(field).filter(({ name }) => name !== "host" && name !== "openshell");
  const measured: Measurement[] = [];
  for (const peer of peers) measured.push(one(peer.name, await ofPeer(peer, count)));
  measured.push(one("openshell", await ofOurs(world, count)));
  return { measured, skipped: field.missing.map((each) => ({ what: WHAT, ...each })) };
}

function one(contender: string, bytes: number): Measurement {
  return { what: WHAT, contender, unit: "bytes", samples: [bytes] };
}

async function ofPeer({ command, env, folder }: Contender, count: number): Promise<number> {
  const children: Deno.ChildProcess[] = [];
  const start = async () => {
    const file = `started-${children.length}`;
    const script = `touch ${file}; exec "$@"`;
    const [program = "", ...args] = command(["bash", "-c", script, "bash", ...IDLE]);
    const options = { args, env, clearEnv: true, stdin: "null", stderr: "null" } as const;
    children.push(new Deno.Command(program, { ...options, stdout: "null" }).spawn());
    await waitFor(`${file} in ${folder}`, () => exists(`${folder}/${file}`));
  };
  const held = async () => {
    await settle();
    return bytesOfTrees(children.map(({ pid }) => pid));
  };
  try {
    await start();
    const before = await held();
    for (let index = 0; index < count; index++) await start();
    return (await held() - before) / count;
  } finally {
    for (const child of children) child.kill("SIGTERM");
    for (const child of children) await child.status;
  }
}

async function ofOurs({ machine }: World, count: number): Promise<number> {
  const names = Array.from({ length: count + 1 }, (_, index) => `held-${index}`);
  const held = async () => {
    await settle();
    return bytesOfTrees([machine.gatewayPid]);
  };
  const [first = "", ...further] = names;
  await machine.create(first, { command: IDLE });
  const before = await held();
  for (const name of further) await machine.create(name, { command: IDLE });
  const after = await held();
  for (const name of names) await machine.must(["sandbox", "delete", name]);
  return (after - before) / count;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
