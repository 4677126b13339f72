/**
 * The gateway's role of the program: puts its parts together and serves until it is asked to end.
 *
 * @module
 */

import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { EmbeddedDriver } from "../drivers/compute/embedded/embedded_driver.ts";
import {
  machineCertificates,
  upstreamTrustEnvironment,
} from "../drivers/supervisor/egress/tls/trust_files.ts";
import { signAws } from "../drivers/supervisor/credentials/sign_aws.ts";
import { EncryptedCredentialDriver } from "../drivers/credentials/encrypted_driver.ts";
import {
  commitKeyFile,
  makeNextKey,
  openKeyFile,
  readNextKey,
} from "../drivers/credentials/key_file.ts";
import { findMissing, readKernelFeatures } from "../drivers/system/kernel_features.ts";
import { probeKernel } from "../drivers/system/kernel_probe_ffi.ts";
import { CodedError } from "../proto/errors.ts";
import { GATEWAY_CLOSE_MS_MAX } from "../proto/limits.ts";
import { Extensions, Supervisors } from "../proto/gen/openshell/ext/v1/ext_pb.ts";
import { InferenceRoutes } from "../proto/gen/openshell/ext/v1/inference_pb.ts";
import { Inference } from "../proto/gen/openshell/inference/v1/inference_pb.ts";
import { OpenShell } from "../proto/gen/openshell/v1/openshell_pb.ts";
import { ProofThreads } from "../prover/proof_threads.ts";
import { SandboxTokens } from "./auth/sandbox_tokens.ts";
import { auditChanges } from "./events/audit_changes.ts";
import { eventMethods } from "./events/event_service.ts";
import { openRecorders, type Recorders } from "./events/open_recorders.ts";
import { InferenceService } from "./inference/inference_service.ts";
import { InstanceLock, writeEndpoint } from "./instance_lock.ts";
import { makeStateFolders, type StatePaths, statePaths } from "./paths.ts";
import { pause } from "./pause.ts";
import { ensurePki } from "./pki/ensure_pki.ts";
import type { PkiFiles } from "./pki/pki_files.ts";
import { policyProofs, type ProvePolicy } from "./policy/policy_proofs.ts";
import { proofFolder, readProofDocuments } from "./policy/proof_documents.ts";
import { PolicyRevisions } from "./policy/revisions.ts";
import { SettingsStore } from "./policy/settings.ts";
import { envelopeTable } from "./providers/envelope_table.ts";
import { openProviders, type ProviderParts } from "./providers/open_providers.ts";
import type { RefreshWorker } from "./providers/refresh/refresh_worker.ts";
import { principalOf, sandboxOf } from "./rpc/call_context.ts";
import { localSocketAt } from "./rpc/local_socket.ts";
import { inferenceMethods, inferenceRoutesService, toBundle } from "./rpc/inference_methods.ts";
import { eventLogs } from "./rpc/log_source.ts";
import { mergeMethods, openShellMethods } from "./rpc/openshell_service.ts";
import { profileMethods } from "./rpc/profile_methods.ts";
import { providerMethods } from "./rpc/provider_methods.ts";
import { refreshMethods, startRefreshWorker } from "./rpc/refresh_methods.ts";
import { rekeyMethod } from "./rpc/rekey_method.ts";
import { ListenError, type RunningServer, type ServerOptions, startServer } from "./rpc/server.ts";
import { PhaseError } from "./sandbox/sandbox_errors.ts";
import { SandboxService } from "./sandbox/sandboxes.ts";
import { openSqliteStore } from "./store/sqlite_store.ts";
import type { ObjectStore } from "./store/contract.ts";
import { attachMethod, processMethods } from "./supervisors/process_service.ts";
import { supervisorMethods, supervisorsService } from "./supervisors/supervisor_service.ts";
import { SupervisorSessions } from "./supervisors/supervisor_sessions.ts";

export interface GatewayOptions {
  readonly host: string;
  /** `auto`: the usual port, or any free one where that is taken. */
  readonly port: number | "auto";
  readonly version: string;
  /** Our own program and its leading arguments. */
  readonly command: readonly string[];
  readonly env: (name: string) => string | undefined;
  /** Told of what is worth a line. */
  readonly log: (line: string) => void;
}

/** Where a gateway of this machine listens, if nothing else does. */
const PORT = 17670;

/** Between two attempts to write down what a driver said, in milliseconds. */
const STORE_RETRY_MS = 1_000;

/**
 * Serves until SIGTERM or SIGINT; returns the exit code. Sandboxes go on.
 *
 * @throws {CodedError} where it cannot start.
 */
