/**
 * Help texts, written from the command data.
 *
 * @module
 */

import type { Argument, Command, Example, Flag } from "./command.ts";
import { GLOBAL_FLAGS, REMOTE_FLAGS } from "./flags.ts";
import { flagsOf } from "./parse_args.ts";
import { hasValue } from "./split_flags.ts";
import type { Style } from "./style.ts";

/** Width that paragraphs and summaries are wrapped to, in characters. */
const WIDTH = 80;

/** Names longer than this stand on a line of their own, in characters. */
const NAME_WIDTH_MAX = 28;

/** Heading for commands that name no section. */
const DEFAULT_SECTION = "Commands";

/** Returns the help of a group or verb, with a final line feed. `path` starts with the program. */
export function help(command: Command, path: readonly string[], style: Style): string {
  const sections = [
    command.summary,
    ...(command.description ?? []).map((paragraph) => wrap(paragraph, WIDTH).join("\n")),
    `${style.bold("Usage:")} ${usage(command, path)}`,
    ...commandSections(command, style),
    section("Arguments", argumentRows(command), style),
    section("Flags", flagRows(ownFlags(command)), style),
    section("Gateway flags", flagRows(gatewayFlags(command)), style),
    section("Global flags", flagRows(globalFlags(command)), style),
    examples(command.examples ?? [], style),
    aliases(command, style),
    command.commands === undefined
      ? ""
      : `Run "${path.join(" ")} <command> --help" to learn more about a command.`,
  ];
  return sections.filter((text) => text !== "").join("\n\n") + "\n";
}

/** Returns the one line that shows how a command is written. */
export function usage(command: Command, path: readonly string[]): string {
  const name = path.join(" ");
  if (command.commands !== undefined) return `${name} [flags] <command>`;
  const own = ownFlags(command).filter(hasValue);
  const required = own.filter((flag) => flag.required === true);
  return [
    name,
    ...required.map((flag) => `--${flag.name} ${flag.value}`),
    "[flags]",
    ...(command.arguments ?? []).map(argumentUsage),
    ...(command.passthrough === undefined ? [] : [passthroughUsage(command.passthrough)]),
  ].join(" ");
}

/** Commands of a group that lists show, by heading, in the order of the data. */
export function visibleCommands(group: Command): ReadonlyMap<string, readonly Command[]> {
  const visible = (group.commands ?? []).filter((command) => command.hidden !== true);
  return Map.groupBy(visible, (command) => command.section ?? DEFAULT_SECTION);
}

type Row = readonly [name: string, summary: string];

function ownFlags(command: Command): readonly Flag[] {
  return (command.flags ?? []).filter((flag) =>
    flag.hidden !== true && !REMOTE_FLAGS.includes(flag)
  );
}

function gatewayFlags(command: Command): readonly Flag[] {
  return (command.flags ?? []).filter((flag) => REMOTE_FLAGS.includes(flag));
}

function globalFlags(command: Command): readonly Flag[] {
  const accepted = flagsOf(command);
  return GLOBAL_FLAGS.filter((flag) => accepted.includes(flag));
}

function commandSections(command: Command, style: Style): readonly string[] {
  return [...visibleCommands(command)].map(([heading, commands]) =>
    section(heading, commands.map((child): Row => [child.name, child.summary]), style)
  );
}

function argumentRows(command: Command): readonly Row[] {
  const all = [...command.arguments ?? []];
  if (command.passthrough !== undefined) all.push(command.passthrough);
  return all.map((argument): Row => [
    argument.repeated === true ? `${argument.name}...` : argument.name,
    argument.summary + notes([choicesNote(argument.choices)]),
  ]);
}

function flagRows(flags: readonly Flag[]): readonly Row[] {
  return flags.map((flag): Row => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    const value = hasValue(flag) ? ` ${flag.value}` : "";
    return [`${short}--${flag.name}${value}`, flag.summary + flagNotes(flag)];
  });
}

function flagNotes(flag: Flag): string {
  if (!hasValue(flag)) return "";
  const text = flag.kind === "text" ? flag : undefined;
  return notes([
    choicesNote(text?.choices),
    text?.repeated === true ? "may be repeated" : "",
    flag.required === true ? "required" : "",
    flag.default === undefined ? "" : `default ${flag.default}`,
  ]);
}

function choicesNote(choices: readonly string[] | undefined): string {
  return choices === undefined ? "" : choices.join(", ");
}

function notes(parts: readonly string[]): string {
  const present = parts.filter((part) => part !== "");
  return present.length === 0 ? "" : ` [${present.join("; ")}]`;
}

function argumentUsage(argument: Argument): string {
  const name = argument.repeated === true ? `${argument.name}...` : argument.name;
  return argument.optional === true ? `[${name}]` : name;
}

function passthroughUsage(argument: Argument): string {
  const words = `-- ${argumentUsage({ ...argument, optional: false })}`;
  return argument.optional === true ? `[${words}]` : words;
}

function section(heading: string, rows: readonly Row[], style: Style): string {
  if (rows.length === 0) return "";
  const width = Math.max(
    0,
    ...rows.map(([name]) => name.length).filter((length) => length <= NAME_WIDTH_MAX),
  );
  const lines = rows.flatMap(([name, summary]) => {
    const [first = "", ...more] = wrap(summary, WIDTH - width - 4);
    const indented = more.map((line) => " ".repeat(width + 4) + line);
    const padding = " ".repeat(Math.max(0, width - name.length));
    const shown = `  ${style.cyan(name)}`;
    return name.length <= width
      ? [`${shown}${padding}  ${first}`, ...indented]
      : [shown, " ".repeat(width + 4) + first, ...indented];
  });
  return [style.bold(heading), ...lines].join("\n");
}

function examples(all: readonly Example[], style: Style): string {
  if (all.length === 0) return "";
  const blocks = all.map(({ purpose, line }) => `  ${style.dim(`# ${purpose}`)}\n  ${line}`);
  return [style.bold("Examples"), blocks.join("\n\n")].join("\n");
}

function aliases(command: Command, style: Style): string {
  if (command.aliases === undefined) return "";
  return `${style.bold("Also written:")} ${command.aliases.join(", ")}`;
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
