/**
 * A small program that has one of everything, for tests of parser, help and completion.
 *
 * @module
 */

import type { Command, Invocation } from "./command.ts";
import { OUTPUT_FLAG } from "./flags.ts";

/** Prints what it was given, so that a test can see it. */
function echo(invocation: Invocation): number {
  const seen = {
    path: invocation.path,
    dry: invocation.switch("dry-run"),
    label: invocation.texts("label"),
    tags: invocation.texts("tags"),
    kind: invocation.requiredText("kind"),
    note: invocation.text("note"),
    size: invocation.requiredInteger("size"),
    limit: invocation.integer("limit"),
    name: invocation.argument("NAME"),
    more: invocation.arguments("MORE"),
    passthrough: invocation.passthrough,
    verbosity: invocation.verbosity,
  };
  invocation.context.stdout.write(JSON.stringify(seen));
  return 0;
}

const CREATE: Command = {
  name: "create",
  summary: "Create a box",
  description: ["A box holds things. It is made at once, and it is gone when you remove it again."],
  arguments: [
    { name: "NAME", summary: "Name of the box" },
    { name: "MORE", summary: "Files to put in", optional: true, repeated: true, complete: "files" },
  ],
  passthrough: { name: "COMMAND", summary: "Command to run in it", optional: true, repeated: true },
  flags: [
    { kind: "switch", name: "dry-run", short: "n", summary: "Only say what would be done" },
    {
      kind: "text",
      name: "label",
      short: "l",
      value: "LABEL",
      summary: "Label to stick on",
      repeated: true,
    },
    {
      kind: "text",
      name: "tags",
      value: "TAGS",
      summary: "Labels with commas between",
      repeated: true,
      separator: ",",
      hidden: true,
    },
    {
      kind: "text",
      name: "kind",
      value: "KIND",
      summary: "Kind of box",
      choices: ["paper", "steel"],
      default: "paper",
    },
    { kind: "text", name: "note", value: "TEXT", summary: "Note that goes with it" },
    {
      kind: "integer",
      name: "size",
      short: "s",
      value: "LITRES",
      summary: "Size",
      required: true,
      min: 1,
      max: 100,
    },
    { kind: "integer", name: "limit", value: "COUNT", summary: "Things in it", min: 0, max: 9 },
  ],
  examples: [{ purpose: "A small box", line: "sample box create --size 1 small" }],
  load: () => Promise.resolve(echo),
};

const COMPILE: Command = {
  name: "compile",
  summary: "Take over the short name of a flag",
  flags: [{ kind: "text", name: "output", short: "o", value: "IMAGE", summary: "File to write" }],
  load: () => Promise.resolve(() => 0),
};

const LIST: Command = {
  name: "list",
  summary: "List boxes",
  flags: [OUTPUT_FLAG],
  load: () => Promise.resolve(() => 0),
};

const SECRET: Command = {
  name: "secret",
  summary: "Work unseen",
  hidden: true,
  load: () => Promise.resolve(() => 0),
};

/** `sample`. */
export const SAMPLE: Command = {
  name: "sample",
  summary: "Keep things in boxes",
  commands: [
    {
      name: "box",
      aliases: ["bx"],
      section: "Boxes",
      summary: "Make and list boxes",
      commands: [CREATE, LIST, COMPILE, SECRET],
    },
    {
      name: "pick",
      section: "Additional",
      summary: "Pick a colour",
      arguments: [{ name: "COLOUR", summary: "Colour", choices: ["red", "green"] }],
      load: () => Promise.resolve(() => 0),
    },
  ],
};