export async function runGatewayServer(options: GatewayOptions): Promise<number> {
  const paths = statePaths(options.env);
  await makeStateFolders(paths);
  const lock = await InstanceLock.take(paths.lock);
  try {
    const gateway = await Gateway.start(options, paths);
    const reason = await untilAsked();
    options.log(`ends: ${reason}`);
    // All that was acknowledged is on the disk: nothing is lost by not waiting longer.
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      options.log("does not wait any longer for what is still open");
      late.resolve();
    }, GATEWAY_CLOSE_MS_MAX);
    await Promise.race([gateway.close(), late.promise]);
    clearTimeout(timer);
    return 0;
  } finally {
    lock.release();
  }
}

/** All parts of a running gateway. */
class Gateway {
  readonly #store: ObjectStore;
  readonly #driver: EmbeddedDriver;
  readonly #sandboxes: SandboxService;
  readonly #sessions: SupervisorSessions;
  readonly #server: RunningServer;
  readonly #refreshing: RefreshWorker;
  readonly #endpoint: string;
  readonly #socket: string;

  private constructor(parts: {
    readonly store: ObjectStore;
    readonly driver: EmbeddedDriver;
    readonly sandboxes: SandboxService;
    readonly sessions: SupervisorSessions;
    readonly server: RunningServer;
    readonly refreshing: RefreshWorker;
    readonly endpoint: string;
    readonly socket: string;
  }) {
    this.#store = parts.store;
    this.#driver = parts.driver;
    this.#sandboxes = parts.sandboxes;
    this.#sessions = parts.sessions;
    this.#server = parts.server;
    this.#refreshing = parts.refreshing;
    this.#endpoint = parts.endpoint;
    this.#socket = parts.socket;
  }

  static async start(options: GatewayOptions, paths: StatePaths): Promise<Gateway> {
    const { version, log } = options;
    const onProblem = (error: unknown) => {
      if (!isClientGone(error)) log(describe(error));
    };
    const { files } = await ensurePki(paths.tls);
    const store = openSqliteStore({ path: paths.database, now: Date.now });
    const tokens = await openTokens(files);
    const driver = await openDriver(options, paths, files);
    const prove = openProofs(options);
    const policies = new PolicyRevisions({ store, now: Date.now, prove });
    const settings = new SettingsStore(store);
    const providers = await openCredentials(paths, { store, policies, settings, prove, onProblem });
    const inference = openInference({ store, settings, providers, onProblem });
    const recorders = openRecorders(paths, version);
    const sandboxes = new SandboxService({
      ...{ store, driver, policies, settings },
      providers: providers.providers,
      effectivePolicy: (sandboxId) => providers.layered.effective(sandboxId),
      issueToken: (sandboxId) => tokens.issue(sandboxId),
      now: Date.now,
      uuid: () => crypto.randomUUID(),
      random: Math.random,
      pause: (signal) => pause(STORE_RETRY_MS, signal),
      record: recorders.record,
      onProblem,
    });
    await sandboxes.markRestarted();
    const sessions = new SupervisorSessions(sandboxes);
    const routes = makeRoutes(
      { store, driver, policies, settings, sandboxes, providers, inference },
      { ...recorders, sessions, version, onProblem },
    );
    const local = await localSocketAt(paths.socket, Deno.uid());
    const server = await listen(options, {
      tls: await readServerTls(files),
      routes,
      guard: guardPorts(tokens, sandboxes, onProblem),
      health: { version, store },
      ...local === null ? {} : { local },
    });
    const endpoint = `https://${server.host}:${server.port}`;
    await writeEndpoint(paths.endpoint, { endpoint, pid: Deno.pid, version });
    log(`listens on ${endpoint}`);
    const { length } = (await sandboxes.recover()).adopted;
    if (length > 0) log(`found ${length} running sandboxes`);
    driver.warm();
    const refreshing = startRefreshWorker({ ...providers, ...recorders, onProblem });
    const { endpoint: file, socket } = paths;
    const parts = { store, driver, sandboxes, sessions, server, refreshing };
    return new Gateway({ ...parts, endpoint: file, socket });
  }

