/**
 * Requests to a jail thread and their replies.
 *
 * When the thread fails, every open request fails with it.
 *
 * @module
 */

import { IsolationError, JailCallError } from "./isolation_error.ts";
import type { JailCall, JailReply, JailRequest } from "./jail_spec.ts";

interface Waiting {
  readonly type: JailRequest["type"];
  readonly settle: (reply: JailReply) => void;
  readonly fail: (error: Error) => void;
}

/** One jail thread, by its messages. */
export class JailChannel {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended: string | null = null;

  constructor(url: URL) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<JailReply>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      waiting?.settle(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(`its thread failed: ${event.message}`);
    };
  }

  /** Asks, and returns the value of the reply; fails after `timeoutMs` where one is given. */
  call<T>(request: JailRequest, timeoutMs?: number): Promise<T> {
    const { type } = request;
    if (this.#ended !== null) return Promise.reject(new JailCallError(type, this.#ended));
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
      this.#waiting.delete(id);
      reject(new JailCallError(type, `no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    this.#waiting.set(id, {
      type,
      settle: (reply) => {
        clearTimeout(timer);
        if (reply.ok) resolve(reply.value as T);
        else reject(toError(type, reply));
      },
      fail: (error) => {
        clearTimeout(timer);
        reject(error);
      },
    });
    this.#worker.postMessage({ id, request } satisfies JailCall);
    return promise;
  }

  /** Ends the thread. Open requests fail. */
  end(): void {
    this.#worker.terminate();
    this.#fail("it has ended");
  }

  #fail(detail: string): void {
    this.#ended ??= detail;
    for (const { type, fail } of this.#waiting.values()) fail(new JailCallError(type, detail));
    this.#waiting.clear();
  }
}

function toError(
  type: string,
  { control, detail }: Extract<JailReply, { ok: false }>,
): IsolationError | JailCallError {
  return control === null ? new JailCallError(type, detail) : new IsolationError(control, detail);
}
