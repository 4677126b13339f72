/**
 * OpenShell as a person has it: an own home, the built executable, and a gateway.
 *
 * Everything is in one temporary folder and in the network namespaces of one {@link NetworkPair},
 * so `close` can tell what was left behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun, type Outcome, run, type RunOptions, waitFor } from "./commands.ts";
import { type AuditRecord, parseEvents } from "./events.ts";
import { findLeftovers } from "./leftovers.ts";
import type { OrdinaryUser } from "./ordinary_user.ts";

/** Longest that a gateway may take to listen: the first start unpacks the executable. */
const GATEWAY_START_MS_MAX = 30_000;
const GATEWAY_STOP_MS_MAX = 15_000;

/** A base system: above all without Deno. */
const PATH = "/usr/bin:/bin:/usr/sbin:/sbin";

export interface MachineOptions {
  /** Holds everything; made by the caller, who also removes it. */
  readonly folder: string;
  /** The built executable, where `enter` shows it. */
  readonly program: string;
  /** Who runs everything; `null` is root. */
  readonly user: OrdinaryUser | null;
  /** Puts a command where the machine is: its network, its names, its user. */
  readonly enter: (command: readonly string[]) => readonly string[];
  /** Host process ids of all that is there. */
  readonly processes: () => Promise<readonly number[]>;
  /** Certificates that upstream servers are checked with. */
  readonly bundleFile: string;
}

