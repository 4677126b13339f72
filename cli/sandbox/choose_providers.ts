/**
 * Which providers a new sandbox has: those that were named, and those that its program is known to
 * need.
 *
 * A provider that is missing can be made of what this machine has, where the person wants that.
 *
 * @module
 */

import { GatewayError } from "../../gateway/client/gateway_error.ts";
import type { ProviderView } from "../../gateway/client/provider_types.ts";
import type { Gateway } from "../../gateway/client/types.ts";
import type { Invocation } from "../command.ts";
import { printableLine } from "../printable.ts";
import { discover, type Discovered, TYPES } from "../provider/discover.ts";
import { UsageError } from "../usage_error.ts";
import type { CreatePlan } from "./create_plan.ts";

/** Names that are tried for a provider that is made for a program. */
const NAME_SUFFIXES = ["", "-1", "-2", "-3", "-4"];

/** Providers that are looked through. */
const PROVIDERS_LOOKED_MAX = 1_000;

/** Programs that are known to need a type. `gh` and the like are types by another name. */
const PROGRAM_TYPES: ReadonlySet<string> = new Set([
  "claude",
  "codex",
  "copilot",
  "gh",
  "glab",
  "opencode",
]);

type Plan = Pick<CreatePlan, "workspace" | "providers" | "command">;

/** Returns the names, and makes what is missing where that is wanted. @throws {UsageError} */
export async function chooseProviders(
  invocation: Invocation,
  gateway: Gateway,
  plan: Plan,
): Promise<readonly string[]> {
  const program = (plan.command[0] ?? "").split("/").at(-1) ?? "";
  const implied = PROGRAM_TYPES.has(program) ? TYPES[program]! : null;
  const isOff = invocation.switch("no-auto-providers");
  if (plan.providers.length === 0 && (implied === null || isOff)) return [];
  const existing = await gateway.listProviders({
    workspace: plan.workspace,
    allWorkspaces: false,
    limit: PROVIDERS_LOOKED_MAX,
    offset: 0,
  });
  const names: string[] = [];
  for (const word of plan.providers) {
    const name = await nameFor(invocation, gateway, { word, plan, existing });
    if (name !== null) names.push(name);
  }
  if (implied === null || isOff) return names;
  const isThere = existing.some(({ name, type }) => names.includes(name) && type === implied);
  if (isThere) return names;
  const found = existing.find(({ type }) => type === implied);
  if (found !== undefined) return [...names, found.name];
  const made = await offer(invocation, gateway, { type: implied, plan, existing });
  return made === null ? names : [...names, made];
}

/** A word is a provider's name, or a type for which one of that name can be made. */
async function nameFor(
  invocation: Invocation,
  gateway: Gateway,
  { word, plan, existing }: {
    readonly word: string;
    readonly plan: Plan;
    readonly existing: readonly ProviderView[];
  },
): Promise<string | null> {
  if (existing.some(({ name }) => name === word)) return word;
  if (!Object.hasOwn(TYPES, word)) {
    throw new UsageError(`Cannot use provider "${printableLine(word)}": there is none`, {
      hint: 'See "openshell provider list", or make one with "openshell provider create"',
    });
  }
  const type = TYPES[word]!;
  if (invocation.switch("no-auto-providers")) {
    throw new UsageError(`Cannot use provider "${printableLine(word)}": there is none`, {
      hint: `Run: openshell provider create --name ${word} --type ${type} --from-existing`,
    });
  }
  return await offer(invocation, gateway, { type, name: word, plan, existing });
}

/** Makes a provider of what this machine has. Returns `null` where there is nothing, or a no. */
async function offer(
  invocation: Invocation,
  gateway: Gateway,
  { type, name, plan, existing }: {
    readonly type: string;
    readonly name?: string;
    readonly plan: Plan;
    readonly existing: readonly ProviderView[];
  },
): Promise<string | null> {
  const { stderr } = invocation.context;
  const found = await discover(invocation.context, type);
  const keys = Object.keys(found.credentials);
  if (keys.length === 0) {
    const looked = found.looked.length === 0 ? "" : ` (looked for ${found.looked.join(", ")})`;
    stderr.write(`! Found no credentials for ${type}${looked}: the sandbox goes without\n`);
    return null;
  }
  if (!await isWanted(invocation, type, keys)) return null;
  const taken = new Set(existing.map((provider) => provider.name));
  const candidates = name === undefined ? NAME_SUFFIXES.map((suffix) => type + suffix) : [name];
  for (const candidate of candidates) {
    if (taken.has(candidate)) continue;
    const made = await make(gateway, { name: candidate, type, found, plan });
    if (!made) continue;
    stderr.write(`✓ Created provider ${candidate} with ${keys.join(", ")}\n`);
    return candidate;
  }
  throw new UsageError(`Cannot create a provider for ${type}: its names are taken`, {
    hint: "Name one with --provider",
  });
}

async function make(
  gateway: Gateway,
  { name, type, found, plan: { workspace } }: {
    readonly name: string;
    readonly type: string;
    readonly found: Discovered;
    readonly plan: Plan;
  },
): Promise<boolean> {
  const { credentials, config } = found;
  const input = { name, workspace, type, credentials, config };
  try {
    await gateway.createProvider({ ...input, expiresAtMs: {}, usesGlobalProfile: false });
    return true;
  } catch (error) {
    if (error instanceof GatewayError && error.code === "already_exists") return false;
    throw error;
  }
}

/** Nothing of a person's machine is taken without their word. */
async function isWanted(
  invocation: Invocation,
  type: string,
  keys: readonly string[],
): Promise<boolean> {
  if (invocation.switch("auto-providers")) return true;
  const { stdin, stderr } = invocation.context;
  const what = `${keys.join(", ")} of this machine`;
  if (!stdin.isTerminal) {
    stderr.write(`! Found ${what} for ${type}: write --auto-providers to use it\n`);
    return false;
  }
  stderr.write(`Let the sandbox use ${what}, without seeing it (provider ${type})? [Y/n] `);
  for await (const chunk of stdin.chunks()) {
    return /^\s*(?:y(?:es)?)?\s*$/i.test(new TextDecoder().decode(chunk));
  }
  return false;
}
