/**
 * The commands that make a shell complete `openshell`.
 *
 * @module
 */

import type { Command } from "./command.ts";

/** `openshell completions`. */
export const COMPLETIONS: Command = {
  name: "completions",
  section: "Additional",
  summary: "Print the script that makes a shell complete openshell",
  arguments: [
    {
      name: "SHELL",
      summary: "Shell to complete in",
      choices: ["bash", "zsh", "fish", "powershell"],
    },
  ],
  examples: [
    {
      purpose: "Complete in this bash, and in every later one",
      line: "source <(openshell completions bash)\n" +
        "  openshell completions bash >~/.local/share/bash-completion/completions/openshell",
    },
    {
      purpose: "Complete in every later fish",
      line: "openshell completions fish >~/.config/fish/completions/openshell.fish",
    },
  ],
  load: async () => (await import("./completions_run.ts")).printScript,
};

/** `openshell complete`, which the scripts call. */
export const COMPLETE: Command = {
  name: "complete",
  hidden: true,
  summary: "Print what fits at the cursor, for a completion script",
  flags: [
    {
      kind: "text",
      name: "current",
      value: "WORD",
      summary: "Word at the cursor",
      required: true,
    },
  ],
  passthrough: { name: "WORD", summary: "Words before the cursor", optional: true, repeated: true },
  load: async () => (await import("./completions_run.ts")).printCandidates,
};
