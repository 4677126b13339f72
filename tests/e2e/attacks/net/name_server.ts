/**
 * The name server of the machine under test: starts `dns_server.ts`, and says what it was asked for.
 *
 * @module
 */

import { waitFor } from "../../support/commands.ts";
import type { World } from "../../support/world.ts";

const SERVER = new URL("./dns_server.ts", import.meta.url).pathname;

export class MachineNameServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #logFile: string;

  private constructor(child: Deno.ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
  }

  static async start({ pair, folder }: World): Promise<MachineNameServer> {
    const logFile = `${folder}/names.log`;
    const deno = [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-config",
      "--no-lock",
      "--unstable-net",
      "-A",
    ];
    const script = 'log=$1; shift; exec "$@" >"$log"';
    // As root, whoever runs the machine: the port of name servers is not an ordinary user's.
    const [program = "", ...args] = pair.onMachine(
      ["sh", "-c", script, "sh", logFile, ...deno, SERVER],
    );
    const child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const server = new MachineNameServer(child, logFile);
    await waitFor("the name server to listen", () => server.#lines().includes("ready"), 60_000);
    return server;
  }

  /** Every name that was asked for so far. */
  names(): readonly string[] {
    return this.#lines().filter((line) => line !== "" && line !== "ready");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
  }

  #lines(): readonly string[] {
    try {
      return Deno.readTextFileSync(this.#logFile).split("\n");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}
