/**
 * What stays read-only in a folder of a person's, although the agent may write the folder; and what
 * a download replaces only where the person says so.
 *
 * The rule: whatever another program of the person runs or trusts without being asked to run the
 * project's own code, as by `git status`, by opening the folder in an editor, by starting a shell.
 *
 * Not here, because they are the work itself, run when somebody asks for it, and seen in a review:
 * `Makefile`, `package.json` and other build files, CI workflows, and instructions for agents in
 * prose, as `AGENTS.md`.
 *
 * @module
 */

export interface ProtectedPath {
  /** Relative to what `ProtectedIn` names. */
  readonly path: string;
  /** What would run or trust it, for a person to read. */
  readonly reason: string;
}

/** At the top of every writable bind, also when they do not exist yet. */
export const PROTECTED_IN_FOLDERS: readonly ProtectedPath[] = [
  { path: ".gitmodules", reason: "git fetches submodules from where it says" },
  { path: ".envrc", reason: "direnv runs it in the shell that enters the folder" },
  { path: ".vscode", reason: "editors take tasks and paths of programs from it" },
  { path: ".idea", reason: "editors take run configurations from it" },
  { path: ".zed", reason: "the editor takes tasks and paths of programs from it" },
  { path: ".devcontainer", reason: "editors run its commands on the host" },
  { path: ".claude", reason: "an agent takes hooks and permissions from it" },
  { path: ".codex", reason: "an agent takes its configuration from it" },
  { path: ".cursor", reason: "an agent takes servers and hooks from it" },
  { path: ".gemini", reason: "an agent takes servers and hooks from it" },
  { path: ".opencode", reason: "an agent takes plugins from it" },
  { path: ".pi", reason: "an agent loads extensions from it" },
  { path: "opencode.json", reason: "an agent starts the servers that it names" },
  { path: "opencode.jsonc", reason: "an agent starts the servers that it names" },
  { path: ".mcp.json", reason: "agents start the servers that it names" },
  { path: ".githooks", reason: "git hooks run what is in it, where git was told so" },
  { path: ".husky", reason: "git hooks run what is in it" },
  ...[
    ".lefthook.yaml",
    ".lefthook.yml",
    "lefthook-local.yaml",
    "lefthook-local.yml",
    "lefthook.yaml",
    "lefthook.yml",
  ].map((path) => ({ path, reason: "git hooks run what it says" })),
  { path: ".pre-commit-config.yaml", reason: "git hooks run what it says" },
];

/**
 * Git takes a folder for a repository that has all of these, when the one in `.git` is none, as
 * after the end of its `HEAD`. The first that is missing is held, so that never all are there.
 */
export const SIGNS_OF_REPOSITORY = ["refs", "objects", "HEAD"] as const;

/**
 * Beside a `.git`. What is held above is there as an empty folder while the sandbox lives, and git
 * takes that for one. An empty folder of this name is something that it refuses to go on with.
 */
export const STOP_FOR_GIT = "commondir";

/** In a home folder; in others only what is there already. */
export const PROTECTED_IN_HOMES: readonly ProtectedPath[] = [
  ...[
    ".bash_aliases",
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".config/fish",
    ".profile",
    ".zlogin",
    ".zprofile",
    ".zshenv",
    ".zshrc",
  ].map((path) => ({ path, reason: "a shell runs it" })),
  ...[".config/autostart", ".config/systemd", ".local/bin", "bin"].map((path) => ({
    path,
    reason: "programs of the person start from it",
  })),
  { path: ".config/git", reason: "git takes programs to run from it" },
  { path: ".gitconfig", reason: "git takes programs to run from it" },
  { path: ".gnupg", reason: "it holds keys" },
  { path: ".netrc", reason: "it says who gets passwords" },
  { path: ".npmrc", reason: "npm takes scripts and registries from it" },
  { path: ".pypirc", reason: "it says who gets passwords" },
  { path: ".ssh", reason: "it holds keys, and programs to run" },
];

/** In the folder `.git` of a repository. */
export const PROTECTED_IN_REPOSITORIES: readonly ProtectedPath[] = [
  { path: "commondir", reason: "git reads its configuration from where it says" },
  { path: "config", reason: "git takes programs to run from it" },
  { path: "config.worktree", reason: "git takes programs to run from it" },
  { path: "hooks", reason: "git runs what is in it" },
  { path: "info/attributes", reason: "it decides which filters git runs" },
];

/** There too, but only where they exist: each holds configuration of further repositories. */
export const PROTECTED_IF_THERE: readonly ProtectedPath[] = [
  { path: "modules", reason: "git takes programs to run from it, and hooks" },
  { path: "worktrees", reason: "git reads its configuration from where it says" },
];

/** One of these makes a folder a home. */
export const HOME_SIGNS: readonly string[] = [
  ".bash_history",
  ".bashrc",
  ".profile",
  ".ssh",
  ".zshrc",
];

/**
 * What a missing `commondir` is replaced with: the repository itself. It has to be a file that
 * makes sense, because git fails on an empty one.
 */
export const COMMONDIR_TEXT = ".\n";
