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
import { hostPatternsIntersect } from "../../../policy-wasm/host_pattern.ts";
import type { CredentialNames } from "./foreign_credentials.ts";
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

/** No control character, which could end a line, and at least something. */
const VALUE = /^[\t\x20-\x7e\xa0-\uffff]+$/;

export class CredentialSet {
  /** No credentials at all. */
  static readonly NONE: CredentialSet = new CredentialSet(null);

  /** Grows with each change; 0 without credentials. */
  readonly revision: bigint;
  /** Keys that came without a place, and are given to nobody. */
  readonly withheld: readonly string[];
  /** Headers and parameters that the profiles of these credentials use. */
  readonly names: CredentialNames;
  readonly #credentials = new Map<string, Credential>();
  /** Apart from the rest, and private, so that printing a credential shows no value. */
  readonly #values = new Map<string, string>();
  readonly #open: ReadonlyMap<string, string>;
  readonly #message: GetSandboxProviderEnvironmentResponse | null;

  constructor(message: GetSandboxProviderEnvironmentResponse | null) {
    this.#message = message;
    this.revision = message?.providerEnvRevision ?? 0n;
    const open = new Map<string, string>();
    const withheld: string[] = [];
    const bindingsByKey = new Map(Object.entries(message?.staticCredentialBindings ?? {}));
    for (const [key, value] of Object.entries(message?.environment ?? {})) {
      const binding = bindingsByKey.get(key);
      if (binding !== undefined && binding.endpoints.length > 0) {
        this.#values.set(key, value);
        this.#credentials.set(key, {
          key,
          provider: binding.credentialIdentity,
          handle: binding.workloadCredentialHandle,
          expiresAtMs: toTime(message?.credentialExpiresAtMs[key]),
          bindings: binding.endpoints.map(({ host, port, path }) => ({
            host: host.toLowerCase(),
            port,
            path,
          })),
        });
      } else if (message?.nonSecretEnvironmentKeys.includes(key) === true) {
        open.set(key, value);
      } else {
        withheld.push(key);
      }
    }
    this.#open = open;
    this.withheld = withheld;
    this.names = namesOf(message);
  }

  /** Returns these credentials without those that a test takes out. */
  without(isTakenOut: (key: string) => boolean): CredentialSet {
    const message = this.#message;
    if (message === null) return this;
    const kept = Object.entries(message.environment).filter(([key]) => !isTakenOut(key));
    return new CredentialSet({ ...message, environment: Object.fromEntries(kept) });
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
    return this.#resolve(this.#find(reference), place, nowMs);
  }

  /** Returns the value of a key, for what the proxy itself does with it. */
  resolveKey(key: string, place: Place, nowMs: number): Resolution {
    return this.#resolve(this.#credentials.get(key) ?? null, place, nowMs);
  }

  #resolve(credential: Credential | null, place: Place, nowMs: number): Resolution {
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

  /** Keys that belong to some host of a pattern at one of the ports. */
  keysAt(hostPattern: string, ports: readonly number[]): readonly string[] {
    return [...this.#credentials.values()].filter(({ bindings }) =>
      bindings.some(({ host, port }) =>
        ports.includes(port) && hostPatternsIntersect(hostPattern, host)
      )
    ).map(({ key }) => key);
  }

  /** The provider that a key comes from. */
  providerOf(key: string): string | null {
    return this.#credentials.get(key)?.provider ?? null;
  }

  /** When a key's value ends, in milliseconds since 1970; `null` is no end. */
  expiryOf(key: string): number | null {
    return this.#credentials.get(key)?.expiresAtMs ?? null;
  }

  /** The value of a key, if there is one, for whoever keeps it out of what is passed on. */
  secretOf(key: string): readonly string[] {
    const value = this.#values.get(key);
    return value === undefined ? [] : [value];
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

/** A static credential's profile comes under its key among the dynamic ones, where one comes. */
function namesOf(message: GetSandboxProviderEnvironmentResponse | null): CredentialNames {
  const profiles = Object.values(message?.dynamicCredentials ?? {});
  const lower = (names: readonly string[]) =>
    new Set(names.filter((name) => name !== "").map((name) => name.toLowerCase()));
  return {
    headers: lower(profiles.map(({ headerName }) => headerName.replaceAll("_", "-"))),
    parameters: lower(profiles.map(({ queryParam }) => queryParam)),
  };
}

function covers(binding: Binding, { host, port, path }: Place): boolean {
  return binding.port === port && matchesHost(binding.host, host) &&
    (binding.path === "" || matchesGlob(binding.path, path, "path"));
}

/** Absent and 0 are no end. */
function toTime(milliseconds: bigint | undefined): number | null {
  return milliseconds === undefined || milliseconds === 0n ? null : Number(milliseconds);
}
