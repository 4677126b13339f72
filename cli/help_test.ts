import assert from "node:assert/strict";
import type { Command } from "./command.ts";
import { PROGRAM } from "./commands.ts";
import { help } from "./help.ts";
import { SAMPLE } from "./sample_program.ts";
import { COLOURED, PLAIN } from "./style.ts";

function all(command: Command, path: readonly string[]): readonly (readonly [Command, string[]])[] {
  const here = [...path, command.name];
  return [[command, here], ...(command.commands ?? []).flatMap((child) => all(child, here))];
}

Deno.test("help() of the program and each of its commands", async (t) => {
  for (const [command, path] of all(PROGRAM, [])) {
    if (command.hidden !== true) await t.assertSnapshot(help(command, path, PLAIN));
  }
});

Deno.test("help() shows every kind of flag and argument, and colours", async (t) => {
  const create = SAMPLE.commands![0]!.commands![0]!;
  await t.assertSnapshot(help(create, ["sample", "box", "create"], PLAIN));
  await t.assertSnapshot(help(SAMPLE, ["sample"], COLOURED));
});

Deno.test("help() leaves out what is hidden", () => {
  const box = SAMPLE.commands![0]!;
  assert.doesNotMatch(help(box, ["sample", "box"], PLAIN), /secret/);
  assert.doesNotMatch(help(box.commands![0]!, ["sample", "box", "create"], PLAIN), /tags/);
});

Deno.test("help() keeps within 80 columns, but for usage and examples", () => {
  for (const [command, path] of all(PROGRAM, [])) {
    const text = help(command, path, PLAIN).split("\nExamples\n")[0]!;
    for (const line of text.split("\n")) {
      assert.ok(line.length <= 80 || line.startsWith("Usage: "), line);
    }
  }
});
