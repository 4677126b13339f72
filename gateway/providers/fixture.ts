/**
 * Providers over a real store in memory, for tests.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { type CredentialDriver, CredentialError } from "../../drivers/credentials/contract.ts";
import { SandboxSpecSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { NOT_ASKED, type ProofOutcome } from "../policy/policy_proofs.ts";
import { PolicyRevisions } from "../policy/revisions.ts";
import { SettingsStore } from "../policy/settings.ts";
import { newState } from "../sandbox/phase.ts";
import { type SandboxRecord, toStored } from "../sandbox/sandbox_record.ts";
import { type ObjectStore, put } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite_store.ts";
import { openProviders, type ProviderParts } from "./open_providers.ts";
import type { ProviderChange } from "./provider_service.ts";
import { MintError } from "./refresh/refresh_errors.ts";
import type { SendTokenRequest } from "./refresh/send_token_request.ts";

export interface ProviderFixture extends ProviderParts {
  readonly store: ObjectStore;
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  /** Values by handle, as the driver keeps them. */
  readonly kept: Map<string, string>;
  /** Fails once, before it stores. */
  failNext: boolean;
  /** Sandboxes that were told of a change. */
  readonly told: string[];
  readonly problems: unknown[];
  /** What token servers answer. */
  send: SendTokenRequest;
  /** Answers each proof, and has the texts that were asked about. */
  readonly prover: { judge: (text: string) => ProofOutcome; readonly asked: string[] };
  /** Writes a sandbox that has these providers, with a policy. */
  readonly addSandbox: (name: string, providers: readonly string[], policy?: string) => Promise<
    string
  >;
  readonly close: () => Promise<void>;
}

/** Returns what a client says of a provider, changed where asked. */
export function changeOf(name: string, change: Partial<ProviderChange> = {}): ProviderChange {
  return {
    name,
    workspace: "default",
    type: "generic",
    credentials: { TOKEN: `value of ${name}` },
    config: {},
    expiresAtMs: {},
    labels: {},
    annotations: {},
    profileWorkspace: "",
    expectedResourceVersion: 0,
    ...change,
  };
}

/** A policy of one endpoint, which credentials of a provider may be bound to. */
export function policyOf(host: string, more = "", rule = "service"): string {
  return `version: 1
network_policies:
  ${rule}:
    endpoints:
      - { host: ${host}, port: 443, protocol: rest, access: full${more} }
    binaries: [{ path: /usr/bin/curl }]
`;
}

/** A policy that says another thing than the profile of GitHub about the same requests. */
export const CONTRADICTING: string = policyOf("api.github.com", ", tls: skip").replace(
  "protocol: rest, access: full",
  "enforcement: enforce, allow_uninspected_credentials: true",
);

export function openProviderFixture(): ProviderFixture {
  let ids = 0;
  const now = () => 1_700_000_000_000 + ids;
  const uuid = () => `id-${++ids}`;
  const store = openSqliteStore({ path: ":memory:", now });
  const prover: ProviderFixture["prover"] = { judge: () => NOT_ASKED, asked: [] };
  const prove = (text: string) => {
    prover.asked.push(text);
    return Promise.resolve(prover.judge(text));
  };
  const policies = new PolicyRevisions({ store, now, prove });
  const settings = new SettingsStore(store);
  const kept = new Map<string, string>();
  const problems: unknown[] = [];
  const told: string[] = [];
  const failsNext = () => {
    const fails = fixture.failNext;
    fixture.failNext = false;
    return fails;
  };
  const driver = memoryDriver({ kept, uuid, failsNext });
  const parts = openProviders({
    store,
    driver,
    handles: () => Promise.resolve([...kept.keys()]),
    policies,
    settings,
    signAws: ({ fields }) => [...fields, ["authorization", "signed"]],
    send: (request) => fixture.send(request),
    prove,
    uuid,
    now,
    onProblem: (error) => void problems.push(error),
  });
  const addSandbox = async (name: string, providers: readonly string[], policy?: string) => {
    const id = uuid();
    const document = policy === undefined ? null : new TextEncoder().encode(policy);
    await store.apply([...(await policies.prepareFirst(id, document)).writes]);
    await put(store, toStored(sandboxOf(id, name, providers)), "create");
    policies.subscribe(id, () => void told.push(name));
    return id;
  };
  const fixture: ProviderFixture = {
    ...parts,
    store,
    policies,
    settings,
    kept,
    failNext: false,
    told,
    problems,
    send: () => Promise.reject(new MintError("unavailable", "there is no network")),
    prover,
    addSandbox,
    close: () => store.close(),
  };
  return fixture;
}

function memoryDriver({ kept, uuid, failsNext }: {
  readonly kept: Map<string, string>;
  readonly uuid: () => string;
  readonly failsNext: () => boolean;
}): CredentialDriver {
  return {
    name: "memory",
    store({ providerId, key }, value) {
      if (failsNext()) {
        return Promise.reject(new CredentialError("unavailable", "store", "the disk is full"));
      }
      const handle = `${providerId}/${key}/${uuid()}`;
      kept.set(handle, value);
      return Promise.resolve(handle);
    },
    resolve(_owner, handle) {
      const value = kept.get(handle);
      return value === undefined
        ? Promise.reject(new CredentialError("not_found", "read", "it is not there"))
        : Promise.resolve(value);
    },
    delete(handle) {
      kept.delete(handle);
      return Promise.resolve();
    },
  };
}

function sandboxOf(id: string, name: string, providers: readonly string[]): SandboxRecord {
  return {
    id,
    name,
    workspace: "default",
    labels: {},
    annotations: {},
    createdAtMs: 0,
    resourceVersion: 0,
    deletionTimestampMs: 0,
    spec: create(SandboxSpecSchema, { providers: [...providers] }),
    state: newState(new Date(0)),
    policyVersion: 0,
  };
}
