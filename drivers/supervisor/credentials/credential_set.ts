/**
 * The credentials of one sandbox, and where each belongs.
 *
 * Made from what the gateway sends, and never changed: a new one takes its place as a whole. It holds
 * real values, so nothing here shows one by being printed.
 *
 * Fails closed: a key that is neither bound to a place nor said to be no secret is withheld.
 *
 * @module
 */

import { matchesGlob, matchesHost } from "../../../policy-wasm/reference_glob.ts";
import type {
  GetSandboxProviderEnvironmentResponse,
} from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import { placeholderOf } from "./placeholder.ts";

/** Where a request goes. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** Canonical, as the sandbox sent it: placeholders are still in it. */
  readonly path: string;
}

/** Why a placeholder got no value. */
export type CredentialProblem =
  | "credential_unknown"
  | "credential_expired"
  | "credential_invalid"
  | "credential_endpoint_mismatch";

export type Resolution =
  | { readonly ok: true; readonly key: string; readonly value: string }
  | { readonly ok: false; readonly key: string | null; readonly problem: CredentialProblem };

interface Binding {
  readonly host: string;
  readonly port: number;
  /** Glob; empty is every path. */
  readonly path: string;
}

interface Credential {
  readonly key: string;
  readonly provider: string;
  readonly handle: string;
  readonly expiresAtMs: number | null;
  readonly bindings: readonly Binding[];
}

/** Nothing that could end a line, and at least something. */
const VALUE = /^[^\r\n\0]+$/;

export class CredentialSet {
  /** No credentials at all. */
  static readonly NONE: CredentialSet = new CredentialSet(null);

  /** Grows with each change; 0 without credentials. */
  readonly revision: bigint;
  /** Keys that came without a place, and are given to nobody. */
  readonly withheld: readonly string[];
  readonly #credentials = new Map<string, Credential>();
  /** Apart from the rest, and private, so that printing a credential shows no value. */
  readonly #values = new Map<string, string>();
  readonly #open: ReadonlyMap<string, string>;

  constructor(message: GetSandboxProviderEnvironmentResponse | null) {
    this.revision = message?.providerEnvRevision ?? 0n;
    const open = new Map<string, string>();
    const withheld: string[] = [];
    for (const [key, value] of Object.entries(message?.environment ?? {})) {
      const binding = message?.staticCredentialBindings[key];
      if (binding !== undefined && binding.endpoints.length > 0) {
        this.#values.set(key, value);
        this.#credentials.set(key, {
          key,
          provider: binding.credentialIdentity,
          handle: binding.workloadCredentialHandle,
          expiresAtMs: toTime(message?.credentialExpiresAtMs[key]),
          bindings: binding.endpoints.map(({ host, port, path }) => ({ host, port, path })),
        });
      } else if (message?.nonSecretEnvironmentKeys.includes(key) === true) {
        open.set(key, value);
      } else {
        withheld.push(key);
      }
    }
    this.#open = open;
    this.withheld = withheld;
  }

  get isEmpty(): boolean {
    return this.#credentials.size === 0;
  }

  /** Variables for programs of the sandbox: placeholders, and what is no secret. */
  environment(): Readonly<Record<string, string>> {
    return {
      ...Object.fromEntries(this.#open),
      ...Object.fromEntries(
        [...this.#credentials.values()].map(({ key, handle }) => [key, placeholderOf(key, handle)]),
      ),
    };
  }

  /** Returns the value of a placeholder's reference, where it belongs to that place now. */
  resolve(reference: string, place: Place, nowMs: number): Resolution {
    const credential = this.#find(reference);
    if (credential === null) return { ok: false, key: null, problem: "credential_unknown" };
    const { key, expiresAtMs, bindings } = credential;
    const fail = (problem: CredentialProblem): Resolution => ({ ok: false, key, problem });
    if (!bindings.some((binding) => covers(binding, place))) {
      return fail("credential_endpoint_mismatch");
    }
    if (expiresAtMs !== null && expiresAtMs <= nowMs) return fail("credential_expired");
    const value = this.#values.get(key) ?? "";
    return VALUE.test(value) ? { ok: true, key, value } : fail("credential_invalid");
  }

  /** Whether any credential belongs to that place. */
  isBound(place: Place): boolean {
    return [...this.#credentials.values()].some(({ bindings }) =>
      bindings.some((binding) => covers(binding, place))
    );
  }

  /** Whether any credential belongs to that host and port, whatever the path. */
  isBoundHost({ host, port }: Omit<Place, "path">): boolean {
    return [...this.#credentials.values()].some(({ bindings }) =>
      bindings.some((binding) => binding.port === port && matchesHost(binding.host, host))
    );
  }

  /** The provider that a key comes from. */
  providerOf(key: string): string | null {
    return this.#credentials.get(key)?.provider ?? null;
  }

  /** The values themselves, for whoever keeps them out of what is passed on. */
  secrets(): readonly string[] {
    return [...this.#values.values()];
  }

  /** A handle has to be the one of now: a former one was revoked. */
  #find(reference: string): Credential | null {
    const [, handle = "", key = ""] = /^(?:(s[0-9a-f]{64})_)?(.*)$/.exec(reference) ?? [];
    const credential = this.#credentials.get(key);
    return credential !== undefined && credential.handle === handle ? credential : null;
  }
}

function covers(binding: Binding, { host, port, path }: Place): boolean {
  return binding.port === port && matchesHost(binding.host, host) &&
    (binding.path === "" || matchesGlob(binding.path, path, "path"));
}

/** Absent and 0 are no end. */
function toTime(milliseconds: bigint | undefined): number | null {
  return milliseconds === undefined || milliseconds === 0n ? null : Number(milliseconds);
}
