/**
 * Where the model calls of one sandbox go: the operator's routes, with their keys.
 *
 * Made from what the gateway sends, and never changed: a new one takes its place as a whole, and
 * calls that are under way go on with theirs. It holds keys, so nothing here shows one by being printed.
 *
 * Fails closed: a route that cannot be read is left out.
 *
 * @module
 */

import { canonicalHost } from "../../../policy-wasm/canonical/host.ts";
import { INFERENCE_TIMEOUT_MS_DEFAULT } from "../../../proto/inference_limits.ts";
import type {
  GetInferenceBundleResponse,
  ResolvedRoute,
} from "../../../proto/gen/openshell/inference/v1/inference_pb.ts";
import type { Scheme } from "../egress/http1/authority.ts";
import type { HeaderField } from "../egress/http1/header_fields.ts";
import { type Dialect, dialectInPath, PLAIN } from "./dialects.ts";
import type { ProtocolId } from "./protocols.ts";
import { RouteKeys, type UnsignedCall } from "./route_keys.ts";

export interface InferenceRoute {
  readonly name: string;
  readonly providerType: string;
  readonly scheme: Scheme;
  readonly host: string;
  readonly port: number;
  /** Without a slash at its end. */
  readonly basePath: string;
  /** Takes the place of base and call's path. */
  readonly path: string | null;
  readonly dialect: Dialect;
  readonly protocols: ReadonlySet<string>;
  /** What the caller's model is replaced by. */
  readonly model: string;
  /** Names that a caller may ask for; empty is every one. */
  readonly models: ReadonlySet<string>;
  readonly priority: number;
  readonly timeoutMs: number;
}

/** A route that only the supervisor itself may use. */
const SYSTEM_ROUTE = "sandbox-system";

export class InferenceRoutes {
  /** No route at all. */
  static readonly NONE: InferenceRoutes = new InferenceRoutes(null);

  /** Changes with each change; empty without routes. */
  readonly revision: string;
  readonly routes: readonly InferenceRoute[];
  /** Names of routes that cannot be used, each with why. */
  readonly problems: readonly string[];
  /** Tokens that the sandbox may use in its life; `null` is no limit. */
  readonly tokenBudget: number | null;
  readonly #keys = new Map<InferenceRoute, RouteKeys>();

  constructor(message: GetInferenceBundleResponse | null) {
    this.revision = message?.revision ?? "";
    const budget = message?.tokenBudget ?? 0n;
    this.tokenBudget = budget === 0n ? null : Number(budget);
    const problems: string[] = [];
    const routes: InferenceRoute[] = [];
    for (const wire of message?.routes ?? []) {
      if (wire.name === SYSTEM_ROUTE) continue;
      const route = readRoute(wire);
      const keys = RouteKeys.read(wire);
      if (typeof route === "string") problems.push(`${wire.name}: ${route}`);
      else if (keys === null) problems.push(`${wire.name}: its key cannot be sent`);
      else {
        routes.push(route);
        this.#keys.set(route, keys);
      }
    }
    this.routes = routes;
    this.problems = problems;
  }

  get isEmpty(): boolean {
    return this.routes.length === 0;
  }

  /** Returns what may serve a call, the first choice first. */
  find(protocol: ProtocolId, model: string | null): readonly InferenceRoute[] {
    const serves = ({ protocols, models }: InferenceRoute) =>
      protocols.has(protocol) && (models.size === 0 || model === null || models.has(model));
    return this.routes.filter(serves).sort((a, b) =>
      a.priority - b.priority || byName(a) - byName(b) || (a.name < b.name ? -1 : 1)
    );
  }

  /** Returns the headers of a call to a route, with that route's key. */
  authorise(route: InferenceRoute, call: UnsignedCall, nowMs: number): readonly HeaderField[] {
    return this.#keysOf(route).authorise(call, route, nowMs);
  }

  /** Returns a text with a route's key taken out. */
  redact(route: InferenceRoute, text: string): string {
    return this.#keysOf(route).redact(text);
  }

