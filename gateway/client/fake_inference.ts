/**
 * Routes of model calls in memory, for tests of commands.
 *
 * @module
 */

import { GatewayError } from "./gateway_error.ts";
import type { InferenceCalls, RouteView } from "./inference_types.ts";

/** Notes each change in `log`. */
export function fakeInference(log: string[]): InferenceCalls {
  const all = new Map<string, RouteView>();
  return {
    setRoute({ workspace, name }, settings, verifies) {
      log.push(`route ${name} ${verifies ? "verified" : "unverified"}`);
      const version = (all.get(name)?.version ?? 0) + 1;
      const route = { ...settings, workspace, name, version };
      all.set(name, route);
      const url = "https://model.example/v1/chat/completions";
      const endpoints = verifies ? [{ url, protocol: "openai_chat_completions" }] : [];
      return Promise.resolve({ route, endpoints });
    },
    getRoute({ name }) {
      const found = all.get(name);
      return found === undefined
        ? Promise.reject(new GatewayError("not_found", `Cannot find inference route "${name}"`))
        : Promise.resolve(found);
    },
    listRoutes: () => Promise.resolve([...all.values()]),
    deleteRoute({ name }) {
      log.push(`unroute ${name}`);
      return Promise.resolve(all.delete(name));
    },
  };
}
