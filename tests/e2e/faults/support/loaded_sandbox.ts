/**
 * Sandboxes that run the load of `load.ts`.
 *
 * @module
 */

import { policy, rest } from "../../support/policies.ts";
import type { World } from "../../support/world.ts";
import type { LoadPlan, LoadResult } from "./load.ts";

const LOAD = new URL("./load.ts", import.meta.url).pathname;

const POLICY = policy({
  load: {
    endpoints: [
      rest("keep.example.com", 443, { access: "read-only" }),
      { host: "api.example.com", port: 8080, tls: "skip" },
    ],
    binaries: ["/sandbox/deno"],
  },
});

/** The program goes in as the agent's own file, with the runtime that it needs. */
export async function createLoadable(
  { machine }: World,
  name: string,
  flags: readonly string[] = [],
): Promise<void> {
  await machine.create(name, { policy: POLICY, flags });
  const workspace = `${await machine.sandboxFolder(name)}/workspace`;
  await Deno.copyFile(Deno.execPath(), `${workspace}/deno`);
  await Deno.copyFile(LOAD, `${workspace}/load.ts`);
  await Deno.chmod(`${workspace}/deno`, 0o755);
  await Deno.chmod(`${workspace}/load.ts`, 0o644);
}

/** Runs the load to its end. */
export async function runLoad(
  { machine }: World,
  name: string,
  plan: LoadPlan,
): Promise<LoadResult> {
  const deno = ["/sandbox/deno", "run", "--quiet", "--no-config", "--no-lock", "--allow-all"];
  const command = [...deno, "/sandbox/load.ts", JSON.stringify(plan)];
  const timeoutMs = (plan.seconds + 120) * 1000;
  const args = ["sandbox", "exec", "-n", name, "--", ...command];
  return JSON.parse(await machine.must(args, { timeoutMs }));
}
