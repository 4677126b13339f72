/**
 * Names of sandboxes: what a name may be, and one of two words where none is given.
 *
 * @module
 */

import { SANDBOX_NAME_BYTES_MAX } from "../../proto/limits.ts";

/** Says what is wrong with a name, `null` where it can be used. */
export function findNameFault(name: string): string | null {
  if (name.length > SANDBOX_NAME_BYTES_MAX) {
    return `it has more than ${SANDBOX_NAME_BYTES_MAX} characters`;
  }
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) {
    return "it is not made of a to z, 0 to 9 and inner hyphens";
  }
  // Two hyphens separate workspace, sandbox and service in host names.
  return name.includes("--") ? 'it has "--" in it' : null;
}

/** Returns two words, joined; `random` gives numbers from 0 to below 1. */
export function twoWordName(random: () => number): string {
  return `${pick(QUALITIES, random)}-${pick(THINGS, random)}`;
}

function pick(words: readonly string[], random: () => number): string {
  return words[Math.floor(random() * words.length)] ?? words[0]!;
}

const QUALITIES = (
  "able agile amber apt azure bold brave brief bright brisk calm candid clear clever coral cosmic " +
  "crisp curious daring deft eager early easy fair fleet fresh gentle glad golden grand green happy " +
  "honest humble jolly keen kind light lively loyal lucky mellow merry mighty modest neat nimble " +
  "noble patient plucky polite proud quick quiet rapid ready robust rosy serene sharp shiny silent " +
  "silver smart smooth snowy solid steady stout sunny sure swift tidy tiny tranquil trusty upbeat " +
  "vivid warm wise witty young zesty"
).split(" ");

const THINGS = (
  "acorn anchor apple aspen badger bay beacon beaver birch bison brook canyon cedar cliff cloud " +
  "clover comet coral crane creek dawn delta dolphin dune eagle ember falcon fern finch fjord " +
  "forest fox garden glacier glade grove harbor hawk hazel heron hill iris island ivy jay juniper " +
  "kestrel lagoon lake lantern larch lark laurel leaf lotus lynx maple marsh meadow mesa moon moss " +
  "oak oasis ocean orchid osprey otter owl panda peak pebble pine planet plum pond poplar prairie " +
  "quail rabbit rain raven reef ridge river robin sage salmon sky sparrow spruce star stone stream " +
  "summit swan thistle tiger tulip valley walnut willow wren"
).split(" ");
