/**
 * An open connection, and by what it is judged now.
 *
 * When a new policy comes, the connection goes on under it if it would have been allowed by it in
 * the same way, to the same addresses, with the request that it carries.
 *
 * @module
 */

import type { Connection } from "../../../policy-wasm/evaluator.ts";
import { judgeReadings } from "../../../policy-wasm/path_readings.ts";
import type { Caller, Request, Target } from "../../../policy-wasm/request.ts";
import type { Actor } from "../events/audit_event.ts";
import { type Allowed, decide, isUnread, judgeAddresses } from "./authorize_connection.ts";
import type { Generation, Reviewable } from "./generation.ts";

export class LiveConnection implements Reviewable {
  readonly target: Target;
  readonly caller: Caller;
  readonly actor: Actor;
  readonly addresses: readonly string[];
  readonly #trustedGatewayIp: string | null;
  #generation: Generation;
  #connection: Connection;
  #request: Request | null = null;
  #onChange: (() => void) | null = null;

  constructor(allowed: Allowed, trustedGatewayIp: string | null = null) {
    this.target = allowed.target;
    this.caller = allowed.caller;
    this.actor = allowed.actor;
    this.addresses = allowed.addresses;
    this.#trustedGatewayIp = trustedGatewayIp;
    this.#generation = allowed.generation;
    this.#connection = allowed.connection;
  }

  get generation(): Generation {
    return this.#generation;
  }

  get connection(): Connection {
    return this.#connection;
  }

  /**
   * Remembers the request that was let through last. It may be over already: then a policy that
   * refuses it closes an idle connection, which costs a program no more than a new one.
   */
  carries(request: Request): void {
    this.#request = request;
  }

  /**
   * Has the connection stay under the policy of now. Any other one ends it, in whose order
   * `onChange` sees to: from then on nothing of the program may go on. Returns how to undo that.
   */
  pin(onChange: () => void): () => void {
    this.#onChange = onChange;
    return () => {
      this.#onChange = null;
    };
  }

  review(generation: Generation): boolean {
    if (this.#onChange !== null) {
      this.#onChange();
      return true;
    }
    const { evaluator } = generation;
    const connection = decide(generation, this.caller, this.target);
    if (connection.decision.verdict === "deny") return false;
    if (connection.isInspected !== this.#connection.isInspected) return false;
    const { target, addresses } = this;
    if (isUnread(generation, connection, target)) return false;
    const facts = { target, addresses, trustedGatewayIp: this.#trustedGatewayIp };
    if (!judgeAddresses(generation, connection, facts).ok) return false;
    const request = this.#request;
    if (request !== null) {
      const judge = (reading: Request) => evaluator.request(connection, reading);
      if (judgeReadings(request, judge).verdict === "deny") return false;
    }
    this.#generation = generation;
    this.#connection = connection;
    return true;
  }
}
