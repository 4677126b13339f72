/**
 * Closes a sandbox off and puts the proxy at its only door, before anything of the agent's runs.
 *
 * @module
 */

import type { Policy } from "../../policy-wasm/policy.ts";
import { createSandboxGroup } from "../system/cgroup/sandbox_group.ts";
import { accountFiles, writeAccountFiles } from "./accounts.ts";
import type { DriverResources } from "../compute/contract.ts";
import type { Assignment } from "./assignment.ts";
import { CredentialSet } from "./credentials/credential_set.ts";
import { dial } from "./egress/dial.ts";
import { expandBinaries, sandboxLinks } from "./egress/expand_binaries.ts";
import { GenerationHolder, type Revision } from "./egress/generation.ts";
import { CallerIdentifier } from "./egress/identity/caller_identifier.ts";
import { EgressProxy } from "./egress/proxy.ts";
import type { TlsPort } from "./egress/ports.ts";
import { HostResolver } from "./egress/resolve_host.ts";
import { connectTls } from "./egress/tls/connect_tls.ts";
import type { SandboxAuthority } from "./egress/tls/sandbox_authority.ts";
import { TlsTerminator } from "./egress/tls/tls_terminator.ts";
import { trustEnvironment, writeTrustFiles } from "./egress/tls/trust_files.ts";
import { AuditLog } from "./events/audit_log.ts";
import type { EventSink } from "./events/audit_event.ts";
import { InferenceRouter } from "./inference/inference_router.ts";
import type { InferenceRoutes } from "./inference/inference_routes.ts";
import { openLedgerFile } from "./inference/ledger_file.ts";
import { RoutesHolder } from "./inference/routes_holder.ts";
import { TokenLedger } from "./inference/token_ledger.ts";
import { groupName } from "./group_name.ts";
import { HeldFiles } from "./launch/held_files.ts";
import { type Jail, startJail } from "./launch/jail.ts";
import { MetadataServer } from "./metadata/metadata_server.ts";
import { chooseIdentity, ownIdentity } from "./choose_identity.ts";
import { planSandbox, TRUST_FOLDER } from "./plan_sandbox.ts";
import { notePlaceholders, removeNotedPlaceholders } from "./placeholders.ts";
import { PROXY_PORT } from "./process/environment.ts";
import type { Preparation } from "./preparation.ts";
import { ownFolders } from "./own_folders.ts";
import type { SandboxFolder } from "./sandbox_folder.ts";
import { shareWatches, watchPorts } from "./share_watches.ts";
import { watchControls } from "./watch_controls.ts";

/** A sandbox without a process of the agent's yet, or with some. */
export interface Confined {
  readonly jail: Jail;
  readonly events: EventSink;
  /** Variables that lead programs to the certificates. */
  readonly trust: Readonly<Record<string, string>>;
  /**
   * Puts a policy and what goes with it in force, as one or not at all.
   *
   * @throws {GenerationError}
   */
  load(policy: Policy, revision: Revision, secrets: Secrets): void;
  /** Ends every process and the proxy; events can still be recorded. */
  endProcesses(): Promise<void>;
  close(): Promise<void>;
}

/** What goes with a policy, and is not to be seen. */
export interface Secrets {
  readonly credentials: CredentialSet;
  readonly inference: InferenceRoutes;
}

export interface ConfineOptions {
  readonly assignment: Assignment;
  readonly folder: SandboxFolder;
  readonly policy: Policy;
  readonly credentials: CredentialSet;
  readonly preparation: Pick<Preparation, "authority" | "thread">;
  /** Told of what goes wrong and ends nothing. */
  readonly log: (line: string) => void;
  /** Something that the sandbox cannot do without has failed: it is to end. */
  readonly onFailure: (reason: string) => void;
  /** A control is lost, and `onFailure` will be told: what ends from now on, ends for that. */
  readonly onLoss: () => void;
}

