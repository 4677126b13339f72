/**
 * The agents under test: how a person starts each one without a terminal, under which example.
 *
 * @module
 */

import type { PackageName } from "../versions.ts";

export interface Agent {
  readonly name: string;
  readonly packageName: PackageName;
  /** File in `examples/`. */
  readonly policy: string;
  readonly command: readonly string[];
  /** No real key: the stand-ins for models take any. */
  readonly env: Readonly<Record<string, string>>;
  /** Host of the model. */
  readonly model: string;
  /** Executable that asks it, as the kernel reports it. */
  readonly binary: RegExp;
  /** Files that a person has in the project before the sandbox is made. */
  readonly files: Readonly<Record<string, string>>;
  /** Hosts that it asks for by itself, and that its policy refuses: it has to work without. */
  readonly refused: readonly string[];
}

const KEY = "sk-test-not-a-key";
const TASK = "Greet the world.";
const MODULES = "/usr/local/lib/node_modules";

export const AGENTS: readonly Agent[] = [
  {
    name: "claude",
    packageName: "@anthropic-ai/claude-code",
    policy: "claude-code.yaml",
    command: ["claude", "-p", "--dangerously-skip-permissions", TASK],
    env: { ANTHROPIC_API_KEY: KEY },
    model: "api.anthropic.com",
    binary: new RegExp(`^${MODULES}/@anthropic-ai/claude-code/bin/claude.exe$`),
    files: {},
    // Telemetry and settings are at the model's host: refused by their path.
    refused: ["api.anthropic.com"],
  },
  {
    name: "codex",
    packageName: "@openai/codex",
    policy: "codex.yaml",
    command: ["codex", "exec", "--dangerously-bypass-approvals-and-sandbox", TASK],
    env: { CODEX_API_KEY: KEY },
    model: "api.openai.com",
    binary: new RegExp(`^${MODULES}/@openai/codex/.*/bin/codex$`),
    files: {},
    refused: ["api.github.com", "api.openai.com"],
  },
  {
    name: "opencode",
    packageName: "opencode-ai",
    policy: "opencode.yaml",
    command: ["opencode", "run", "--model", "opencode/test-model", TASK],
    env: { OPENCODE_API_KEY: KEY },
    model: "opencode.ai",
    binary: new RegExp(`^${MODULES}/opencode-ai/bin/opencode.exe$`),
    // Both have to be there before the sandbox is: see `examples/README.md`.
    files: {
      "opencode.json": '{ "share": "disabled", "autoupdate": false, "permission": "allow" }\n',
      "opencode.jsonc": "{}\n",
      ".opencode/.gitignore": "*\n",
    },
    // It tries to install a plug-in from the registry of npm.
    refused: [],
  },
  {
    name: "pi",
    packageName: "@mariozechner/pi-coding-agent",
    policy: "pi.yaml",
    command: ["pi", "--provider", "anthropic", "-p", TASK],
    env: { ANTHROPIC_API_KEY: KEY },
    model: "api.anthropic.com",
    binary: /^\/usr\/local\/bin\/node$/,
    files: {},
    refused: [],
  },
];