  async close(): Promise<void> {
    for (const file of [this.#endpoint, this.#socket]) await Deno.remove(file).catch(() => {});
    this.#sessions.close();
    const refreshed = this.#refreshing.close();
    await this.#server.close();
    await this.#driver.close();
    await this.#sandboxes.close();
    await refreshed;
    await this.#store.close();
  }
}

interface Core {
  readonly store: ObjectStore;
  readonly driver: EmbeddedDriver;
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  readonly sandboxes: SandboxService;
  readonly providers: Credentials;
  readonly inference: InferenceService;
}

function guardPorts(
  tokens: SandboxTokens,
  sandboxes: SandboxService,
  onFault: (error: unknown) => void,
): ServerOptions["guard"] {
  return {
    verifyToken: (token) => tokens.verify(token),
    sandboxExists: (sandboxId) => sandboxes.exists(sandboxId),
    findSandboxId: async (workspace, name) =>
      (await orNull(sandboxes.get(workspace, name)))?.id ?? null,
    onFault,
  };
}

interface Surroundings extends Recorders {
  readonly onProblem: (error: unknown) => void;
  readonly sessions: SupervisorSessions;
  readonly version: string;
}

function makeRoutes(
  { providers: parts, inference, ...core }: Core,
  { sessions, folderOf, record, recordGateway, recordProvider, version, onProblem }: Surroundings,
): ServerOptions["routes"] {
  const { sandboxes, policies } = core;
  const { providers, profiles, delivery, layered, guard, refresh, rekey } = parts;
  const workspaceOf = async (sandboxId: string) => (await sandboxes.getById(sandboxId)).workspace;
  const supervisors = {
    sessions,
    sandboxOf,
    effectivePolicy: (sandboxId: string) => layered.effective(sandboxId),
    credentials: (sandboxId: string) => delivery.environmentOf(sandboxId),
    onProblem,
    ...generationPorts({ policies, inference, workspaceOf }),
  };
  const checkExists = async (sandboxId: string) => void await sandboxes.getById(sandboxId);
  const processes = {
    sessions,
    checkExists,
    checkReady: async (sandboxId: string) => {
      const { name, state } = await sandboxes.getById(sandboxId);
      // One whose supervisor is not connected yet is waited for where the relay is opened.
      const mayCome = ["ready", "provisioning", "starting"].includes(state.phase);
      if (!mayCome) throw new PhaseError("reach into", name, state.phase);
    },
  };
  const methods = openShellMethods({
    ...core,
    version,
    logs: eventLogs(folderOf),
    layered,
    holdSetting: (change, work) => guard.holdSetting(change, work),
  });
  const audited = auditChanges(methods as Required<typeof methods>, {
    find: async (workspace, name) => await orNull(sandboxes.get(workspace, name)),
    record,
    recordGateway,
    whoCalls,
  });
  const aboutProviders = {
    ...{ providers, delivery, sandboxes, record, recordProvider, whoCalls },
    notify: (sandboxId: string) => policies.notify(sandboxId),
    routesOf: (workspace: string, provider: string) => inference.routesOf(workspace, provider),
  };
  const openshell = {
    ...mergeMethods<Partial<ServiceImpl<typeof OpenShell>>>(
      methods,
      supervisorMethods(supervisors),
      processMethods(processes),
      providerMethods(aboutProviders),
      profileMethods({ profiles, providers, guard, recordProvider, whoCalls }),
      refreshMethods({ refresh, recordProvider, whoCalls }),
    ),
    ...audited,
  };
  const extensions = {
    ...attachMethod(processes),
    ...eventMethods({ folderOf, checkExists }),
    ...rekeyMethod({ rekey, recordProvider, whoCalls }),
  };
  const recordChange = (state: string, message: string, context: HandlerContext) =>
    recordProvider(state, `${message} (${whoCalls(context)})`);
  return (router) => {
    router.service(OpenShell, openshell);
    router.service(Supervisors, supervisorsService(supervisors));
    router.service(Extensions, extensions);
    router.service(Inference, inferenceMethods({ inference, workspaceOf, recordChange }));
    router.service(InferenceRoutes, inferenceRoutesService({ inference }));
  };
}

/** Proves policies against the documents of the operator. */
function openProofs({ env }: GatewayOptions): ProvePolicy {
  const folder = proofFolder(env);
  const threads = new ProofThreads();
  return policyProofs({
    documents: () => readProofDocuments(folder),
    prove: (job) => threads.prove(job),
  });
}

function whoCalls(context: HandlerContext): string {
  const principal = principalOf(context);
  return principal.kind === "user" ? principal.subject : principal.kind;
}

type Credentials = ProviderParts & { readonly rekey: () => Promise<number> };

/** Credentials are encrypted in the database, with a key outside of it. */
async function openCredentials(
  paths: StatePaths,
  { store, policies, settings, prove, onProblem }:
    & Pick<Core, "store" | "policies" | "settings">
    & { readonly prove: ProvePolicy; readonly onProblem: (error: unknown) => void },
): Promise<Credentials> {
  const table = envelopeTable(store);
  const current = await openKeyFile(paths.credentialKey);
  const driver = new EncryptedCredentialDriver(
    table,
    current,
    await readNextKey(paths.credentialKey),
  );
  const parts = openProviders({
    store,
    driver,
    handles: async () => (await table.ids()).map((id) => `v1:${id}`),
    policies,
    settings,
    signAws,
    certificates: machineCertificates,
    prove,
    uuid: () => crypto.randomUUID(),
    now: Date.now,
    onProblem,
  });
  await parts.sweep();
  const rekey = async () => {
    // One that was interrupted goes on with the key it has made: some are encrypted with it already.
    const next = await readNextKey(paths.credentialKey) ?? await makeNextKey(paths.credentialKey);
    const changed = await driver.rekey(next);
    await commitKeyFile(paths.credentialKey);
    return changed;
  };
  return { ...parts, rekey };
}

/** A provider's address and key, and a sandbox's budget, are part of what it is told of routes. */
function openInference(
  { store, settings, providers: { providers }, onProblem }:
    & Pick<Core, "store" | "settings" | "providers">
    & { readonly onProblem: (error: unknown) => void },
): InferenceService {
  const inference = new InferenceService({
    store,
    settings,
    providers: { resolve: (workspace, name) => providers.resolveForInference(workspace, name) },
    probe: { certificates: machineCertificates },
    uuid: () => crypto.randomUUID(),
    onProblem,
  });
  providers.subscribe(() => inference.notify());
  settings.subscribe(() => inference.notify());
  return inference;
}

interface GenerationParts extends Pick<Core, "policies" | "inference"> {
  readonly workspaceOf: (sandboxId: string) => Promise<string>;
}

/** What a generation holds besides policy and credentials, and when there is a new one. */
function generationPorts({ policies, inference, workspaceOf }: GenerationParts) {
  return {
    inference: async (sandboxId: string) =>
      toBundle(await inference.bundle(await workspaceOf(sandboxId), sandboxId)),
    onPolicyChange: (sandboxId: string, listener: () => void) => {
      const stops = [policies.subscribe(sandboxId, listener), inference.subscribe(listener)];
      return () => stops.forEach((stop) => stop());
    },
  };
}

async function openTokens({ jwt }: PkiFiles): Promise<SandboxTokens> {
  const [signingKey, publicKey, keyId] = await Promise.all(
    [jwt.signing, jwt.public, jwt.keyId].map((file) => Deno.readTextFile(file)),
  );
  return await SandboxTokens.open({
    gatewayId: keyId!.trim(),
    signingKey: signingKey!,
    publicKey: publicKey!,
    keyId: keyId!.trim(),
    now: Date.now,
  });
}

async function openDriver(
  { command, version }: GatewayOptions,
  paths: StatePaths,
  files: PkiFiles,
): Promise<EmbeddedDriver> {
  const features = readKernelFeatures(probeKernel());
  const missing = findMissing(features)
    .filter(({ required }) => required)
    .map(({ sentence }) => sentence);
  return new EmbeddedDriver({
    folder: paths.embedded,
    gateway: {
      endpointFile: paths.endpoint,
      caFile: files.ca.certificate,
      certificateFile: files.supervisor.certificate,
      keyFile: files.supervisor.key,
    },
    command,
    env: await upstreamTrustEnvironment(),
    version,
    subordinateIds: features.rootless?.subordinateIds ?? null,
    findMissing: () => missing,
  });
}

async function readServerTls({ ca, server }: PkiFiles): Promise<ServerOptions["tls"]> {
  const [authority, cert, key] = await Promise.all(
    [ca.certificate, server.certificate, server.key].map((file) => Deno.readTextFile(file)),
  );
  return { ca: authority!, cert: cert!, key: key! };
}

async function listen(
  { host, port }: GatewayOptions,
  options: Omit<ServerOptions, "host" | "port">,
): Promise<RunningServer> {
  if (port !== "auto") return await startServer({ ...options, host, port });
  try {
    return await startServer({ ...options, host, port: PORT });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    return await startServer({ ...options, host, port: 0 });
  }
}

/** What cannot be looked up is not the same as what is not there. */
async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof CodedError && error.code === "not_found") return null;
    throw error;
  }
}

function untilAsked(): Promise<string> {
  const asked = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => asked.resolve(signal));
  }
  return asked.promise;
}

/** A client that ends a stream in the middle is no fault of ours. */
function isClientGone(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return ["ERR_STREAM_PREMATURE_CLOSE", "ECANCELED", "ECONNRESET", "EPIPE"].includes(String(code));
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
