/**
 * Providers in memory, for tests of commands.
 *
 * @module
 */

import { fakeRefreshes } from "./fake_refresh.ts";
import { GatewayError } from "./gateway_error.ts";
import type {
  ProfileCalls,
  ProfileView,
  ProviderCalls,
  ProviderInput,
  ProviderView,
} from "./provider_types.ts";

/** Returns a provider with every field, changed where asked. */
export function sampleProvider(change: Partial<ProviderView> = {}): ProviderView {
  return {
    id: "22222222-2222-4333-8444-555555555555",
    name: "github",
    workspace: "default",
    type: "github",
    credentialKeys: ["GITHUB_TOKEN"],
    config: {},
    labels: {},
    resourceVersion: 1,
    createdAtMs: Date.UTC(2026, 10, 24, 9, 30, 5),
    expiresAtMs: {},
    ...change,
  };
}

/** Returns the calls over a list that starts with `providers`. Values are forgotten at once. */
export function fakeProviders(
  log: string[],
  providers: readonly ProviderView[] = [],
): ProviderCalls {
  const all = new Map(providers.map((provider) => [provider.name, provider]));
  const attached = new Set<string>();
  const find = (name: string): Promise<ProviderView> => {
    const found = all.get(name);
    return found === undefined
      ? Promise.reject(new GatewayError("not_found", `Cannot find provider "${name}"`))
      : Promise.resolve(found);
  };
  const write = (verb: string, input: ProviderInput, type: string): Promise<ProviderView> => {
    const keys = Object.keys(input.credentials);
    log.push(`provider ${verb} ${input.name} ${type} ${keys.join(",")}`);
    const { name, workspace, config, expiresAtMs } = input;
    const view = sampleProvider({
      name,
      workspace,
      type,
      config,
      expiresAtMs,
      credentialKeys: keys,
    });
    all.set(name, view);
    return Promise.resolve(view);
  };
  return {
    rekeyCredentials: () => Promise.resolve(all.size),
    ...fakeProfiles(log),
    ...fakeRefreshes(log),
    createProvider: (input) => write("create", input, input.type),
    getProvider: ({ name }) => find(name),
    listProviders: ({ limit, offset }) =>
      Promise.resolve([...all.values()].slice(offset, offset + limit)),
    updateProvider: async (input) => await write("update", input, (await find(input.name)).type),
    deleteProvider({ name }) {
      log.push(`provider delete ${name}`);
      return Promise.resolve(all.delete(name));
    },
    listSandboxProviders: () =>
      Promise.resolve([...all.values()].filter(({ name }) => attached.has(name))),
    attachProvider(sandbox, provider) {
      log.push(`attach ${provider} to ${sandbox.name}`);
      const isNew = !attached.has(provider);
      attached.add(provider);
      return Promise.resolve(isNew);
    },
    detachProvider(sandbox, provider) {
      log.push(`detach ${provider} from ${sandbox.name}`);
      return Promise.resolve(attached.delete(provider));
    },
  };
}

function fakeProfiles(log: string[]): ProfileCalls {
  const profiles = new Map<string, ProfileView>();
  return {
    listProfiles: () => Promise.resolve([...profiles.values()]),
    getProfile: (_workspace, id) => {
      const found = profiles.get(id);
      return found === undefined
        ? Promise.reject(new GatewayError("not_found", `Cannot find provider profile "${id}"`))
        : Promise.resolve(found);
    },
    importProfiles(workspace, texts) {
      log.push(`profile import ${texts.length} into ${workspace || "all"}`);
      return Promise.resolve({
        ids: texts.map(({ source }) => source),
        problems: [],
        isDone: true,
      });
    },
    updateProfile(_workspace, id) {
      log.push(`profile update ${id}`);
      return Promise.resolve({ ids: [id], problems: [], isDone: true });
    },
    deleteProfile(_workspace, id) {
      log.push(`profile delete ${id}`);
      return Promise.resolve(profiles.delete(id));
    },
  };
}
