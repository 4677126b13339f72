/**
 * What the product has acknowledged, and what is to hold after whatever happened to it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../../support/commands.ts";
import { ANYONE, policy, rest } from "../../support/policies.ts";
import { curl, runScripts } from "../../support/probes.ts";
import type { World } from "../../support/world.ts";

/** Everything is this much slower on a machine that others use as well. */
export const RECOVERY_MS_MAX = 60_000;

export const HOST = "keep.example.com";

/** Text that no origin may ever receive. */
export const CANARY = "canary-4f1d";

/**
 * The agent of the tests: asks all the time for what it may have, and for what it may not, by the
 * proxy and past it.
 */
export const AGENT: readonly string[] = [
  "sh",
  "-c",
  [
    "while :; do",
    `curl -sS -m 5 https://${HOST}/always`,
    `curl -sS -m 5 -d ${CANARY} https://${HOST}/${CANARY}`,
    `curl -sS -m 5 https://other.example.com/${CANARY}`,
    `curl -sS -m 5 --noproxy '*' http://203.0.113.10/${CANARY}`,
    `curl -sS -m 5 --noproxy '*' http://203.0.113.10:8080/${CANARY}`,
    "sleep 0.2; done >/dev/null 2>&1",
  ].join("\n"),
];

/** Returns the policy of a revision: it allows a path that no other revision does. */
export function revision(number: number): string {
  const paths = ["/always", `/revision-${number}`];
  const rules = paths.map((path) => ({ allow: { method: "GET", path } }));
  return policy({
    keep: { endpoints: [rest(HOST, 443, { rules })], binaries: ANYONE },
  });
}

/** One sandbox and what was acknowledged about it. */
interface Entry {
  /** Numbers of policies, of which one is in force: several while no acknowledgement has come. */
  policies: readonly number[];
  /** Complete lines of the event log. */
  events: string;
}

/** Keeps what was acknowledged of sandboxes that are expected to live. */
export class Ledger {
  readonly #world: World;
  readonly #entries = new Map<string, Entry>();
  #policies = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Makes a sandbox whose agent does its worst. */
  async create(name: string): Promise<void> {
    await this.#world.machine.create(name, { policy: revision(0), command: AGENT });
    this.#entries.set(name, { policies: [0], events: "" });
  }

  async delete(name: string): Promise<void> {
    this.#entries.delete(name);
    await this.#world.machine.must(["sandbox", "delete", name]);
  }

  /** Sets a further policy. It may fail; then nobody knows which is in force. */
  async setPolicy(name: string): Promise<void> {
    const entry = this.#entries.get(name)!;
    const number = ++this.#policies;
    const before = entry.policies;
    entry.policies = [...before, number];
    const { machine } = this.#world;
    const file = await machine.writeFile(`revision-${number}.yaml`, revision(number));
    const { stdout, stderr } = await machine.run(["policy", "set", name, "--policy", file]);
    if (/Set revision/.test(stdout + stderr)) entry.policies = [number];
  }

  /** Notes the events that are written: none of them may go. */
  async noteEvents(): Promise<void> {
    for (const [name, entry] of this.#entries) entry.events = await this.#events(name);
  }

  /**
   * Holds all that was acknowledged against what there is.
   *
   * @throws {assert.AssertionError}
   */
  async check(): Promise<void> {
    const { machine, origins } = this.#world;
    for (const [name, entry] of this.#entries) {
      await waitFor(`"${name}" to be ready`, async () => {
        const { code, stdout } = await machine.run(["sandbox", "get", name, "-o", "json"]);
        return code === 0 && JSON.parse(stdout).phase === "Ready";
      }, RECOVERY_MS_MAX);
      await this.#checkPolicy(name, entry);
      const events = await this.#events(name);
      assert.ok(events.startsWith(entry.events), `events of "${name}" have gone`);
      const { code, stdout, stderr } = await machine.run(["logs", name, "--verify"]);
      assert.equal(code, 0, stdout + stderr);
    }
    assert.ok(!await origins.received(CANARY), "an origin has received what nobody may send");
    await origins.clear();
  }

  /** Waits for the policy that was acknowledged: another may only be in force until it comes. */
  async #checkPolicy(name: string, { policies }: Entry): Promise<void> {
    const { machine } = this.#world;
    const known = Array.from({ length: this.#policies + 1 }, (_, number) => number).slice(-4);
    const asked = [...new Set([...known, ...policies])];
    await waitFor(`a policy of ${policies} in "${name}"`, async () => {
      const scripts = asked.map((number) => curl(`https://${HOST}/revision-${number}`));
      const seen = await runScripts(machine, name, scripts);
      const inForce = asked.filter((_, index) => seen[index]!.output.includes("status 200"));
      return inForce.length === 1 && policies.includes(inForce[0]!);
    }, RECOVERY_MS_MAX);
  }

  async #events(name: string): Promise<string> {
    const text = await Deno.readTextFile(
      `${await this.#world.machine.sandboxFolder(name)}/events.jsonl`,
    );
    return text.slice(0, text.lastIndexOf("\n") + 1);
  }
}
