/**
 * Ends processes of the product at points of chance, and looks whether anything has opened, was
 * lost or stays behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../../support/commands.ts";
import { findMounts } from "../../support/leftovers.ts";
import type { World } from "../../support/world.ts";
import { CANARY, Ledger, RECOVERY_MS_MAX } from "./ledger.ts";
import { findByArguments, kill, killGateway, processesOf, sparePid } from "./processes.ts";

/** What is ended. */
export const VICTIMS = [
  "gateway",
  "supervisor",
  "init",
  "main process",
  "warm spare",
  "gateway and supervisor",
  "command line that creates",
  "command line that executes",
  "command line that uploads",
  "gateway during a create",
] as const;

export type Victim = (typeof VICTIMS)[number];

/** A sandbox that has to live through everything but its own end. */
const STEADY = "steady";

/** Longest pause before a kill, in milliseconds: some more than a create takes. */
const PAUSE_MS_MAX = 900;

const UPLOAD_BYTES = 48 * 1024 * 1024;

export class Kills {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  #count = 0;

  constructor(world: World, random: () => number) {
    this.#world = world;
    this.#ledger = new Ledger(world);
    this.#random = random;
  }

  /** Starts the load. */
  async begin(): Promise<void> {
    await this.#ledger.create(STEADY);
    const file = `${this.#world.machine.home}/large`;
    await Deno.writeFile(file, new Uint8Array(UPLOAD_BYTES).fill(0x61));
  }

  /** Ends one, then checks all; returns how long until everything was well again. */
  async round(victim: Victim): Promise<number> {
    this.#count++;
    await this.#ledger.noteEvents();
    const start = performance.now();
    switch (victim) {
      case "gateway":
        await this.#killGateway([this.#ledger.setPolicy(STEADY)]);
        break;
      case "gateway during a create":
        await this.#killGatewayDuringCreate();
        break;
      case "gateway and supervisor":
        await this.#killBoth();
        break;
      case "supervisor":
      case "init":
      case "main process":
        await this.#killInSandbox(victim);
        break;
      case "warm spare":
        await this.#killSpare();
        break;
      case "command line that creates":
        await this.#killCreate();
        break;
      case "command line that executes":
        await this.#killExec();
        break;
      case "command line that uploads":
        await this.#killUpload();
        break;
    }
    await this.#ledger.check();
    return performance.now() - start;
  }

