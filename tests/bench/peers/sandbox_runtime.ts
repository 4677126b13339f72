/**
 * The sandbox runtime of npm, at the one version that `sandbox_runtime/` pins, and its settings.
 *
 * @module
 */

import { mustRun } from "../../e2e/support/commands.ts";
import { hasTool } from "../../e2e/support/requirements.ts";

const PINNED = new URL("./sandbox_runtime/", import.meta.url);
const PACKAGE = "node_modules/@anthropic-ai/sandbox-runtime";

/** What it calls, and what brings it. */
const TOOLS = { node: "nodejs", npm: "nodejs", bwrap: "bubblewrap", socat: "socat", rg: "ripgrep" };

/** What a sandbox of it may do. */
interface RuntimeSettings {
  readonly writable: readonly string[];
  /** What may not be read; all else may. */
  readonly hidden?: readonly string[];
  /** Parts of what is hidden that may be read all the same. */
  readonly readable?: readonly string[];
  readonly hosts: readonly string[];
  /** Certificates to check servers with where it is to read the requests; `null` leaves them unread. */
  readonly inspectWith: string | null;
}

/** Returns why it cannot run here, `null` where it can. */
export function whyNoRuntime(): string | null {
  const missing = Object.entries(TOOLS).filter(([tool]) => !hasTool(tool));
  if (missing.length === 0) return null;
  const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
  return `${missing.map(([tool]) => tool).join(", ")} missing: apt-get install ${packages}`;
}

/** Installs it into a folder, exactly as locked, without scripts, and returns its program. */
export async function installRuntime(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) {
    await Deno.copyFile(new URL(name, PINNED), `${folder}/${name}`);
  }
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
  await mustRun(["npm", "ci", ...flags], { cwd: folder, timeoutMs: 180_000 });
  return `${folder}/${PACKAGE}/dist/cli.js`;
}

/** Version that is measured. */
export async function runtimeVersion(): Promise<string> {
  const text = await Deno.readTextFile(new URL("package.json", PINNED));
  return JSON.parse(text).dependencies["@anthropic-ai/sandbox-runtime"];
}

export async function writeSettings(file: string, settings: RuntimeSettings): Promise<string> {
  const { writable, hidden = [], readable = [], hosts, inspectWith } = settings;
  const tls = inspectWith === null ? {} : { tlsTerminate: { extraCaCertPaths: [inspectWith] } };
  const network = { allowedDomains: [...hosts], deniedDomains: [], ...tls };
  const filesystem = {
    denyRead: [...hidden],
    allowRead: [...readable],
    allowWrite: [...writable],
    denyWrite: [],
  };
  await Deno.writeTextFile(file, JSON.stringify({ network, filesystem }));
  return file;
}
