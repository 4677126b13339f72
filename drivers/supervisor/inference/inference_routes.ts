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
import { type HeaderField, isFieldValue } from "../egress/http1/header_fields.ts";
import type { ProtocolId } from "./protocols.ts";
import { traitsOf } from "./provider_traits.ts";

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
  readonly #keys = new Map<InferenceRoute, string>();

  constructor(message: GetInferenceBundleResponse | null) {
    this.revision = message?.revision ?? "";
    const budget = message?.tokenBudget ?? 0n;
    this.tokenBudget = budget === 0n ? null : Number(budget);
    const problems: string[] = [];
    const routes: InferenceRoute[] = [];
    for (const wire of message?.routes ?? []) {
      if (wire.name === SYSTEM_ROUTE) continue;
      const route = readRoute(wire);
      if (typeof route === "string") problems.push(`${wire.name}: ${route}`);
      else {
        routes.push(route);
        this.#keys.set(route, wire.apiKey);
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

  /** Returns the header with a route's key, `null` for a server that wants none. */
  keyFieldOf(route: InferenceRoute): HeaderField | null {
    const key = this.#keys.get(route) ?? "";
    return key === "" ? null : traitsOf(route.providerType).keyField(key);
  }

  /** Returns a text with a route's key taken out. */
  redact(route: InferenceRoute, text: string): string {
    const key = this.#keys.get(route) ?? "";
    return key === "" ? text : text.replaceAll(key, "[REDACTED]");
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
  if (wire.modelInPath) return "its model would be in the path, which is not supported";
  if (wire.modelId === "") return "it has no model";
  if (!isFieldValue(wire.apiKey) || /^\s|\s$/.test(wire.apiKey)) return "its key cannot be sent";
  const path = wire.requestPathOverride ?? null;
  if (path !== null && !PATH.test(path)) return "its path cannot be used";
  const { timeoutSecs } = wire;
  return {
    ...base,
    name: wire.name,
    providerType: wire.providerType,
    path,
    protocols: new Set(wire.protocols),
    model: wire.modelId,
    models: new Set(wire.models),
    priority: wire.priority,
    timeoutMs: timeoutSecs === 0n ? INFERENCE_TIMEOUT_MS_DEFAULT : Number(timeoutSecs) * 1000,
  };
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

/**
 * Returns the target of a call at a route. A base with a version of its own (`…/v1`,
 * `…/v1/openai`) takes the place of the call's `/v1`.
 */
export function targetAt(route: InferenceRoute, call: { path: string; query: string }): string {
  if (route.path !== null) return route.path;
  const isVersioned = route.basePath.split("/").some((segment) =>
    /^v[0-9]+[a-z0-9]*$/.test(segment)
  );
  const path = isVersioned ? call.path.replace(/^\/v1(?=\/)/, "") : call.path;
  return `${route.basePath}${path}${call.query}`;
}