  async #pause(): Promise<void> {
    const ms = this.#random() * PAUSE_MS_MAX;
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** The next command starts another one. */
  async #killGateway(meanwhile: readonly Promise<unknown>[]): Promise<void> {
    const { machine } = this.#world;
    await this.#pause();
    await killGateway(machine);
    await Promise.all(meanwhile);
  }

  /** A create that was acknowledged has made a sandbox; one that was not may have. */
  async #killGatewayDuringCreate(): Promise<void> {
    const { machine } = this.#world;
    const name = `cut-${this.#count}`;
    const created = machine.run(createArguments(name));
    await this.#killGateway([]);
    const { code } = await created;
    await this.#settle(name, { isAcknowledged: code === 0 });
  }

  /** The next gateway starts it again, and says so in the record. */
  async #killBoth(): Promise<void> {
    const { machine } = this.#world;
    const { supervisor } = await processesOf(this.#world, STEADY);
    await this.#pause();
    await killGateway(machine);
    kill(supervisor);
  }

  /** Every process of it ends, and the others go on. */
  async #killInSandbox(victim: "supervisor" | "init" | "main process"): Promise<void> {
    const { machine } = this.#world;
    const name = `dies-${this.#count}`;
    await this.#ledger.create(name);
    const found = await processesOf(this.#world, name);
    const folder = await machine.sandboxFolder(name);
    await this.#pause();
    kill(victim === "main process" ? found.main : found[victim]);
    await waitFor(`the end of "${name}"`, () => findMounts(folder).length === 0, RECOVERY_MS_MAX);
    await waitFor(`phase Error of "${name}"`, async () => {
      const { code, stdout } = await machine.run(["sandbox", "get", name, "-o", "json"]);
      return code === 0 && JSON.parse(stdout).phase === "Error";
    }, RECOVERY_MS_MAX);
    const { code, stdout, stderr } = await machine.run(["logs", name, "--verify"]);
    assert.equal(code, 0, stdout + stderr);
    await this.#ledger.delete(name);
  }

  async #killSpare(): Promise<void> {
    const { machine } = this.#world;
    const spare = await waitFor("a spare", () => sparePid(this.#world), RECOVERY_MS_MAX);
    const name = `spare-${this.#count}`;
    const created = machine.run(createArguments(name));
    await new Promise((resolve) => setTimeout(resolve, this.#random() * 300));
    kill(spare);
    const { code } = await created;
    await this.#settle(name, { isAcknowledged: code === 0, mayHaveEnded: true });
  }

  async #killCreate(): Promise<void> {
    const { machine } = this.#world;
    const name = `left-${this.#count}`;
    const child = machine.spawn(createArguments(name));
    await this.#pause();
    kill(child.pid);
    await child.status;
    await this.#settle(name, { isAcknowledged: false });
  }

  /** What a person started ends when the person is gone. */
  async #killExec(): Promise<void> {
    const { machine } = this.#world;
    const seconds = String(90_000 + this.#count);
    const child = machine.spawn(["sandbox", "exec", "-n", STEADY, "--", "sleep", seconds]);
    await this.#pause();
    kill(child.pid);
    await child.status;
    const isGone = () => findByArguments(`sleep ${seconds}`).length === 0;
    await waitFor("the end of what was executed", isGone, RECOVERY_MS_MAX);
    // It might have been about to start.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await waitFor("the end of what was executed", isGone, RECOVERY_MS_MAX);
  }

  /** Part of a file may be there; a further upload puts it right. */
  async #killUpload(): Promise<void> {
    const { machine } = this.#world;
    const args = ["sandbox", "upload", STEADY, `${machine.home}/large`];
    const child = machine.spawn(args);
    await this.#pause();
    kill(child.pid);
    await child.status;
    await machine.must(args, { timeoutMs: RECOVERY_MS_MAX });
    const { size } = await Deno.stat(`${await machine.sandboxFolder(STEADY)}/workspace/large`);
    assert.equal(size, UPLOAD_BYTES);
  }

  /** A sandbox whose making was cut short: there as a whole, or not at all; and it can be deleted. */
  async #settle(
    name: string,
    { isAcknowledged, mayHaveEnded = false }: {
      readonly isAcknowledged: boolean;
      readonly mayHaveEnded?: boolean;
    },
  ): Promise<void> {
    const { machine } = this.#world;
    machine.noteSandboxes();
    const state = await waitFor(`"${name}" to come to rest`, async () => {
      const { code, stdout, stderr } = await machine.run(["sandbox", "get", name, "-o", "json"]);
      if (code !== 0) return /not find|does not exist/i.test(stderr) ? "absent" : null;
      const { phase } = JSON.parse(stdout);
      return ["Ready", "Error"].includes(phase) ? phase : null;
    }, RECOVERY_MS_MAX);
    if (isAcknowledged && !mayHaveEnded) assert.equal(state, "Ready", `"${name}" was acknowledged`);
    if (isAcknowledged) assert.notEqual(state, "absent", `"${name}" was acknowledged`);
    if (state === "absent") return;
    if (state === "Ready") assert.equal((await machine.exec(name, "true")).code, 0);
    await machine.must(["sandbox", "delete", name]);
  }
}

function createArguments(name: string): readonly string[] {
  return [
    ...["sandbox", "create", "--name", name, "--detach", "--"],
    ...["sh", "-c", `curl -s --noproxy '*' http://203.0.113.10/${CANARY}; exec sleep infinity`],
  ];
}
