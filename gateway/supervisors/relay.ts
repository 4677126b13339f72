/**
 * A relay, as the gateway holds it: what the client's side sends, and what the supervisor's does.
 *
 * @module
 */

import { AsyncQueue } from "../../drivers/system/async_queue.ts";
import { RELAY_BYTES_MAX } from "../../proto/limits.ts";

const OPTIONS = { weightMax: RELAY_BYTES_MAX, weigh: (data: Uint8Array) => data.length };

/** Two bounded queues of data. Either side may end its own; closing drops both. */
export class Relay {
  readonly toSupervisor = new AsyncQueue<Uint8Array>(OPTIONS);
  readonly fromSupervisor = new AsyncQueue<Uint8Array>(OPTIONS);
  readonly #closed = Promise.withResolvers<void>();

  constructor(readonly channelId: string, readonly sandboxId: string) {}

  /** Resolves when the relay is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  close(): void {
    this.toSupervisor.discard();
    this.fromSupervisor.end();
    this.#closed.resolve();
  }
}
