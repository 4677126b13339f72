/**
 * Routes of model calls of each workspace, and what a sandbox is told of them.
 *
 * A route names a provider; address and key are read from that whenever they are needed, so a key
 * is nowhere but where the provider keeps it, and a changed one is in force at once.
 *
 * @module
 */

import { createHmac, randomBytes } from "node:crypto";
import { INFERENCE_ROUTES_MAX } from "../../proto/inference_limits.ts";
import type { SettingsStore } from "../policy/settings.ts";
import { ConflictError, type ObjectStore, put } from "../store/contract.ts";
import type { Backend, InferenceProvider } from "./backend.ts";
import { backendOf } from "./backend_types.ts";
import { InvalidRouteError, RouteNotFoundError } from "./inference_errors.ts";
import { probeBackend, type ProbeOptions, type VerifiedEndpoint } from "./probe_backend.ts";
import {
  checkRoute,
  type RouteConfig,
  type RouteRecord,
  SYSTEM_ROUTE,
  toFields,
  toRecord,
  USER_ROUTE,
} from "./route_record.ts";

/** Where the gateway gets addresses and keys from. `ProviderService.resolveForInference` is one. */
export interface InferenceProviders {
  /** @throws {CodedError} where there is no such provider, or its credentials cannot be read. */
  resolve(workspace: string, name: string): Promise<InferenceProvider>;
}

export interface InferencePorts {
  readonly store: ObjectStore;
  readonly providers: InferenceProviders;
  readonly settings: Pick<SettingsStore, "effective">;
  readonly uuid: () => string;
  /** Told of a route that a sandbox goes without. */
  readonly onProblem: (error: unknown) => void;
  readonly probe?: ProbeOptions;
}

/** What a client says of a route. */
export interface RouteChange extends RouteConfig {
  readonly workspace: string;
  /** Empty is {@link USER_ROUTE}. */
  readonly name: string;
  readonly verifies: boolean;
}

/** A route with its key, for a supervisor. */
export interface ResolvedBackend extends Backend {
  readonly route: RouteRecord;
}

export interface InferenceBundle {
  readonly routes: readonly ResolvedBackend[];
  /** Changes with each change of anything here. */
  readonly revision: string;
  /** 0 is no limit. */
  readonly tokenBudget: bigint;
}

export const TOKEN_BUDGET_KEY = "inference_token_budget";

type Listener = () => void;

export class InferenceService {
  readonly #ports: InferencePorts;
  readonly #listeners = new Set<Listener>();
  /** Keeps a revision from being a way to try out keys. */
  readonly #salt = randomBytes(32);

  constructor(ports: InferencePorts) {
    this.#ports = ports;
  }

  /**
   * Sets a route after its backend has answered. What runs goes on by the old one.
   *
   * @throws {InvalidRouteError}
   * @throws {RouteNotVerifiedError}
   */
  async set(
    { workspace, name: given, verifies, ...config }: RouteChange,
  ): Promise<{ readonly route: RouteRecord; readonly endpoint: VerifiedEndpoint | null }> {
    const name = given === "" ? USER_ROUTE : given;
    checkRoute(name, config);
    const { store, providers, probe, uuid } = this.#ports;
    const { model } = config;
    const provider = await providers.resolve(workspace, config.provider);
    const backend = backendOf(config.provider, provider, model);
    const endpoint = verifies
      ? await probeBackend(config.provider, { backend, model }, probe)
      : null;
    // After the probe, which takes long: what was changed meanwhile is a conflict for nobody.
    const before = await this.#find(workspace, name);
    if (before === null) await this.#checkRoom(workspace);
    const id = before?.id ?? uuid();
    const record = { ...config, id, workspace, name, version: (before?.version ?? 0) + 1 };
    const stored = await put(store, toFields(record), before?.resourceVersion ?? "create");
    this.#tell();
    return { route: toRecord(stored), endpoint };
  }

  /** @throws {RouteNotFoundError} */
  async get(workspace: string, name: string): Promise<RouteRecord> {
    const found = await this.#find(workspace, name === "" ? USER_ROUTE : name);
    if (found === null) throw new RouteNotFoundError(name === "" ? USER_ROUTE : name);
    return found;
  }

  /** In the order in which they are tried; the supervisor's own last. */
  async list(workspace: string): Promise<readonly RouteRecord[]> {
    const objects = await this.#ports.store.list({ type: "inference_route", workspace });
    return objects.map(toRecord).sort((a, b) =>
      Number(a.name === SYSTEM_ROUTE) - Number(b.name === SYSTEM_ROUTE) ||
      a.priority - b.priority || (a.name < b.name ? -1 : 1)
    );
  }

  /** Returns false where there was none. */
  async delete(workspace: string, name: string): Promise<boolean> {
    const found = await this.#find(workspace, name === "" ? USER_ROUTE : name);
    if (found === null) return false;
    const { id, resourceVersion } = found;
    try {
      await this.#ports.store.apply([
        { kind: "delete", type: "inference_route", id, expected: resourceVersion },
      ]);
    } catch (error) {
      if (error instanceof ConflictError && error.conflict === "missing") return false;
      throw error;
    }
    this.#tell();
    return true;
  }

  /** Returns what a sandbox is told. A route whose provider cannot be read is left out. */
  async bundle(workspace: string, sandboxId: string): Promise<InferenceBundle> {
    const { providers, settings, onProblem } = this.#ports;
    const routes: ResolvedBackend[] = [];
    for (const route of await this.list(workspace)) {
      try {
        const provider = await providers.resolve(workspace, route.provider);
        routes.push({ ...backendOf(route.provider, provider, route.model), route });
      } catch (error) {
        onProblem(error);
      }
    }
    const budget = (await settings.effective(sandboxId))[TOKEN_BUDGET_KEY]?.value;
    const tokenBudget = typeof budget === "string" ? BigInt(budget) : 0n;
    const content = JSON.stringify([routes, String(tokenBudget)]);
    const revision = createHmac("sha256", this.#salt).update(content).digest("hex");
    return { routes, revision, tokenBudget };
  }

  /** Names of the routes of a workspace that a provider serves: it must not be deleted then. */
  async routesOf(workspace: string, provider: string): Promise<readonly string[]> {
    const routes = await this.list(workspace);
    return routes.filter((route) => route.provider === provider).map(({ name }) => name);
  }

  /** Calls `listener` whenever what a sandbox is told may have changed. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A provider or a setting has changed: whoever is told of routes asks again. */
  notify(): void {
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async #find(workspace: string, name: string): Promise<RouteRecord | null> {
    const object = await this.#ports.store.find("inference_route", workspace, name);
    return object === null ? null : toRecord(object);
  }

  async #checkRoom(workspace: string): Promise<void> {
    const { length } = await this.list(workspace);
    if (length < INFERENCE_ROUTES_MAX) return;
    throw new InvalidRouteError("another route", `there are ${INFERENCE_ROUTES_MAX} already`);
  }
}
