/**
 * A machine on which somebody follows a journey of the documentation, and the servers it names.
 *
 * Names, addresses and certificates are stand-ins; all else is what a person has.
 *
 * @module
 */

import { waitFor } from "../../support/commands.ts";
import { writeHostNames } from "../../support/host_names.ts";
import { NetworkPair, uniqueName } from "../../support/network_pair.ts";
import { TestMachine } from "../../support/openshell.ts";
import { PROGRAM } from "../../support/requirements.ts";
import { TestAuthority } from "../../support/test_authority.ts";
import type { StandInOptions, StandInRequest } from "./stand_ins.ts";

/** Public by every table, and routed to nobody but us. */
const ADDRESS = "11.22.33.10";

const HOSTS = ["api.anthropic.com", "api.github.com", "evil.example.com", "github.com"] as const;

const SERVER = new URL("./stand_ins.ts", import.meta.url).pathname;

/** Covers `/usr/local` in the mount namespace that the harness has made for the command. */
const COVER = 'mount --bind "$1" /usr/local || exit 125; shift; exec "$@"';

export interface JourneyOptions {
  /** The one token or key that the servers take. */
  readonly token: string;
  /** Scripts of `sh` in `/usr/local/bin`, by name; by default the host's folder is there. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Or what `npm install --global --prefix` has filled, in place of `/usr/local`. */
  readonly prefix?: string;
}

export class JourneyWorld implements AsyncDisposable {
  private constructor(
    readonly machine: TestMachine,
    readonly folder: string,
    readonly pair: NetworkPair,
    /** Bare repositories of the server, `OWNER/NAME.git`. */
    readonly gitFolder: string,
    readonly recordFile: string,
    readonly stack: AsyncDisposableStack,
  ) {}

  /** Starts servers and gateway. */
  static async start({ token, programs, prefix }: JourneyOptions): Promise<JourneyWorld> {
    const folder = await Deno.makeTempDir({ prefix: `${uniqueName()}-` });
    const stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    try {
      const pair = stack.use(await NetworkPair.create([ADDRESS]));
      const authority = await TestAuthority.create(`${folder}/authority`);
      const options: StandInOptions = {
        ...{ address: ADDRESS, token, ...await authority.issue("stand-ins", HOSTS) },
        ...{ recordFile: `${folder}/requests.jsonl`, gitFolder: `${folder}/git` },
      };
      stack.use(startServer((line) => pair.onInternet(line), [SERVER, JSON.stringify(options)]));
      const withNames = await writeHostNames(
        folder,
        Object.fromEntries(HOSTS.map((host) => [host, ADDRESS])),
      );
      const local = programs === undefined ? prefix : await write(`${folder}/local`, programs);
      const installed = local === undefined ? [] : ["sh", "-c", COVER, "sh", local];
      const machine = new TestMachine({
        folder,
        program: PROGRAM,
        user: null,
        enter: (command) => pair.onMachine(withNames([...installed, ...command])),
        processes: () => pair.machineProcesses(),
        bundleFile: authority.bundleFile,
      });
      await waitForFile(options.recordFile);
      await machine.start();
      const { gitFolder, recordFile } = options;
      return new JourneyWorld(machine, folder, pair, gitFolder, recordFile, stack.move());
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  /** All requests that reached a server, oldest first. */
  async requests(): Promise<readonly StandInRequest[]> {
    return await readRecords(this.recordFile);
  }

  /** Ends everything; returns a sentence for each thing that the product left behind. */
  async close(): Promise<readonly string[]> {
    const leftovers = await this.machine.close();
    await this[Symbol.asyncDispose]();
    return leftovers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

/** Returns the folder that stands for `/usr/local`. */
async function write(
  folder: string,
  programs: Readonly<Record<string, string>>,
): Promise<string> {
  await Deno.mkdir(`${folder}/bin`, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(`${folder}/bin/${name}`, `#!/bin/sh\n${script}`, { mode: 0o755 });
  }
  return folder;
}

/** Reads a file with a line of JSON for each request. */
export async function readRecords<T>(path: string): Promise<readonly T[]> {
  const text = await Deno.readTextFile(path);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Servers write the file where they record when they listen. */
export async function waitForFile(path: string): Promise<void> {
  await waitFor(path, () => Deno.stat(path).then(() => true, () => false), 60_000);
}

/** Starts a program of Deno, which is killed when it is disposed of. */
export function startServer(
  enter: (command: readonly string[]) => readonly string[],
  programArgs: readonly string[],
): AsyncDisposable {
  const deno = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-lock", "--allow-all"];
  const [program = "", ...args] = enter([...deno, ...programArgs]);
  const stdio = { stdin: "null", stdout: "null", stderr: "inherit" } as const;
  const child = new Deno.Command(program, { args, ...stdio }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await child.status;
    },
  };
}
