/**
 * Questions at the evaluator's bounds, asked of its raw exports: the host side never sends what
 * lies beyond them, so generated questions do not get there.
 *
 * @module
 */

import {
  CONNECT_CELLS,
  DECISION_DENIED,
  DECISION_REASON,
  IMAGE_AT,
  INPUT_AT,
  INPUT_BYTES,
  REASON_ENGINE_ERROR,
  REQUEST_AT,
} from "../../policy-wasm/assembly/format.ts";
import { compilePolicy } from "../../policy-wasm/compile.ts";
import { endpointOf, policyOf, ruleOf } from "../../policy-wasm/fixtures.ts";

interface Exports {
  readonly memory: WebAssembly.Memory;
  accepts(): number;
  caller(length: number, ancestors: number): number;
  connect(ids: number, length: number, port: number): number;
  request(cells: number, flags: number): number;
}

const ENGINE_ERROR = DECISION_DENIED | REASON_ENGINE_ERROR;

/** Returns the name of a bound that does not hold, `null` when all do. A trap holds. */
export function findBrokenBound(wasm: Uint8Array<ArrayBuffer>): string | null {
  for (const [name, holds] of Object.entries(BOUNDS)) {
    try {
      if (!holds(load(wasm))) return `bound: ${name}`;
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    }
  }
  return null;
}

const BOUNDS: Readonly<Record<string, (core: Exports) => boolean>> = {
  "caller longer than the input": (core) => core.caller(INPUT_BYTES + 1, 0) === -1,
  "ancestor length word beyond the input": (core) => core.caller(INPUT_BYTES - 2, 1) === -1,
  "ancestor longer than what is left": (core) => {
    new DataView(core.memory.buffer).setUint32(INPUT_AT + 4, INPUT_BYTES, true);
    return core.caller(4, 1) === -1;
  },
  "ordinary caller": (core) => {
    new TextEncoder().encodeInto("/bin/a", new Uint8Array(core.memory.buffer, INPUT_AT));
    return core.caller(6, 0) === 1;
  },
  "host of no length": (core) => core.connect(0, 0, 443) === ENGINE_ERROR,
  "host longer than the input": (core) => core.connect(0, INPUT_BYTES + 1, 443) === ENGINE_ERROR,
  "request without cells": (core) => core.request(0, 1) === ENGINE_ERROR,
  "request with too many cells": (core) => core.request(4097, 1) === ENGINE_ERROR,
  "connection of nobody": (core) => {
    new TextEncoder().encodeInto("a.ex.com", new Uint8Array(core.memory.buffer, INPUT_AT));
    const word = core.connect(0, 8, 443);
    const cells = new DataView(core.memory.buffer).getUint32(REQUEST_AT + CONNECT_CELLS, true);
    return (word & DECISION_DENIED) !== 0 && (word & DECISION_REASON) !== 0 && cells === 0;
  },
  "image of another format": (core) => {
    const accepted = core.accepts() !== 0;
    new DataView(core.memory.buffer).setUint32(IMAGE_AT, 0, true);
    return accepted && core.accepts() === 0;
  },
};

function load(wasm: Uint8Array<ArrayBuffer>): Exports {
  const abort = () => {
    throw new WebAssembly.RuntimeError("The evaluator stopped");
  };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { abort } });
  const core = instance.exports as unknown as Exports;
  const policy = policyOf(ruleOf({
    endpoints: [endpointOf({ host: "a.ex.com" })],
    binaries: [{ path: "/bin/a", descendants: false }],
  }));
  const { bytes } = compilePolicy(policy);
  core.memory.grow(Math.ceil(bytes.length / (64 * 1024)));
  new Uint8Array(core.memory.buffer).set(bytes, IMAGE_AT);
  return core;
}