  #keysOf(route: InferenceRoute): RouteKeys {
    const keys = this.#keys.get(route);
    if (keys === undefined) throw new TypeError("the route is none of these");
    return keys;
  }
}

/** A route that names models comes before one for all. */
function byName({ models }: InferenceRoute): number {
  return models.size === 0 ? 1 : 0;
}

/** Returns what is wrong where it cannot be used. Never the key, nor a part of an address. */
function readRoute(wire: ResolvedRoute): InferenceRoute | string {
  const base = readBaseUrl(wire.baseUrl);
  if (base === null) return "its base URL cannot be used";
  if (wire.modelId === "") return "it has no model";
  const path = wire.requestPathOverride ?? null;
  if (path !== null && !PATH.test(path)) return "its path cannot be used";
  const dialect = readDialect(wire);
  if (dialect === null) return "its model cannot be in the path";
  const { timeoutSecs } = wire;
  return {
    ...base,
    name: wire.name,
    providerType: wire.providerType,
    path,
    dialect,
    protocols: new Set(wire.protocols),
    model: wire.modelId,
    models: new Set(wire.models),
    priority: wire.priority,
    timeoutMs: timeoutSecs === 0n ? INFERENCE_TIMEOUT_MS_DEFAULT : Number(timeoutSecs) * 1000,
  };
}

/** Returns `null` where the model would not be where the server takes it from. */
function readDialect(wire: ResolvedRoute): Dialect | null {
  const { protocols, modelId, requestPathOverride } = wire;
  if (!wire.modelInPath) return protocols.some(isInPath) ? null : PLAIN;
  const dialect = dialectInPath(wire.providerType);
  const isMeant = dialect !== null && requestPathOverride === undefined &&
    protocols.length === 1 && protocols[0] === dialect.protocol;
  return isMeant && !/^\.{1,2}$/.test(modelId) ? dialect : null;
}

/** Whose calls have the caller's own model in their path. */
function isInPath(protocol: string): boolean {
  return protocol === "aws_bedrock_invoke";
}

const PATH = /^\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/;

type Base = Pick<InferenceRoute, "scheme" | "host" | "port" | "basePath">;

/** Returns the parts of a base URL, `null` for one with a user, a query, or of another scheme. */
export function readBaseUrl(text: string): Base | null {
  const match = /^(https?):\/\/(\[[^\]/?#@]+\]|[^:/?#@[\]]+)(?::([0-9]{1,5}))?(\/[^?#]*)?$/.exec(
    text,
  );
  if (match === null) return null;
  const [, scheme, host = "", portText, path = ""] = match;
  const form = canonicalHost(host);
  const port = portText === undefined ? (scheme === "https" ? 443 : 80) : Number(portText);
  if (!form.ok || port < 1 || port > 65_535) return null;
  if (path !== "" && (!PATH.test(path) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(path))) return null;
  return {
    scheme: scheme === "https" ? "https" : "http",
    host: form.host,
    port,
    basePath: path.replace(/\/+$/, ""),
  };
}

export interface TargetOptions {
  readonly path: string;
  readonly query: string;
  /** The reply is asked for as an event stream. */
  readonly isStream: boolean;
}

/**
 * Returns the target of a call at a route. A base with a version of its own (`…/v1`,
 * `…/v1/openai`) takes the place of the call's `/v1`.
 */
export function targetAt(route: InferenceRoute, call: TargetOptions): string {
  if (route.path !== null) return route.path;
  const inPath = route.dialect.pathOf(route.model, call.isStream);
  if (inPath !== null) return `${route.basePath}${inPath}`;
  const isVersioned = route.basePath.split("/").some((segment) =>
    /^v[0-9]+[a-z0-9]*$/.test(segment)
  );
  const path = isVersioned ? call.path.replace(/^\/v1(?=\/)/, "") : call.path;
  return `${route.basePath}${path}${call.query}`;
}
