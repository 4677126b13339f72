/**
 * Fuzzes for as long as it is told: `deno task fuzz [TARGET…] [--seconds N] [--seed S]`.
 *
 * All targets in turn by default, for ten seconds each, from a random seed. The first input for
 * which something does not hold is made small and printed in a form that can be run again:
 * `deno task fuzz TARGET --input BASE64`. `--list` names the targets. Exits with 1 where a target
 * failed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { execute, type Failure, runTarget } from "./run_target.ts";
import { latin1Text, type Target } from "./target.ts";
import { TARGETS } from "./targets/all.ts";

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "10" },
      seed: { type: "string" },
      input: { type: "string" },
      list: { type: "boolean", default: false },
    },
  });
  if (values.list) {
    for (const { name, holds } of TARGETS) console.log(`${name.padEnd(20)} ${holds}`);
    return 0;
  }
  const unknown = positionals.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown !== undefined) {
    console.log(`Cannot fuzz "${unknown}": it is none of ${TARGETS.map(({ name }) => name)}`);
    return 2;
  }
  const chosen = TARGETS.filter(({ name }) =>
    positionals.length === 0 || positionals.includes(name)
  );
  if (values.input !== undefined) return await replay(chosen, values.input);
  const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]) >>> 0;
  console.log(`seed ${seed}`);
  let failed = 0;
  for (const target of chosen) {
    if (!await fuzz(target, seed, Number(values.seconds))) failed++;
  }
  return failed === 0 ? 0 : 1;
}

async function fuzz(target: Target, seed: number, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  const goesOn = () => performance.now() < end;
  const { executions, ms, slowestMs, failure } = await runTarget(target, { seed, goesOn });
  const rate = Math.round(executions / (ms / 1000));
  const megabytes = Math.round(Deno.memoryUsage().rss / 1024 / 1024);
  console.log(
    `${target.name}: ${executions} executions, ${rate}/s, ` +
      `slowest ${Math.round(slowestMs)} ms, ${megabytes} MB`,
  );
  if (failure !== null) report(target, failure);
  return failure === null;
}

async function replay(targets: readonly Target[], base64: string): Promise<number> {
  const input = Uint8Array.fromBase64(base64);
  let failed = 0;
  for (const target of targets) {
    const error = await execute(target, input);
    if (error === null) console.log(`${target.name}: holds`);
    else report(target, { input, original: input, error: error.cause });
    if (error !== null) failed++;
  }
  return failed === 0 ? 0 : 1;
}

function report(target: Target, { input, error }: Failure): void {
  console.log(`${target.name}: ${target.holds}. It does not for ${input.length} bytes:`);
  console.log(JSON.stringify(latin1Text(input)));
  console.log(error);
  console.log(`Run again: deno task fuzz ${target.name} --input ${input.toBase64()}`);
  console.log(`Keep it:   base64 -d > tests/fuzz/corpus/${target.name}/NAME`);
}

if (import.meta.main) Deno.exit(await main());
