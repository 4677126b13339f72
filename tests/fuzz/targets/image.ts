/**
 * Policy images: one changed byte is found. An image whose digest was made anew by whoever changed
 * it is refused, or decides: it never throws, hangs, or decides otherwise the second time.
 *
 * What such an image allows is not bounded: who can make a digest can make an image. Images never
 * come from a sandbox.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HEADER_DIGEST, HEADER_LENGTH } from "../../../policy-wasm/assembly/format.ts";
import { compilePolicy, digestOf } from "../../../policy-wasm/compile.ts";
import { Evaluator } from "../../../policy-wasm/evaluator.ts";
import { ImageError } from "../../../policy-wasm/load_image.ts";
import { REASONS } from "../../../proto/reason.ts";
import { ask } from "../../differential/compare.ts";
import { anyPolicy, anyQuestion, Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { chanceOf, type Target } from "../target.ts";

export const IMAGE: Target = {
  name: "image",
  holds: "a changed image is refused, or decides without throwing and the same each time",
  iterations: 400,
  generate: (chance) => {
    const [image, other] = [anyImage(chance), anyImage(chance)];
    const keepsLength = chance.once(2);
    const changed = mutate(image, chance, { other, changesMax: 6, keepsLength });
    return chance.once(6) ? changed : withDigest(changed);
  },
  check,
};

const QUESTIONS = 12;

function anyImage(chance: Chance): Uint8Array {
  // Few policies, so that they need not be compiled each time anew.
  return IMAGES[chance.below(IMAGES.length)]!;
}

const IMAGES: readonly Uint8Array[] = Array.from(
  { length: 40 },
  (_, seed) => compilePolicy(anyPolicy(new Chance(seed))).bytes,
);

function withDigest(image: Uint8Array): Uint8Array {
  if (image.length < HEADER_DIGEST * 4 + 32) return image;
  const bytes = image.slice();
  new DataView(bytes.buffer).setUint32(HEADER_LENGTH * 4, bytes.length, true);
  bytes.set(digestOf(bytes), HEADER_DIGEST * 4);
  return bytes;
}

function check(input: Uint8Array): void {
  let evaluator: Evaluator;
  try {
    evaluator = new Evaluator(Uint8Array.from(input));
  } catch (error) {
    if (error instanceof ImageError) return;
    throw error;
  }
  const isOurs = IMAGES.some((image) => image.length === input.length && isSame(image, input));
  const isDigested = isSame(withDigest(input), input);
  assert.ok(isOurs || isDigested, "a changed image is taken");
  const chance = chanceOf(input);
  const questions = chance.some(QUESTIONS, QUESTIONS, () => anyQuestion(chance));
  const first = questions.map((question) => ask(evaluator, question));
  for (const { verdict, reason, audited } of first) {
    assert.ok(verdict === "allow" || verdict === "deny");
    assert.ok(REASONS.includes(reason));
    assert.ok(reason === "allowed" ? verdict === "allow" : verdict === "deny" || audited, reason);
  }
  const again = questions.map((question) => ask(evaluator, question));
  assert.deepEqual(again, first, "it decides otherwise the second time");
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