export class TestMachine {
  readonly #options: MachineOptions;
  readonly #ids = new Set<string>();
  #gateway: Deno.ChildProcess | null = null;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  get folder(): string {
    return this.#options.folder;
  }

  get home(): string {
    return `${this.folder}/home`;
  }

  /** Number of the user who runs everything. */
  get uid(): number {
    return this.#options.user?.uid ?? 0;
  }

  /** Makes a file or folder, and all in it, that user's. */
  async own(path: string): Promise<void> {
    const { user } = this.#options;
    if (user !== null) await mustRun(["chown", "-R", `${user.uid}:${user.gid}`, path]);
  }

  get endpointFile(): string {
    return `${this.folder}/state/openshell/gateway/endpoint.json`;
  }

  get gatewayLogFile(): string {
    return `${this.folder}/gateway.log`;
  }

  /** Environment of everything that is started. */
  get environment(): Readonly<Record<string, string>> {
    const { folder } = this;
    return {
      PATH,
      HOME: this.home,
      XDG_CONFIG_HOME: `${folder}/config`,
      XDG_STATE_HOME: `${folder}/state`,
      XDG_CACHE_HOME: `${folder}/cache`,
      XDG_RUNTIME_DIR: `${folder}/run`,
      TMPDIR: `${folder}/tmp`,
      SSL_CERT_FILE: this.#options.bundleFile,
      LANG: "C.UTF-8",
      NO_COLOR: "1",
    };
  }

  /** Makes the folders and starts the gateway. */
  async start(): Promise<void> {
    for (const name of ["home", "config", "state", "cache", "run", "tmp"]) {
      await Deno.mkdir(`${this.folder}/${name}`, { recursive: true, mode: 0o700 });
      await this.own(`${this.folder}/${name}`);
    }
    const { user, folder } = this.#options;
    if (user !== null) await Deno.chown(folder, user.uid, user.gid);
    await this.startGateway();
  }

  /** Returns the command that runs `command` where the machine is. */
  enter(command: readonly string[]): readonly string[] {
    return this.#options.enter(command);
  }

  /** The whole command that runs the executable on this machine. */
  command(args: readonly string[]): readonly string[] {
    return this.enter([this.#options.program, ...args]);
  }

  /** Runs the executable. A failure is an outcome. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const env = { ...this.environment, ...options.env };
    return await run(this.command(args), { cwd: this.home, ...options, clearEnv: true, env });
  }

  /** Runs the executable, which must succeed, and returns what it wrote. */
  async must(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    const said = `openshell ${args.join(" ")}\n${stdout}${stderr}`;
    assert.equal(code, 0, said);
    return stdout;
  }

  /** Runs the executable in the background, for a terminal or a forward. The caller ends it. */
  spawn(args: readonly string[], options: Partial<Deno.CommandOptions> = {}): Deno.ChildProcess {
    const [program = "", ...rest] = this.command(args);
    return new Deno.Command(program, {
      args: rest,
      cwd: this.home,
      clearEnv: true,
      env: { ...this.environment },
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...options,
    }).spawn();
  }

  /** Runs another program where the machine is. */
  async runOnMachine(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const env = { ...this.environment, ...options.env };
    return await run(this.#options.enter(command), { ...options, clearEnv: true, env });
  }

  /** Creates a sandbox that stays, with a main process that does nothing, unless one is given. */
  async create(
    name: string,
    { policy, flags = [], command = ["sleep", "infinity"] }: {
      readonly policy?: string;
      readonly flags?: readonly string[];
      readonly command?: readonly string[];
    } = {},
  ): Promise<void> {
    const policyFlags = policy === undefined
      ? []
      : ["--policy", await this.writeFile(`${name}.yaml`, policy)];
    const args = ["--name", name, ...policyFlags, "--detach", ...flags, "--", ...command];
    await this.must(["sandbox", "create", ...args]);
    this.noteSandboxes();
  }

  /** Runs a script of `sh` in a sandbox. A failure is an outcome. */
  async exec(name: string, script: string, options: RunOptions = {}): Promise<Outcome> {
    return await this.run(["sandbox", "exec", "-n", name, "--", "sh", "-c", script], options);
  }

  /** What a sandbox is like, as `sandbox get -o json` tells. */
  async sandbox(name: string): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await this.must(["sandbox", "get", name, "-o", "json"]));
  }

  /** Waits until a sandbox has a phase. */
  async waitForPhase(name: string, phase: string): Promise<void> {
    await waitFor(`phase ${phase} of "${name}"`, async () => {
      return (await this.sandbox(name)).phase === phase;
    });
  }

  /** Loads a policy into a sandbox, and waits until it is in force. */
  async setPolicy(name: string, policy: string, flags: readonly string[] = []): Promise<Outcome> {
    const file = await this.writeFile(`${name}-${crypto.randomUUID().slice(0, 8)}.yaml`, policy);
    return await this.run(["policy", "set", name, "--policy", file, "--wait", ...flags]);
  }

  /** All events of a sandbox, oldest first. */
  async events(name: string): Promise<readonly AuditRecord[]> {
    return parseEvents(await this.must(["logs", name, "-n", "10000", "-o", "jsonl"]));
  }

  /** Folder of a sandbox on the host. */
  async sandboxFolder(name: string): Promise<string> {
    const { id } = await this.sandbox(name);
    return `${this.folder}/state/openshell/embedded/${id}`;
  }

  /** Writes a file into the home, and returns its path. */
  async writeFile(name: string, content: string): Promise<string> {
    const path = `${this.home}/${name}`;
    await Deno.writeTextFile(path, content);
    await this.own(path);
    return path;
  }

  /** Process of the gateway that `start` started. */
  get gatewayPid(): number {
    assert.ok(this.#gateway !== null, "the gateway does not run");
    return this.#gateway.pid;
  }

  async startGateway(): Promise<void> {
    const script = 'umask 077; log=$1; shift; exec "$@" >>"$log" 2>&1';
    const serve = [this.#options.program, "gateway", "run", "--port", "auto"];
    const [program = "", ...args] = this.#options.enter(
      ["sh", "-c", script, "sh", this.gatewayLogFile, ...serve],
    );
    const gateway = new Deno.Command(program, {
      args,
      cwd: this.home,
      clearEnv: true,
      env: { ...this.environment },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    this.#gateway = gateway;
    let ended: Deno.CommandStatus | null = null;
    void gateway.status.then((status) => ended = status);
    await waitFor("the gateway to listen", async () => {
      assert.equal(ended, null, `the gateway has ended: ${await this.gatewayLog()}`);
      return await readEndpointPid(this.endpointFile) === gateway.pid;
    }, GATEWAY_START_MS_MAX);
  }

  /** Ends the gateway without a chance to tidy up. */
  async killGateway(): Promise<void> {
    try {
      this.#gateway?.kill("SIGKILL");
    } catch {
      // It was stopped before.
    }
    await this.#gateway?.status;
    this.#gateway = null;
  }

  /** The last that the gateway wrote, for a failure. */
  async gatewayLog(): Promise<string> {
    const text = await Deno.readTextFile(this.gatewayLogFile).catch(() => "(no log)");
    return text.split("\n").slice(-60).join("\n");
  }

  /** Remembers the sandboxes that there are, so that what they leave can be told by their ids. */
  noteSandboxes(): void {
    try {
      const folder = `${this.folder}/state/openshell/embedded`;
      for (const { name } of Deno.readDirSync(folder)) this.#ids.add(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Deletes all sandboxes and stops the gateway; returns a sentence for each thing that is left. */
  async close(): Promise<readonly string[]> {
    this.noteSandboxes();
    const deleted = await this.run(["sandbox", "delete", "--all"]);
    const stopped = await this.run(["gateway", "stop"]);
    await this.#endGateway();
    const failures = [deleted, stopped].filter(({ code }) => code !== 0)
      .map(({ stdout, stderr }) => `could not tidy up: ${stdout}${stderr}`);
    const { folder } = this;
    const traces = { folder, ids: [...this.#ids], processes: await this.#options.processes() };
    return [...failures, ...findLeftovers(traces)];
  }

  async #endGateway(): Promise<void> {
    const gateway = this.#gateway;
    if (gateway === null) return;
    const timer = setTimeout(() => gateway.kill("SIGKILL"), GATEWAY_STOP_MS_MAX);
    await gateway.status;
    clearTimeout(timer);
    this.#gateway = null;
  }
}

async function readEndpointPid(path: string): Promise<number | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path)).pid;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
