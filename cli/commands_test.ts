import assert from "node:assert/strict";
import type { Command } from "./command.ts";
import { PROGRAM } from "./commands.ts";
import { flagsOf, parseArgs } from "./parse_args.ts";

function all(command: Command): readonly Command[] {
  return [command, ...(command.commands ?? []).flatMap(all)];
}

function assertUnique(names: readonly (string | undefined)[], where: string): void {
  const present = names.filter((name) => name !== undefined);
  assert.equal(new Set(present).size, present.length, `${where}: ${present.join(" ")}`);
}

Deno.test("PROGRAM has unique names and either verbs or code", () => {
  for (const command of all(PROGRAM)) {
    const children = command.commands ?? [];
    assert.notEqual(command.commands === undefined, command.load === undefined, command.name);
    assertUnique(children.flatMap(({ name, aliases }) => [name, ...aliases ?? []]), command.name);
    assertUnique(flagsOf(command).map(({ name }) => name), command.name);
    assertUnique(flagsOf(command).map(({ short }) => short), command.name);
    assertUnique((command.arguments ?? []).map(({ name }) => name), command.name);
  }
});

Deno.test("PROGRAM has only a last argument that is repeated or optional", () => {
  for (const command of all(PROGRAM)) {
    for (const argument of (command.arguments ?? []).slice(0, -1)) {
      assert.ok(argument.repeated !== true && argument.optional !== true, command.name);
    }
  }
});

Deno.test("PROGRAM has summaries without a full stop", () => {
  for (const command of all(PROGRAM)) {
    const flags = command.flags ?? [];
    for (const { summary } of [command, ...flags, ...command.arguments ?? []]) {
      assert.match(summary, /^[A-Z].*[^.]$/);
    }
  }
});

Deno.test("PROGRAM has examples that parse", () => {
  for (const { line } of all(PROGRAM).flatMap((command) => command.examples ?? [])) {
    const words = line.replaceAll("\\\n", " ").split("\n")[0]!.replace(/^source <\(|[>|)].*/g, "")
      .split(/[\s)]+/).filter((word) => word !== "");
    assert.equal(words[0], "openshell", line);
    assert.equal(parseArgs(PROGRAM, words.slice(1)).kind, "run", line);
  }
});

Deno.test("PROGRAM has verbs whose code loads", async () => {
  for (const command of all(PROGRAM)) {
    if (command.load !== undefined) assert.equal(typeof await command.load(), "function");
  }
});
