/**
 * Proofs for a server: each in a thread of its own, one at a time, none for longer than its time.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";
import { PROOF_QUEUE_MAX, PROOF_THREAD_MS_MAX } from "../proto/proof_limits.ts";
import type { ProofJob, ProofReply } from "./proof_message.ts";
import type { ProofReport } from "./report.ts";

/** A proof came to no end: its thread broke down, or took too long. Nothing is known. */
export class ProofThreadError extends CodedError {
  override readonly name = "ProofThreadError";
  override readonly code = "unavailable";

  constructor(readonly detail: string, options?: ErrorOptions) {
    super(`Cannot prove the policy: ${detail}`, options);
  }
}

/** Too many proofs wait already. */
export class ProofQueueError extends CodedError {
  override readonly name = "ProofQueueError";
  override readonly code = "resource_exhausted";

  constructor() {
    super(`Cannot prove the policy: ${PROOF_QUEUE_MAX} others wait for their proof`, {
      hint: "Try again in a while",
    });
  }
}

/** A document that policies are proved against has errors, so no policy can be proved. */
export class ProofDocumentError extends CodedError {
  override readonly name = "ProofDocumentError";
  override readonly code = "failed_precondition";

  constructor(readonly document: string, readonly detail: string) {
    super(`Cannot prove the policy: ${document} cannot be used: ${detail}`, {
      hint: "Mend the document; until then no policy can be set",
    });
  }
}

/** What is used of a worker. */
export type ProofWorker = Pick<
  Worker,
  "postMessage" | "terminate" | "onmessage" | "onerror" | "onmessageerror"
>;

export interface ProofThreadsOptions {
  /** Starts a thread. */
  readonly start?: () => ProofWorker;
  /** Time after which an answer is given up, in milliseconds. */
  readonly threadMs?: number;
}

/** Runs proofs. Has nothing to close: a thread lasts as long as its proof. */
export class ProofThreads {
  readonly #start: () => ProofWorker;
  readonly #threadMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #open = 0;

  constructor({ start = startWorker, threadMs = PROOF_THREAD_MS_MAX }: ProofThreadsOptions = {}) {
    this.#start = start;
    this.#threadMs = threadMs;
  }

  /**
   * Proves when those before are done.
   *
   * @throws {ProofDocumentError}
   * @throws {ProofQueueError}
   * @throws {ProofThreadError}
   */
  async prove(job: ProofJob): Promise<ProofReport> {
    if (this.#open > PROOF_QUEUE_MAX) throw new ProofQueueError();
    this.#open++;
    const asked = performance.now();
    const report = this.#last.then(() => this.#run(job, asked + this.#threadMs));
    this.#last = report.catch(() => {});
    try {
      return await report;
    } finally {
      this.#open--;
    }
  }

  async #run(job: ProofJob, deadline: number): Promise<ProofReport> {
    const left = deadline - performance.now();
    if (left <= 0) throw this.#late();
    const worker = this.#start();
    const answered = Promise.withResolvers<ProofReply>();
    const fail = (detail: string) => answered.reject(new ProofThreadError(detail));
    worker.onmessage = ({ data }: MessageEvent<ProofReply>) => answered.resolve(data);
    worker.onmessageerror = () => fail("the answer of its thread cannot be read");
    worker.onerror = (event) => {
      event.preventDefault();
      fail(`its thread broke down: ${event.message}`);
    };
    const timer = setTimeout(() => answered.reject(this.#late()), left);
    try {
      worker.postMessage(job);
      const reply = await answered.promise;
      if (reply.kind === "report") return reply.report;
      if (reply.kind === "invalid") throw new ProofDocumentError(reply.document, reply.detail);
      throw new ProofThreadError(reply.detail);
    } finally {
      clearTimeout(timer);
      worker.terminate();
    }
  }

  #late(): ProofThreadError {
    return new ProofThreadError(`no answer within ${this.#threadMs / 1000} seconds`);
  }
}

function startWorker(): ProofWorker {
  return new Worker(new URL("./proof_worker.ts", import.meta.url), { type: "module" });
}
