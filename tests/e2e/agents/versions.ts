/**
 * Which agents, clients and Node.js the tests install, each in one exact version.
 *
 * @module
 */

/** Packages of npm. To try another version, change it here and nowhere else. */
export const VERSIONS = {
  "@anthropic-ai/claude-code": "2.1.331",
  "@mariozechner/pi-coding-agent": "0.73.1",
  "@modelcontextprotocol/sdk": "1.32.2",
  "@openai/codex": "0.169.0",
  "node": "24.21.0",
  "npm": "11.21.2",
  "opencode-ai": "1.18.33",
} as const;

export type PackageName = keyof typeof VERSIONS;
