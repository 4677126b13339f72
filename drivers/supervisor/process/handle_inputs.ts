/**
 * Passes what a person sends on to a process.
 *
 * @module
 */

import type { JailProcess } from "../launch/jail.ts";
import type { ProcessInput } from "./process_channel.ts";

/**
 * Handles inputs until they end. Input for a process that has ended is dropped; so is everything
 * while `isOwner` says no.
 */
export async function handleInputs(
  inputs: AsyncIterable<ProcessInput>,
  process: JailProcess,
  isOwner: () => boolean,
): Promise<void> {
  for await (const input of inputs) {
    if (!isOwner()) continue;
    try {
      await handle(input, process);
    } catch {
      // The process has ended or closed its input. Its exit code says so to the person.
    }
  }
}

function handle(input: ProcessInput, process: JailProcess): Promise<void> {
  switch (input.kind) {
    case "stdin":
      return process.write(input.bytes);
    case "end_input":
      return process.endInput();
    case "resize":
      return process.resize(input.size);
    case "signal":
      return process.signal(`SIG${input.name}`);
  }
}
