/**
 * A machine on which agents are installed as a person installs them, and the servers they meet.
 *
 * The gateway of this machine sees the installation in place of `/usr/local`: what
 * `npm install --global` has made there. The host's own folder stays as it is.
 *
 * @module
 */

import { waitFor } from "../../support/commands.ts";
import { writeHostNames } from "../../support/host_names.ts";
import { NetworkPair, uniqueName } from "../../support/network_pair.ts";
import { TestMachine } from "../../support/openshell.ts";
import { PROGRAM } from "../../support/requirements.ts";
import { TestAuthority } from "../../support/test_authority.ts";
import { EVIL_HOST } from "./conversation.ts";
import type { FakeInternetOptions, SeenRequest } from "./fake_internet.ts";

/** Public by every table, and routed to nobody but us. */
const ADDRESS = "11.22.33.10";

/** All that resolve. What else an agent asks for has no address, as the policy denies it anyway. */
const HOSTS = [
  "api.anthropic.com",
  "api.example.com",
  "api.openai.com",
  "chatgpt.com",
  "files.pypi.corp.example",
  "github.com",
  "mcp.corp.example",
  "models.dev",
  "models.opencode.ai",
  "npm.corp.example",
  "opencode.ai",
  "pypi.corp.example",
  EVIL_HOST,
] as const;

const SERVER = new URL("./fake_internet.ts", import.meta.url).pathname;

/** Covers `/usr/local` in the mount namespace that the harness has made for the command. */
const COVER = 'mount --bind "$1" /usr/local || exit 125; shift; exec "$@"';

export class AgentWorld {
  private constructor(
    readonly machine: TestMachine,
    readonly folder: string,
    readonly pair: NetworkPair,
    readonly recordFile: string,
    readonly server: Deno.ChildProcess,
  ) {}

  /** Starts servers and gateway; `prefix` is what `npm install --global --prefix` has filled. */
  static async start(prefix: string): Promise<AgentWorld> {
    const folder = await Deno.makeTempDir({ prefix: `${uniqueName()}-` });
    const stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    try {
      const pair = stack.use(await NetworkPair.create([ADDRESS]));
      const authority = await TestAuthority.create(`${folder}/authority`);
      const options: FakeInternetOptions = {
        ...{ address: ADDRESS, ...await authority.issue("agents", HOSTS) },
        ...{ recordFile: `${folder}/requests.jsonl`, gitFolder: `${folder}/git` },
        packageFolder: `${folder}/packages`,
      };
      const server = startServer(pair, options);
      stack.defer(() => endServer(server));
      const names = Object.fromEntries(HOSTS.map((host) => [host, ADDRESS]));
      const withNames = await writeHostNames(folder, names);
      const covered = (command: readonly string[]) => ["sh", "-c", COVER, "sh", prefix, ...command];
      const machine = new TestMachine({
        folder,
        program: PROGRAM,
        user: null,
        enter: (command) => pair.onMachine(withNames(covered(command))),
        processes: () => pair.machineProcesses(),
        bundleFile: authority.bundleFile,
      });
      await waitFor("the servers", () => isThere(options.recordFile), 60_000);
      await machine.start();
      stack.move();
      return new AgentWorld(machine, folder, pair, options.recordFile, server);
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  /** All requests that reached a server, oldest first. */
  async requests(host?: string): Promise<readonly SeenRequest[]> {
    const text = await Deno.readTextFile(this.recordFile);
    const all: SeenRequest[] = text.split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    return host === undefined ? all : all.filter((each) => each.host === host);
  }

  /** Ends everything; returns a sentence for each thing that the product left behind. */
  async close(): Promise<readonly string[]> {
    const leftovers = await this.machine.close();
    await endServer(this.server);
    await this.pair.remove();
    await Deno.remove(this.folder, { recursive: true });
    return leftovers;
  }
}

function startServer(pair: NetworkPair, options: FakeInternetOptions): Deno.ChildProcess {
  const deno = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-lock", "--allow-all"];
  const [program = "", ...args] = pair.onInternet([...deno, SERVER, JSON.stringify(options)]);
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" })
    .spawn();
}

async function endServer(server: Deno.ChildProcess): Promise<void> {
  try {
    server.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
  await server.status;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
