/**
 * The policy evaluator as WebAssembly: pure functions over one image and one input, no imports
 * but `abort`, no allocation, every loop bounded by the image or the input.
 *
 * @module
 */

import { HEADER_MAGIC, HEADER_VERSION, IMAGE_VERSION, MAGIC } from "./format";
import { header } from "./memory";

export { caller } from "./caller";
export { connect } from "./connect";
export { request } from "./request";

/** Tells whether the image in memory is one that this evaluator reads. */
export function accepts(): bool {
  return header(HEADER_MAGIC) == MAGIC && header(HEADER_VERSION) == IMAGE_VERSION;
}