/**
 * Confines; resolves when every control was read back and the proxy listens.
 *
 * @throws {CodedError} and nothing is left then.
 */
export async function startConfined(options: ConfineOptions): Promise<Confined> {
  const { assignment: { sandbox, version }, folder, onFailure } = options;
  const events = AuditLog.open(folder.events, {
    context: {
      sandboxId: sandbox.id,
      sandboxName: sandbox.name,
      hostname: Deno.hostname(),
      version,
    },
    onFailure: (error) => onFailure(`its events cannot be recorded: ${error.message}`),
  });
  const undo = new UndoStack(options.log);
  try {
    return await confine(options, events, undo);
  } catch (error) {
    events.record({ kind: "lifecycle", activity: "failure", message: (error as Error).message });
    await undo.run();
    await events.close();
    throw error;
  }
}

async function confine(
  { assignment, folder, policy, credentials, preparation, log, onFailure, onLoss }: ConfineOptions,
  events: AuditLog,
  undo: UndoStack,
): Promise<Confined> {
  const { sandbox } = assignment;
  const group = createSandboxGroup(groupName(folder), groupLimits(sandbox.resources));
  undo.add(async () => {
    await group.killAll();
    await group.remove();
  });
  const own = ownIdentity();
  if (own !== null) shareWatches(watchPorts(log));
  const identity = chooseIdentity({ assignment, policy, own });
  await Deno.chown(folder.workspace, identity.uid, identity.gid);
  const files = accountFiles(identity, sandbox.name);
  const accounts = await writeAccountFiles(folder.accounts, files);
  await Deno.mkdir(folder.trust, { recursive: true });
  // Not by the mode of `mkdir`, which the umask takes bits from.
  await Deno.chmod(folder.trust, 0o755);
  const authority = await preparation.authority;
  await writeTrustFiles(folder.trust, authority.caPem);
  const { workspace, trust } = folder;
  const spec = planSandbox({
    ...{ assignment, policy, identity, workspace, trust, accounts },
    ownFolders: ownFolders(folder, (name) => Deno.env.get(name), own?.uid ?? null),
  });
  await notePlaceholders(folder, spec.plan.placeholders);
  undo.add(() => removeNotedPlaceholders(folder));
  const { thread } = preparation;
  const jail = await startJail(spec, { onSpawn: (pid) => group.join(pid), thread });
  undo.add(() => jail.close());
  events.record({
    kind: "config",
    state: "applied",
    message: `every control was read back, Landlock level ${jail.landlockAbi}`,
  });
  if (sandbox.binds.some(({ writable }) => writable)) {
    const held = new HeldFiles(spec.plan);
    const endProcesses = async () => void await Promise.all([group.killAll(), undo.run()]);
    undo.add(
      watchControls({ jail, held, events, log, endProcesses, onLoss, onEnded: onFailure }),
    );
  }
  const holder = new RoutesHolder();
  const ledger = new TokenLedger(openLedgerFile(folder.inferenceUsage));
  const generations = await openDoor({
    ...{ jail, events, authority, undo, log, onFailure },
    inference: { holder, ledger },
  });
  const metadata = new MetadataServer({
    ...{ events, log, listen: (port) => jail.listen(port) },
    credentials: () => credentialsOf(generations),
  });
  undo.add(() => metadata.close());
  generations.load(policy, { version: 0, hash: "" }, credentials);
  await metadata.follow();
  return {
    jail,
    events,
    trust: trustEnvironment(TRUST_FOLDER),
    load: loadInto({ generations, holder, metadata, events }),
    endProcesses: () => undo.run(),
    async close() {
      await undo.run();
      await events.close();
    },
  };
}

/**
 * For an ordinary user the number of processes is held by a limit of the identity, which no other
 * sandbox shares, and by a group only where that user may make one.
 */
function groupLimits(resources: DriverResources): DriverResources {
  return ownIdentity() === null ? resources : { ...resources, processesMax: null };
}

