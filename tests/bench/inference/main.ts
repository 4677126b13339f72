/**
 * What `inference.local` costs: time for each call, delay of a stream's first byte, events a second
 * and memory, beside the same calls made directly.
 *
 * `deno run -A tests/bench/inference/main.ts`. Server, router and client are processes of their own;
 * the router's side speaks TLS with the client, as in a sandbox, the direct one does not.
 *
 * @module
 */

import { routeOf, RouterScene } from "../../../drivers/supervisor/inference/router_fixture.ts";
import type { Measured } from "./client.ts";

const SERVER = new URL("./server.ts", import.meta.url).pathname;
const CLIENT = new URL("./client.ts", import.meta.url).pathname;

async function main(): Promise<void> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SERVER],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.getReader();
  const port = Number(new TextDecoder().decode((await reader.read()).value).trim());
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  await using scene = await RouterScene.open({ fetch, routes: [routeOf({ baseUrl })] });
  const direct = await runClient([baseUrl]);
  const idle = residentMegabytes();
  let peak = idle;
  const watch = setInterval(() => peak = Math.max(peak, residentMegabytes()), 20);
  const routed = await runClient([
    "https://inference.local/v1",
    String(scene.proxyPort),
    scene.caPem,
  ]);
  clearInterval(watch);
  print(direct, routed);
  console.log(`memory of the router's process: ${idle} MB idle, ${peak} MB at most`);
  server.kill("SIGKILL");
  await reader.cancel();
  await server.status;
}

async function runClient(args: readonly string[]): Promise<Measured> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CLIENT, ...args],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function residentMegabytes(): number {
  return Math.round(Deno.memoryUsage().rss / 1e6);
}

function print(direct: Measured, routed: Measured): void {
  const names = Object.keys(direct) as (keyof Measured)[];
  for (const name of names) {
    console.log(
      `${name.padEnd(34)} direct ${format(direct[name])}   routed ${format(routed[name])}`,
    );
  }
}

function format(value: number): string {
  return value.toFixed(value < 100 ? 2 : 0).padStart(9);
}

if (import.meta.main) await main();
