/**
 * Policy revisions: of each sandbox, and the global one that replaces them all.
 *
 * A document is checked as a whole before it is stored, so what is refused leaves no trace and what
 * runs goes on. The gateway hands out what is stored; it never decides about a request.
 *
 * @module
 */

import { LOAD_ERROR_UNITS_MAX, POLICY_REVISIONS_MAX } from "../../proto/limits.ts";
import type { ObjectFields, ObjectStore, StoredObject, Write } from "../store/contract.ts";
import { DEFAULT_POLICY } from "./default_policy.ts";
import {
  canonicalJson,
  checkDocument,
  type CheckedDocument,
  findStaticChanges,
  PolicyRefusedError,
  withStaticSections,
} from "./policy_document.ts";
import { type ProvePolicy, type StoredProof, takeOutcome } from "./policy_proofs.ts";

/** Scope of the global policy. */
export const GLOBAL_SCOPE = "__global__";

export type RevisionStatus = "pending" | "loaded" | "failed" | "superseded";

export interface PolicyRevision {
  readonly version: number;
  readonly hash: string;
  readonly status: RevisionStatus;
  /** Empty where it did not fail. */
  readonly loadError: string;
  readonly createdAtMs: number;
  /** `null` until a supervisor has loaded it. */
  readonly loadedAtMs: number | null;
  /** YAML or JSON. */
  readonly document: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** `null` for one that was stored before there were proofs. */
  readonly proof: StoredProof | null;
}

/** A document that was checked and proved, or is taken although it is not. */
export interface ProvenDocument extends CheckedDocument {
  readonly proof: StoredProof | null;
}

/** What is in force for a sandbox. */
export interface EffectivePolicy {
  readonly version: number;
  readonly hash: string;
  readonly document: Uint8Array;
  readonly isGlobal: boolean;
}

/** What came of a change. */
export interface PolicyChange {
  readonly version: number;
  readonly hash: string;
  /** False where the same content was in force already. */
  readonly isNew: boolean;
}

/** A change that was checked, and the writes that make it. */
export interface PreparedChange {
  readonly change: PolicyChange;
  readonly document: Uint8Array;
  readonly writes: readonly Write[];
}

export interface RevisionPorts {
  readonly store: ObjectStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Asked about each policy that is not in force already. */
  readonly prove: ProvePolicy;
}

type Listener = () => void;