/** Calls that are under way go on with the routes that they began with. */
function loadRoutes(holder: RoutesHolder, routes: InferenceRoutes, events: EventSink): void {
  const { revision, problems } = routes;
  const isChanged = revision !== holder.current.revision;
  holder.load(routes);
  if (!isChanged) return;
  const [count, left] = [routes.routes.length, problems.length];
  const message = `inference routes in force: ${count}${left === 0 ? "" : `, left out: ${left}`}`;
  events.record({ kind: "config", state: "loaded", message });
  if (left === 0) return;
  events.record({
    kind: "finding",
    uid: "inference-route-unusable",
    title: "An inference route cannot be used",
    detail: problems.join("; "),
    severity: "medium",
  });
}

interface Loaded {
  readonly generations: GenerationHolder;
  readonly holder: RoutesHolder;
  readonly metadata: MetadataServer;
  readonly events: EventSink;
}

function loadInto({ generations, holder, metadata, events }: Loaded): Confined["load"] {
  return (policy, revision, { credentials, inference }) => {
    try {
      generations.load(policy, revision, credentials);
    } finally {
      // Credentials change also where the policy does not.
      void metadata.follow();
    }
    loadRoutes(holder, inference, events);
    const { version, hash } = revision;
    events.record({ kind: "config", state: "loaded", message: "policy in force", version, hash });
  };
}

/** Those in force now: none where nothing is. */
function credentialsOf({ current }: GenerationHolder): CredentialSet {
  return "quarantine" in current ? CredentialSet.NONE : current.credentials;
}

interface DoorOptions {
  readonly jail: Jail;
  readonly events: EventSink;
  readonly authority: SandboxAuthority;
  readonly undo: UndoStack;
  readonly log: (line: string) => void;
  readonly onFailure: (reason: string) => void;
  readonly inference: { readonly holder: RoutesHolder; readonly ledger: TokenLedger };
}

/** Starts the proxy; returns what holds the policy that it goes by. */
async function openDoor(
  { jail, events, authority, undo, log, onFailure, inference }: DoorOptions,
): Promise<GenerationHolder> {
  const links = sandboxLinks(jail.initPid);
  const generations = new GenerationHolder({ expand: (policy) => expandBinaries(policy, links) });
  const identifier = new CallerIdentifier({ jail, proxyPort: PROXY_PORT });
  undo.add(() => identifier[Symbol.dispose]());
  const terminator = new TlsTerminator({ authority });
  undo.add(() => terminator.close());
  const resolver = new HostResolver();
  const tls: TlsPort = {
    terminate: (client, host, signal) => terminator.terminate(client, host, signal),
    connect: (connection, host, signal) => connectTls(connection as Deno.TcpConn, host, signal),
  };
  const resolve = (host: string) => resolver.resolve(host);
  const proxy = new EgressProxy({
    ...{ identifier, generations, events, resolve, dial, tls },
    inference: new InferenceRouter({
      ...{ ...inference, identifier, events, tls },
      backend: { resolve, dial, tls },
    }),
    onError: (error) => log(`proxy: ${error instanceof Error ? error.stack : error}`),
  });
  let isClosing = false;
  undo.add(async () => {
    isClosing = true;
    await proxy.close();
  });
  const listener = await jail.listen(PROXY_PORT);
  void proxy.serve(listener).catch((error: Error) => log(`proxy: ${error.message}`)).then(() => {
    if (!isClosing) onFailure("its proxy accepts nothing any more");
  });
  return generations;
}

/** What has been made, so that it can be unmade in the opposite order, once. */
class UndoStack {
  readonly #steps: (() => void | Promise<void>)[] = [];
  readonly #log: (line: string) => void;
  #running: Promise<void> | null = null;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** A step that fails does not keep the others from being done. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    for (const step of this.#steps.toReversed()) {
      try {
        await step();
      } catch (error) {
        this.#log(`cannot tidy up: ${(error as Error).message}`);
      }
    }
  }
}
