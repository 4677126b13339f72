/**
 * One sandbox from its start to its end: jail, proxy, main process, and the session with the gateway.
 *
 * It runs on the host's side and is not confined; what it starts is. When it ends, however it
 * ends, every process of the sandbox ends with it, and without the proxy there is no network.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { MAIN_LINGER_MS_MAX, SUPERVISOR_START_MS_MAX } from "../../proto/limits.ts";
import type { Generation as WireGeneration } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import type { Assignment, GatewayAccess } from "./assignment.ts";
import { CredentialSet } from "./credentials/credential_set.ts";
import { InferenceRoutes } from "./inference/inference_routes.ts";
import type { Preparation } from "./preparation.ts";
import { type Confined, startConfined } from "./start_confined.ts";
import { lookAtPath } from "./launch/look_at_path.ts";
import { makeEnvironment, startFolder } from "./process/environment.ts";
import { MainProcess } from "./process/main_process.ts";
import { connectToGateway, type GatewayConnection } from "./session/gateway_connection.ts";
import { GatewaySession, type LoadOutcome } from "./session/gateway_session.ts";
import { readPolicy } from "./read_policy.ts";
import { openTarget } from "./relay_targets.ts";
import { type SandboxFolder, sandboxFolder } from "./sandbox_folder.ts";

/** The main process of a sandbox that was not given one. */
const LOGIN_SHELL = ["/bin/bash", "-l"] as const;

export interface SupervisorOptions {
  readonly gateway: GatewayAccess;
  readonly preparation: Preparation;
  /** Told of what is worth a line. */
  readonly log: (line: string) => void;
}

export class Supervisor {
  /** Resolves, with the reason in words, when the sandbox is to end. */
  readonly ended: Promise<string>;
  readonly #end = Promise.withResolvers<string>();
  readonly #assignment: Assignment;
  readonly #gateway: GatewayAccess;
  readonly #preparation: Preparation;
  readonly #log: (line: string) => void;
  readonly #folder: SandboxFolder;
  readonly #stopping = new AbortController();
  readonly #instanceId = crypto.randomUUID();
  #confined: Confined | null = null;
  #hasLostControl = false;
  /** Those that are in force; a program that starts gets their placeholders. */
  #credentials: CredentialSet = CredentialSet.NONE;
  /** Dialled before the session, and its first connection. */
  #connection: GatewayConnection | null = null;
  #session: Promise<void> | null = null;

  constructor(assignment: Assignment, { gateway, preparation, log }: SupervisorOptions) {
    this.#assignment = assignment;
    this.#gateway = gateway;
    this.#preparation = preparation;
    this.#log = log;
    preparation.useToken(assignment.sandbox.token);
    this.#folder = sandboxFolder(assignment.folder);
    this.ended = this.#end.promise;
  }