export class PolicyRevisions {
  readonly #store: ObjectStore;
  readonly #now: () => number;
  readonly #prove: ProvePolicy;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor({ store, now, prove }: RevisionPorts) {
    this.#store = store;
    this.#now = now;
    this.#prove = prove;
  }

  /**
   * Checks and proves the first policy of a sandbox; `null` stands for the default.
   *
   * @throws {InvalidPolicyError}
   * @throws {ProofRefusedError}
   */
  async prepareFirst(sandboxId: string, document: Uint8Array | null): Promise<PreparedChange> {
    const bytes = document ?? new TextEncoder().encode(DEFAULT_POLICY);
    const checked = checkDocument(bytes);
    const proof = takeOutcome(await this.#prove(checked.text), {
      isForced: false,
      hint: "Create the sandbox with a policy that holds: only a change of it can be forced",
    });
    return {
      change: { version: 1, hash: checked.hash, isNew: true },
      document: bytes,
      writes: [toWrite(sandboxId, newRevision({ ...checked, proof }, 1, {}))],
    };
  }

  /**
   * Checks and proves a further policy of a sandbox, which may take its time. What is in force
   * already is not proved again, since nothing changes.
   *
   * @throws {InvalidPolicyError}
   * @throws {PolicyRefusedError} for another static part, or under a global policy.
   * @throws {ProofRefusedError} unless `isForced`.
   */
  async prove(
    sandboxId: string,
    document: Uint8Array,
    isForced = false,
  ): Promise<ProvenDocument> {
    const { revision } = await this.#changeable(sandboxId);
    const checked = checkDocument(withStaticSections(document, revision.document));
    checkStatic(checked, revision);
    const isSame = revision.hash === checked.hash && revision.status !== "failed";
    return isSame ? { ...checked, proof: revision.proof } : await this.#proven(checked, isForced);
  }

  /**
   * Makes a proven policy the next revision. The caller applies the writes and calls `notify`; they
   * conflict with whatever came between.
   *
   * @throws {PolicyRefusedError} as `prove` does.
   */
  async prepare(
    sandboxId: string,
    proven: ProvenDocument,
    annotations: Readonly<Record<string, string>> = {},
  ): Promise<PreparedChange> {
    const latest = await this.#changeable(sandboxId);
    checkStatic(proven, latest.revision);
    return await this.#prepareNext(sandboxId, latest, proven, annotations);
  }

  /** Returns the latest revision of a sandbox that may have another one. */
  async #changeable(sandboxId: string): Promise<Stored> {
    if (await this.#activeGlobal() !== null) {
      throw new PolicyRefusedError(
        "failed_precondition",
        "a global policy is in force for every sandbox",
        'Change that one, or remove it with "openshell policy delete --global"',
      );
    }
    const latest = await this.#latest(sandboxId);
    if (latest === null) {
      throw new PolicyRefusedError("not_found", "the sandbox has none");
    }
    return latest;
  }

  async #proven(checked: CheckedDocument, isForced: boolean): Promise<ProvenDocument> {
    const proof = takeOutcome(await this.#prove(checked.text), {
      isForced,
      hint: 'Narrow the policy, or set it all the same with "openshell policy set --force"',
    });
    return { ...checked, proof };
  }

  /**
   * Puts a global policy into force.
   *
   * @throws {InvalidPolicyError}
   * @throws {PolicyRefusedError} where `expectedVersion` is not the one in force.
   * @throws {ProofRefusedError} unless `isForced`.
   */
  async setGlobal(
    document: Uint8Array,
    expectedVersion: number | null,
    isForced = false,
  ): Promise<PolicyChange> {
    const checked = checkDocument(document);
    const before = await this.#expectGlobal(expectedVersion);
    if (before !== null && before.revision.hash === checked.hash) {
      return { version: before.revision.version, hash: checked.hash, isNew: false };
    }
    const proven = await this.#proven(checked, isForced);
    // Another one may have come while this one was proved.
    const active = await this.#expectGlobal(before?.revision.version ?? 0);
    const latest = await this.#latest(GLOBAL_SCOPE);
    const version = (latest?.revision.version ?? 0) + 1;
    const revision: PolicyRevision = {
      ...newRevision(proven, version, {}),
      status: "loaded",
      loadedAtMs: this.#now(),
    };
    const over = active === null ? [] : [toUpdate(active, { status: "superseded" })];
    await this.#store.apply([...over, toWrite(GLOBAL_SCOPE, revision)]);
    this.notify(null);
    return { version, hash: checked.hash, isNew: true };
  }

  /** Returns the global policy in force; `null` expects whichever. @throws {PolicyRefusedError} */
  async #expectGlobal(expectedVersion: number | null): Promise<Stored | null> {
    const active = await this.#activeGlobal();
    if (expectedVersion !== null && expectedVersion !== (active?.revision.version ?? 0)) {
      throw new PolicyRefusedError(
        "failed_precondition",
        `version ${active?.revision.version ?? 0} is in force, not ${expectedVersion}`,
        "Read it again and repeat the change",
      );
    }
    return active;
  }

  /** Takes the global policy out of force. Returns false where there was none. */
  async deleteGlobal(): Promise<boolean> {
    const active = await this.#activeGlobal();
    if (active === null) return false;
    await this.#store.apply([toUpdate(active, { status: "superseded" })]);
    this.notify(null);
    return true;
  }

  /** Returns a revision of a sandbox, or of `GLOBAL_SCOPE`; 0 is the latest. */
  async get(scope: string, version: number): Promise<PolicyRevision | null> {
    if (version === 0) return (await this.#latest(scope))?.revision ?? null;
    const object = await this.#store.get("sandbox_policy", idOf(scope, version));
    return object === null ? null : toRevision(object);
  }

  /** Newest first. */
  async list(
    scope: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly PolicyRevision[]> {
    const query = { type: "sandbox_policy", scope, order: "newest_version", ...page } as const;
    return (await this.#store.list(query)).map(toRevision);
  }

  /** Returns what a sandbox has to load. @throws {PolicyRefusedError} where it has none. */
  async effective(sandboxId: string): Promise<EffectivePolicy> {
    const active = await this.#activeGlobal();
    const latest = active ?? await this.#latestUsable(sandboxId);
    if (latest === null) throw new PolicyRefusedError("not_found", "the sandbox has none");
    const { version, hash, document } = latest.revision;
    return {
      version,
      hash,
      document: new TextEncoder().encode(document),
      isGlobal: active !== null,
    };
  }

  /** Returns what a sandbox has for itself, also under a global policy; `null` where it has none. */
  async own(sandboxId: string): Promise<PolicyRevision | null> {
    return (await this.#latestUsable(sandboxId))?.revision ?? null;
  }

  /** Returns the global document, `null` where none is in force. */
  async globalDocument(): Promise<Uint8Array | null> {
    const active = await this.#activeGlobal();
    return active === null ? null : new TextEncoder().encode(active.revision.document);
  }

  /** Returns the version that a sandbox was last known to have loaded, 0 where it has none. */
  async activeVersion(scope: string): Promise<number> {
    const query = { type: "sandbox_policy", scope, order: "newest_version" } as const;
    const [active] = await this.#store.list({ ...query, status: "loaded", limit: 1 });
    return active?.version ?? 0;
  }

  /**
   * Takes a supervisor's word for what became of a revision. Those before a loaded one are over.
   * What a supervisor says of a global policy is about itself alone and changes nothing here.
   */
  async report(
    sandboxId: string,
    version: number,
    problem: string | null,
  ): Promise<void> {
    if (await this.#activeGlobal() !== null) return;
    const object = await this.#store.get("sandbox_policy", idOf(sandboxId, version));
    if (object === null) {
      throw new PolicyRefusedError("not_found", `the sandbox has no revision ${version}`);
    }
    const revision = toRevision(object);
    if (revision.status === "superseded") return;
    const stored = { object, revision };
    if (problem !== null) {
      const loadError = problem.slice(0, LOAD_ERROR_UNITS_MAX);
      await this.#store.apply([toUpdate(stored, { status: "failed", loadError })]);
      return;
    }
    if (revision.status === "loaded") return;
    const before = await this.#store.list({
      type: "sandbox_policy",
      scope: sandboxId,
      status: "loaded",
    });
    await this.#store.apply([
      ...before.filter((other) => (other.version ?? 0) < version).map((other) =>
        toUpdate({ object: other, revision: toRevision(other) }, { status: "superseded" })
      ),
      toUpdate(stored, { status: "loaded", loadError: "", loadedAtMs: this.#now() }),
    ]);
  }

  /** Returns the writes that remove every revision of a sandbox. */
  async removal(sandboxId: string): Promise<readonly Write[]> {
    const revisions = await this.#store.list({ type: "sandbox_policy", scope: sandboxId });
    return revisions.map(({ id }) => ({
      kind: "delete",
      type: "sandbox_policy",
      id,
      expected: "any",
    }));
  }

  /** Calls `listener` whenever what is in force for a sandbox may have changed. */
  subscribe(sandboxId: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(sandboxId) ?? new Set();
    this.#listeners.set(sandboxId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(sandboxId) === listeners) {
        this.#listeners.delete(sandboxId);
      }
    };
  }

  /** Tells who follows a sandbox, or all for `null`. */
  notify(sandboxId: string | null): void {
    const sets = sandboxId === null
      ? [...this.#listeners.values()]
      : [this.#listeners.get(sandboxId) ?? []];
    for (const listener of sets.flatMap((set) => [...set])) listener();
  }

  async #prepareNext(
    sandboxId: string,
    latest: Stored,
    proven: ProvenDocument,
    annotations: Readonly<Record<string, string>>,
  ): Promise<PreparedChange> {
    const { revision } = latest;
    const kept = Object.keys(annotations).length === 0 ? revision.annotations : annotations;
    const isSame = revision.hash === proven.hash && revision.status !== "failed" &&
      canonicalJson(kept) === canonicalJson(revision.annotations);
    const { version, hash } = revision;
    const document = new TextEncoder().encode(proven.text);
    if (isSame) return { change: { version, hash, isNew: false }, document, writes: [] };
    const over = revision.status === "pending" ? [toUpdate(latest, { status: "superseded" })] : [];
    const next = newRevision(proven, version + 1, kept);
    return {
      change: { version: next.version, hash: next.hash, isNew: true },
      document,
      writes: [...over, ...await this.#prune(sandboxId, next.version), toWrite(sandboxId, next)],
    };
  }

  async #prune(sandboxId: string, next: number): Promise<readonly Write[]> {
    const id = idOf(sandboxId, next - POLICY_REVISIONS_MAX);
    const oldest = await this.#store.get("sandbox_policy", id);
    if (oldest === null || oldest.status === "loaded") return [];
    return [{ kind: "delete", type: "sandbox_policy", id, expected: "any" }];
  }

  async #latest(scope: string): Promise<Stored | null> {
    const query = { type: "sandbox_policy", scope, order: "newest_version", limit: 1 } as const;
    return toStored((await this.#store.list(query))[0]);
  }

  /** One that failed to load stays out of force: the sandbox keeps what it had. */
  async #latestUsable(scope: string): Promise<Stored | null> {
    const latest = await this.#latest(scope);
    if (latest === null || latest.revision.status !== "failed") return latest;
    const query = { type: "sandbox_policy", scope, order: "newest_version", limit: 1 } as const;
    return toStored((await this.#store.list({ ...query, status: "loaded" }))[0]) ?? latest;
  }

  async #activeGlobal(): Promise<Stored | null> {
    const query = { type: "sandbox_policy", scope: GLOBAL_SCOPE, order: "newest_version" } as const;
    return toStored((await this.#store.list({ ...query, status: "loaded", limit: 1 }))[0]);
  }
}

interface Stored {
  readonly object: StoredObject;
  readonly revision: PolicyRevision;
}

/** What is in the payload of a revision. */
type Payload = Pick<
  PolicyRevision,
  "document" | "hash" | "loadError" | "loadedAtMs" | "annotations" | "proof"
>;

/** @throws {PolicyRefusedError} */
function checkStatic({ policy }: CheckedDocument, before: PolicyRevision): void {
  const changes = findStaticChanges(before.document, policy);
  if (changes.length === 0) return;
  throw new PolicyRefusedError(
    "invalid_argument",
    `${changes.join(", ")} cannot change once the sandbox has been created`,
    "Create another sandbox with this policy",
  );
}

function newRevision(
  { text, hash, proof }: ProvenDocument,
  version: number,
  annotations: Readonly<Record<string, string>>,
): PolicyRevision {
  return {
    version,
    hash,
    status: "pending",
    loadError: "",
    createdAtMs: 0,
    loadedAtMs: null,
    document: text,
    annotations,
    proof,
  };
}

function toWrite(scope: string, revision: PolicyRevision): Write {
  return { kind: "put", object: toFields(scope, revision), expected: "create" };
}

function toUpdate({ object, revision }: Stored, change: Partial<PolicyRevision>): Write {
  const fields = toFields(object.scope ?? "", { ...revision, ...change });
  return { kind: "put", object: fields, expected: object.resourceVersion };
}

function toFields(scope: string, revision: PolicyRevision): ObjectFields {
  const { version, status, document, hash, loadError, loadedAtMs, annotations, proof } = revision;
  const payload: Payload = { document, hash, loadError, loadedAtMs, annotations, proof };
  const id = idOf(scope, version);
  return {
    id,
    type: "sandbox_policy",
    workspace: "",
    name: id,
    scope,
    version,
    status,
    payload: new TextEncoder().encode(JSON.stringify(payload)),
    labels: {},
  };
}

function toStored(object: StoredObject | undefined): Stored | null {
  return object === undefined ? null : { object, revision: toRevision(object) };
}

function toRevision(object: StoredObject): PolicyRevision {
  const payload = JSON.parse(new TextDecoder().decode(object.payload)) as Payload;
  const { version, status, createdAtMs } = object;
  // What an earlier version of the program stored has no proof.
  const proof = payload.proof ?? null;
  return {
    ...payload,
    proof,
    version: version ?? 0,
    status: status as RevisionStatus,
    createdAtMs,
  };
}

function idOf(scope: string, version: number): string {
  return `${scope}/${version}`;
}
