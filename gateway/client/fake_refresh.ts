/**
 * Refreshes in memory, for tests of commands.
 *
 * @module
 */

import { GatewayError } from "./gateway_error.ts";
import type { RefreshCalls, RefreshView } from "./refresh_types.ts";

/** Returns a refresh with every field, changed where asked. */
export function sampleRefresh(change: Partial<RefreshView> = {}): RefreshView {
  return {
    provider: "graph",
    providerId: "22222222-2222-4333-8444-555555555555",
    credentialKey: "GRAPH_TOKEN",
    strategy: "oauth2-refresh-token",
    status: "refreshed",
    expiresAtMs: Date.UTC(2026, 10, 24, 10, 30, 5),
    nextRefreshAtMs: Date.UTC(2026, 10, 24, 10, 25, 5),
    lastRefreshAtMs: Date.UTC(2026, 10, 24, 9, 30, 5),
    lastError: "",
    ...change,
  };
}

/** Returns the calls over a list that starts with `refreshes`. Values are forgotten at once. */
export function fakeRefreshes(
  log: string[],
  refreshes: readonly RefreshView[] = [],
): RefreshCalls {
  const all = new Map(refreshes.map((refresh) => [refresh.credentialKey, refresh]));
  return {
    refreshStatus: ({ credentialKey: key }) =>
      Promise.resolve([...all.values()].filter((each) => key === "" || each.credentialKey === key)),
    configureRefresh(input) {
      const { provider, credentialKey, strategy, material, secretMaterialKeys, expiresAtMs } =
        input;
      const pieces = Object.keys(material).map((name) =>
        secretMaterialKeys.includes(name) ? `${name}!` : name
      );
      log.push(`configure ${provider} ${credentialKey} ${strategy} ${pieces.join(",")}`);
      const status = "configured";
      const made = sampleRefresh({ provider, credentialKey, strategy, status, expiresAtMs });
      all.set(credentialKey, made);
      return Promise.resolve(made);
    },
    rotateCredential({ provider, credentialKey }) {
      log.push(`rotate ${provider} ${credentialKey}`);
      const found = all.get(credentialKey);
      const error = new GatewayError("not_found", `Cannot find a refresh of "${credentialKey}"`);
      return found === undefined ? Promise.reject(error) : Promise.resolve(found);
    },
    deleteRefresh({ provider, credentialKey }) {
      log.push(`delete ${provider} ${credentialKey}`);
      return Promise.resolve(all.delete(credentialKey));
    },
  };
}