  /**
   * Confines, then starts the main process; resolves when that runs.
   *
   * @throws {CodedError} and nothing of the sandbox is left then.
   */
  async start(onStep: (step: string) => void): Promise<void> {
    const policy = readPolicy(new TextEncoder().encode(this.#assignment.policy));
    await this.#fetchCredentials();
    onStep("confining");
    const confined = await startConfined({
      assignment: this.#assignment,
      folder: this.#folder,
      policy,
      credentials: this.#credentials,
      preparation: this.#preparation,
      log: this.#log,
      onFailure: (reason) => this.#fail(reason),
      onLoss: () => this.#hasLostControl = true,
    });
    this.#confined = confined;
    try {
      const main = await this.#startMain(confined);
      this.#follow(confined, main);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends the sandbox and waits until nothing is left of it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#confined?.close();
    await this.#session;
  }

  async #startMain({ jail, events, trust }: Confined): Promise<MainProcess> {
    const { command, tty, environment } = this.#assignment.sandbox;
    const [program = LOGIN_SHELL[0], ...args] = command.length > 0 ? command : LOGIN_SHELL;
    const process = await jail.spawn({
      argv: [program, ...args],
      env: makeEnvironment({
        given: { ...this.#credentials.environment(), ...environment },
        trust,
        hasTerminal: tty,
      }),
      cwd: this.#startFolder(),
      stdin: "piped",
      ...tty ? { terminal: { cols: 80, rows: 24 } } : {},
    });
    const { pid } = process;
    events.record({ kind: "process", activity: "launch", role: "main", binary: program, pid });
    return new MainProcess(process);
  }

  #follow(confined: Confined, main: MainProcess): void {
    const { sandbox } = this.#assignment;
    const session = new GatewaySession({
      sandboxId: sandbox.id,
      instanceId: this.#instanceId,
      connect: () => this.#connect(),
      handler: {
        openTarget: (target) => {
          const credentials = this.#credentials.environment();
          const startFolder = this.#startFolder();
          return openTarget(target, { confined, main, sandbox, credentials, startFolder });
        },
        load: (generation) => this.#load(confined, generation),
      },
      onState: (state, detail) => this.#log(`${sandbox.name}: gateway ${state}: ${detail}`),
    });
    this.#session = session.run(this.#stopping.signal);
    void main.exited.then(
      (code) => this.#onExit(confined, main, session, code),
      // The jail has ended, and took the process along.
      (error: Error) => this.#endFor(error.message),
    ).catch((error: Error) => this.#endFor(error.message));
  }

  /** Tells whoever looks at the folder, since the session may not stand. */
  #fail(message: string): void {
    const reason = this.#hasLostControl ? "ControlLost" : "SupervisorEnded";
    try {
      const text = JSON.stringify({ reason, message });
      Deno.writeTextFileSync(this.#folder.ending, text, { mode: 0o600 });
    } catch (error) {
      this.#log(`cannot note why the sandbox ends: ${(error as Error).message}`);
    }
    this.#end.resolve(message);
  }

  /** What ends after a loss ends for that, and `#fail` will say so. */
  #endFor(reason: string): void {
    if (!this.#hasLostControl) this.#end.resolve(reason);
  }

  /**
   * A sandbox without its credentials would do its work as nobody: it does not start then. Those of
   * later are pushed.
   */
  async #fetchCredentials(): Promise<void> {
    const { id, providers = [] } = this.#assignment.sandbox;
    if (providers.length === 0) return;
    const connection = await this.#connect();
    const request = { sandboxId: id, supportsStaticCredentialBindings: true };
    const { openshell } = connection;
    const timeoutMs = SUPERVISOR_START_MS_MAX / 2;
    const environment = await openshell.getSandboxProviderEnvironment(request, { timeoutMs });
    this.#credentials = new CredentialSet(environment);
    this.#connection = connection;
  }

  #startFolder(): string {
    const { binds } = this.#assignment.sandbox;
    return startFolder(binds.filter(({ source }) => lookAtPath(source).kind === "directory"));
  }

  async #connect(): Promise<GatewayConnection> {
    const { token } = this.#assignment.sandbox;
    const first = this.#connection;
    this.#connection = null;
    if (first !== null) return first;
    return await this.#preparation.takeConnection() ??
      await connectToGateway(this.#gateway, () => token);
  }

  /** The sandbox ends with its main process; its supervisor, when somebody has read the output. */
  async #onExit(
    confined: Confined,
    main: MainProcess,
    session: GatewaySession,
    code: number,
  ): Promise<void> {
    if (this.#hasLostControl) return;
    const { events } = confined;
    const [binary = LOGIN_SHELL[0]] = this.#assignment.sandbox.command;
    events.record({
      kind: "process",
      activity: "terminate",
      role: "main",
      binary,
      pid: main.pid,
      exitCode: code,
    });
    await recordExit(this.#folder, { code, reported: false });
    await confined.endProcesses();
    const reported = session.reportExit(code).then(() =>
      recordExit(this.#folder, { code, reported: true })
    );
    const delivered = Promise.all([reported, main.delivered]).then(() => session.settled());
    await Promise.race([delivered, timeout(MAIN_LINGER_MS_MAX, this.#stopping.signal)]);
    this.#end.resolve(`the main process ended with ${code}`);
  }

  #load(confined: Confined, generation: WireGeneration): Promise<LoadOutcome> {
    const { version, policyHash: hash } = generation;
    let policy: Policy;
    try {
      policy = readPolicy(generation.policy);
      const credentials = new CredentialSet(generation.credentials ?? null);
      const inference = new InferenceRoutes(generation.inference ?? null);
      confined.load(policy, { version, hash }, { credentials, inference });
      this.#credentials = credentials;
      return Promise.resolve({ problem: null });
    } catch (error) {
      const problem = error instanceof CodedError ? error.message : `internal: ${error}`;
      confined.events.record({
        kind: "config",
        state: "reload_failed",
        message: problem,
        version,
        hash,
      });
      return Promise.resolve({ problem });
    }
  }
}

async function recordExit(
  folder: SandboxFolder,
  exit: { readonly code: number; readonly reported: boolean },
): Promise<void> {
  const temporary = `${folder.exit}.new`;
  await Deno.writeTextFile(temporary, JSON.stringify(exit), { mode: 0o600 });
  await Deno.rename(temporary, folder.exit);
}

function timeout(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
