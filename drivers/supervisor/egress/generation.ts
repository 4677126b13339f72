/**
 * The policy that is in force, and everything that is open under it.
 *
 * A new policy is put in force as one, or not at all: its links are resolved, it is compiled, loaded
 * and tried before it replaces the old one. Then each open connection is looked at again, and those
 * that the new policy does not allow are closed.
 *
 * @module
 */

import { compilePolicy } from "../../../policy-wasm/compile.ts";
import { Evaluator } from "../../../policy-wasm/evaluator.ts";
import type { Endpoint, Policy, Rule } from "../../../policy-wasm/policy.ts";
import { CodedError } from "../../../proto/errors.ts";
import { CredentialSet } from "../credentials/credential_set.ts";
import { findUninspected } from "./credential_gate.ts";

/** One policy as it was put in force. */
export interface Generation {
  /** Counts from 1 in this process. */
  readonly number: number;
  /** Of the revision. */
  readonly version: number;
  /** Of the policy's document. */
  readonly hash: string;
  readonly evaluator: Evaluator;
  /** Those of its endpoints at which a connection may become a WebSocket: few, if any. */
  readonly upgrading: readonly Endpoint[];
  /** Rules of its policy by key: a policy may have thousands. */
  readonly rules: ReadonlyMap<string, Rule>;
  /** What requests that it allows may be given. */
  readonly credentials: CredentialSet;
}

/** Which revision a policy is. */
export type Revision = Pick<Generation, "version" | "hash">;

/** Nothing is in force, and everything is denied. */
export interface Quarantine {
  /** One sentence for a person. */
  readonly quarantine: string;
}

/** The policy could not be put in force; what was in force still is. */
export class GenerationError extends CodedError {
  override readonly name = "GenerationError";
  override readonly code = "invalid_argument";

  constructor(detail: string, options: ErrorOptions = {}) {
    super(`Cannot put the policy in force: ${detail}`, options);
  }
}

/** Something open, which a new policy may end. */
export interface Reviewable {
  /** Goes on under the generation if that allows it; `false` if it does not. */
  review(generation: Generation): boolean;
}

/** Reason of a signal that a policy, or a quarantine, has aborted. */
export const POLICY_CHANGED = "policy_changed";

/** What is open as long as it is not disposed of. */
export interface Watch extends Disposable {
  /** Aborts when the policy in force does not allow it any more. */
  readonly signal: AbortSignal;
}

export interface GenerationHolderOptions {
  /** Adds to a policy what only the sandbox knows: `expandBinaries`. */
  readonly expand?: (policy: Policy) => Policy;
}

export class GenerationHolder {
  readonly #expand: (policy: Policy) => Policy;
  readonly #open = new Map<Reviewable, AbortController>();
  #current: Generation | Quarantine = { quarantine: "No policy is in force yet" };
  #number = 0;

  constructor({ expand = (policy) => policy }: GenerationHolderOptions = {}) {
    this.#expand = expand;
  }

  get current(): Generation | Quarantine {
    return this.#current;
  }

  /**
   * Puts a policy in force, with the credentials that go with it.
   *
   * @throws {GenerationError} where it cannot be. The policy has not changed then; the credentials
   * have, as far as they go with it, because one that was revoked must not outlive that.
   */
  load(
    policy: Policy,
    revision: Revision,
    credentials: CredentialSet = CredentialSet.NONE,
  ): Generation {
    try {
      return this.#adopt(this.#prepare(policy, revision, credentials));
    } catch (error) {
      this.#exchangeCredentials(credentials);
      throw error;
    }
  }

  #prepare(policy: Policy, revision: Revision, credentials: CredentialSet): Prepared {
    const { version, hash } = revision;
    refuseUnsupported(policy);
    let evaluator: Evaluator;
    try {
      const image = compilePolicy(this.#expand(policy));
      evaluator = new Evaluator(image.bytes);
    } catch (cause) {
      // Whatever it was, a policy that failed to compile must not end what is in force.
      throw new GenerationError(cause instanceof Error ? cause.message : "it failed", { cause });
    }
    tryOut(evaluator);
    const rules = new Map(evaluator.policy.rules.map((rule) => [rule.key, rule]));
    refuseUninspected(rules, credentials);
    const upgrading = evaluator.policy.rules.flatMap(({ endpoints }) => endpoints.filter(upgrades));
    return { version, hash, evaluator, upgrading, rules, credentials };
  }

  /** The policy stays, and gets the credentials that it does not send where nothing reads. */
  #exchangeCredentials(credentials: CredentialSet): void {
    const current = this.#current;
    if ("quarantine" in current || current.credentials === credentials) return;
    const unread = findUninspected(current.rules.values(), credentials);
    const taken = new Set(unread.map(({ key }) => key));
    this.#adopt({
      ...current,
      credentials: taken.size === 0 ? credentials : credentials.without((key) => taken.has(key)),
    });
  }

  #adopt(prepared: Prepared): Generation {
    this.#number += 1;
    const generation = { ...prepared, number: this.#number };
    this.#current = generation;
    for (const [open, controller] of this.#open) {
      if (!allows(open, generation)) controller.abort(POLICY_CHANGED);
    }
    return generation;
  }

  /** Denies everything, and ends what is open, until a policy is loaded. */
  quarantine(reason: string): void {
    this.#current = { quarantine: reason };
    for (const controller of this.#open.values()) controller.abort(POLICY_CHANGED);
  }

  /** Has something reviewed with each new policy, until it is disposed of. */
  watch(open: Reviewable): Watch {
    const controller = new AbortController();
    this.#open.set(open, controller);
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => void this.#open.delete(open),
    };
  }

  /** How much is open. */
  get openCount(): number {
    return this.#open.size;
  }
}

type Prepared = Omit<Generation, "number">;

/** Text messages are read there, be it to judge them or to fill them. */
function upgrades({ protocol, websocketCredentialRewrite }: Endpoint): boolean {
  return protocol === "websocket" || (protocol === "rest" && websocketCredentialRewrite);
}

/** Credentials go with a policy only where their requests are read. */
function refuseUninspected(rules: ReadonlyMap<string, Rule>, credentials: CredentialSet): void {
  const [first] = findUninspected(rules.values(), credentials);
  if (first === undefined) return;
  const { rule, endpoint: { host, ports }, key } = first;
  throw new GenerationError(
    `rule "${rule}" relays ${host || "addresses"}, port ${ports.join(", ")}, unread, and the ` +
      `credential ${key} belongs there: it needs protocol: rest, or allow_uninspected_credentials`,
  );
}

/** INVARIANT: nothing that a policy asks for is left out silently where that would let more through. */
function refuseUnsupported({ middlewares }: Policy): void {
  const [first] = middlewares.filter(({ onError }) => onError === "fail_closed");
  if (first === undefined) return;
  throw new GenerationError(
    `there are no middlewares yet, and "${first.key}" must not be left out`,
  );
}

/** Asks one question, so that an evaluator that cannot answer is never in force. */
function tryOut(evaluator: Evaluator): void {
  const caller = evaluator.resolve({ binary: "/nobody", ancestors: [] });
  const { decision } = evaluator.connect(caller, { host: "trial.invalid", port: 1 });
  if (decision.reason === "engine_error" || decision.reason === "caller_unknown") {
    throw new GenerationError(`a trial was answered with ${decision.reason}`);
  }
}

/** What cannot be reviewed is not allowed. */
function allows(open: Reviewable, generation: Generation): boolean {
  try {
    return open.review(generation);
  } catch {
    return false;
  }
}
