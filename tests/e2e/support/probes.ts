/**
 * Runs many short scripts in one `sandbox exec`, and judges each: what the program in the sandbox
 * saw, the one event that tells of it, and what reached the origin.
 *
 * @module
 */

import assert from "node:assert/strict";
import { assertOneEvent, type WantedEvent } from "./events.ts";
import type { Suite } from "./suite.ts";

/** Seconds that one script may take. */
const SECONDS_MAX = 20;

export interface Probe {
  readonly name: string;
  /** Script of `bash`. Its output, errors included, is what the program saw. */
  readonly script: string;
  /** What the output matches. */
  readonly shows: RegExp;
  readonly exitCode?: number;
  /** The event of the decision. */
  readonly event?: WantedEvent;
  /** Text that no origin may have received; by default the path of a denied request. */
  readonly neverSent?: string;
}

/** What a script did. */
export interface Seen {
  readonly output: string;
  readonly code: number;
}

/** Runs all probes in a sandbox, one after the other, and then a step for each. */
export async function probe(
  { world, step }: Suite,
  sandbox: string,
  probes: readonly Probe[],
): Promise<void> {
  const seen = await runScripts(world.machine, sandbox, probes.map(({ script }) => script));
  const events = await world.machine.events(sandbox);
  for (const [index, { name, shows, exitCode, event, neverSent }] of probes.entries()) {
    await step(name, async () => {
      const { output, code } = seen[index]!;
      assert.match(output, shows);
      if (exitCode !== undefined) assert.equal(code, exitCode, output);
      if (event !== undefined) assertOneEvent(events, event);
      const forbidden = neverSent ?? (event?.verdict === "denied" ? event.path : undefined);
      if (forbidden !== undefined) {
        assert.ok(!await world.origins.received(forbidden), `an origin has received ${forbidden}`);
      }
    });
  }
}

/** Something that runs a script in a sandbox. */
interface Machine {
  exec(
    name: string,
    script: string,
    options: { readonly timeoutMs: number },
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
}

/** Runs scripts of `bash` in one exec. */
export async function runScripts(
  machine: Machine,
  sandbox: string,
  scripts: readonly string[],
): Promise<readonly Seen[]> {
  const mark = `mark-${crypto.randomUUID()}`;
  const lines = scripts.map((script) =>
    `timeout ${SECONDS_MAX} bash -c ${quote(script)} 2>&1 </dev/null; printf '\\n${mark} %d\\n' $?`
  );
  const timeoutMs = (scripts.length + 2) * SECONDS_MAX * 1000;
  const { stdout, stderr } = await machine.exec(sandbox, lines.join("\n"), { timeoutMs });
  const parts = stdout.split(new RegExp(`\\n${mark} (\\d+)\\n`));
  assert.equal(parts.length, scripts.length * 2 + 1, `all scripts have run: ${stdout}${stderr}`);
  return scripts.map((_, index) => ({
    output: parts[index * 2]!,
    code: Number(parts[index * 2 + 1]),
  }));
}

/** Returns a script: `curl` that prints the body, then the status and the status of `CONNECT`. */
export function curl(url: string, ...flags: readonly string[]): string {
  const format = "\nstatus %{http_code} connect %{http_connect}\n";
  const words = ["curl", "-sS", "-m", "15", "-w", format, ...flags, url];
  return words.map(quote).join(" ");
}

/** Returns a script that sends bytes to the proxy as they are, and prints all that comes back. */
export function sendRaw(bytes: string): string {
  const escaped = [...new TextEncoder().encode(bytes)]
    .map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  // By the shell alone: another program that held the connection as well would make it ambiguous.
  const show = 'while IFS= read -r -t 5 line <&3; do echo "$line"; done; printf %s "$line"';
  return `exec 3<>/dev/tcp/127.0.0.1/3128; printf ${quote(escaped)} >&3; ${show}`;
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
