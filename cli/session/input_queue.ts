/**
 * Inputs on their way to a program, from several places in the order they came.
 *
 * @module
 */

import type { ProcessInput } from "../../gateway/client/types.ts";
import { CLIENT_INPUT_BYTES_MAX } from "../../proto/limits.ts";

/** First in, first out, one reader. */
export class InputQueue implements AsyncIterable<ProcessInput> {
  readonly #inputs: ProcessInput[] = [];
  #bytes = 0;
  #hasEnded = false;
  #changed = Promise.withResolvers<void>();

  /** Adds an input; resolves when there is room for more. Drops it once the queue has ended. */
  async push(input: ProcessInput): Promise<void> {
    if (this.#hasEnded) return;
    this.#inputs.push(input);
    this.#bytes += weigh(input);
    this.#notify();
    while (this.#bytes > CLIENT_INPUT_BYTES_MAX && !this.#hasEnded) await this.#changed.promise;
  }

  /** Nothing more comes. */
  end(): void {
    this.#hasEnded = true;
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ProcessInput, void, void> {
    for (;;) {
      const input = this.#inputs.shift();
      if (input !== undefined) {
        this.#bytes -= weigh(input);
        this.#notify();
        yield input;
      } else if (this.#hasEnded) {
        return;
      } else {
        await this.#changed.promise;
      }
    }
  }

  #notify(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve();
  }
}

function weigh(input: ProcessInput): number {
  return input.kind === "stdin" ? input.bytes.length : 0;
}
