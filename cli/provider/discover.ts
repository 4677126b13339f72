/**
 * Finds credentials that this machine has for a type of provider.
 *
 * Only the variables of the type are looked at, and one file of one agent. Nothing found is shown.
 *
 * @module
 */

import type { Context } from "../context.ts";

type Texts = Readonly<Record<string, string>>;

/** What is known of a type: a credential is the first variable that is set. */
interface Discovery {
  readonly variables: readonly string[];
  /** Also those after the first. */
  readonly takesAll?: boolean;
  readonly config?: readonly string[];
}

export interface Discovered {
  readonly credentials: Texts;
  readonly config: Texts;
  /** Variables that were looked for. */
  readonly looked: readonly string[];
}

const DISCOVERIES: Readonly<Record<string, Discovery>> = {
  "claude-code": { variables: ["ANTHROPIC_API_KEY", "CLAUDE_API_KEY"] },
  codex: { variables: ["OPENAI_API_KEY"] },
  copilot: { variables: ["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"] },
  opencode: { variables: ["OPENCODE_API_KEY", "OPENROUTER_API_KEY", "OPENAI_API_KEY"] },
  openai: { variables: ["OPENAI_API_KEY"], config: ["OPENAI_BASE_URL"] },
  anthropic: { variables: ["ANTHROPIC_API_KEY"], config: ["ANTHROPIC_BASE_URL"] },
  nvidia: { variables: ["NVIDIA_API_KEY"], config: ["NVIDIA_BASE_URL"] },
  deepinfra: { variables: ["DEEPINFRA_API_KEY"], config: ["DEEPINFRA_BASE_URL"] },
  github: { variables: ["GITHUB_TOKEN", "GH_TOKEN"] },
  gitlab: { variables: ["GITLAB_TOKEN", "GLAB_TOKEN", "CI_JOB_TOKEN"] },
  "google-cloud": {
    variables: ["GCP_SA_ACCESS_TOKEN", "GCP_ADC_ACCESS_TOKEN"],
    config: ["project_id", "region", "service_account_email"],
  },
  "google-vertex-ai": {
    variables: [
      "GOOGLE_VERTEX_AI_SERVICE_ACCOUNT_TOKEN",
      "VERTEX_AI_SERVICE_ACCOUNT_TOKEN",
      "GOOGLE_VERTEX_AI_TOKEN",
      "VERTEX_AI_TOKEN",
    ],
    config: [
      "VERTEX_AI_PROJECT_ID",
      "VERTEX_AI_REGION",
      "GOOGLE_VERTEX_AI_BASE_URL",
      "VERTEX_AI_BASE_URL",
      "VERTEX_AI_PUBLISHER",
    ],
  },
  aws: {
    variables: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
    takesAll: true,
  },
  "aws-s3": {
    variables: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
    takesAll: true,
  },
  "aws-bedrock": { variables: [], config: ["BEDROCK_BASE_URL"] },
};

/** Bytes of an agent's own file that are read. */
const FILE_BYTES_MAX = 1024 * 1024;

/** Names of types, and of programs that stand for one. */
export const TYPES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.keys(DISCOVERIES).map((type) => [type, type])),
  claude: "claude-code",
  claude_code: "claude-code",
  gcp: "google-cloud",
  "gcp-vertex": "google-vertex-ai",
  gh: "github",
  glab: "gitlab",
  "google-vertex": "google-vertex-ai",
  vertex: "google-vertex-ai",
  "vertex-ai": "google-vertex-ai",
};

/** Looks for what a type needs. */
export async function discover(context: Context, word: string): Promise<Discovered> {
  const type = Object.hasOwn(TYPES, word) ? TYPES[word]! : word;
  const known = Object.hasOwn(DISCOVERIES, type) ? DISCOVERIES[type]! : { variables: [] };
  const found = known.variables.flatMap((name) => {
    const value = context.env(name) ?? "";
    return value === "" ? [] : [[name, value] as const];
  });
  const credentials = known.takesAll === true ? found : found.slice(0, 1);
  const file = type === "opencode" ? await readOpencode(context) : {};
  const config = (known.config ?? []).flatMap((name) => {
    const value = context.env(name) ?? "";
    return value === "" ? [] : [[name, value] as const];
  });
  return {
    credentials: { ...file, ...Object.fromEntries(credentials) },
    config: Object.fromEntries(config),
    looked: known.variables,
  };
}

/** Keys of providers that OpenCode has in its own file, each as a variable. */
async function readOpencode({ files, env }: Context): Promise<Texts> {
  const home = env("HOME") ?? "";
  const path = `${home}/.config/opencode/opencode.json`;
  if (home === "" || await files.kindOf(path) !== "file") return {};
  try {
    const bytes = await files.read(path, FILE_BYTES_MAX);
    if (bytes.length > FILE_BYTES_MAX) return {};
    const { provider } = JSON.parse(new TextDecoder().decode(bytes)) as {
      readonly provider?: Readonly<Record<string, { options?: { apiKey?: unknown } }>>;
    };
    return Object.fromEntries(
      Object.entries(provider ?? {}).flatMap(([name, { options }]) => {
        const key = options?.apiKey;
        const isValue = typeof key === "string" && key !== "" && !key.startsWith("{");
        const variable = `${name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}_API_KEY`;
        return isValue ? [[variable, key]] : [];
      }),
    );
  } catch {
    // A file that cannot be read holds nothing for us; its text is not to be shown.
    return {};
  }
}
