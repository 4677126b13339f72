/**
 * The same rules as casbin policies.
 *
 * @module
 */

import { type Enforcer, newEnforcer, newModelFromString } from "casbin";
import type { Policy } from "../../policy-wasm/policy.ts";
import type { Engine, EngineKind } from "./engine.ts";
import type { Question } from "./workload.ts";

export const CASBIN: EngineKind = {
  name: "casbin 5.51.1",
  rulesMax: 1000,
  onlyLevel: null,
  load: async (policy) => ({
    ...casbin(await connectionEnforcer(policy), await requestEnforcer(policy)),
  }),
};

const EFFECT = "[policy_effect]\ne = some(where (p.eft == allow))";

/** The host first, because most lines fail there. */
async function connectionEnforcer(policy: Policy): Promise<Enforcer> {
  const model = newModelFromString(`[request_definition]
r = binary, host, port
[policy_definition]
p = binaries, host, port
${EFFECT}
[matchers]
m = r.host == p.host && r.port == p.port && lists(p.binaries, r.binary)`);
  const lines = policy.rules.map((rule) => {
    const { host, ports } = rule.endpoints[0]!;
    return [rule.binaries.map(({ path }) => path).join(";"), host, String(ports[0])];
  });
  return await enforcerOf(model, lines);
}

async function requestEnforcer(policy: Policy): Promise<Enforcer> {
  const model = newModelFromString(`[request_definition]
r = binary, host, port, method, path
[policy_definition]
p = binaries, host, port, method, path
${EFFECT}
[matchers]
m = r.host == p.host && r.port == p.port && r.method == p.method && \
lists(p.binaries, r.binary) && keyMatch2(r.path, p.path)`);
  const lines = policy.rules.flatMap((rule) => {
    const { host, ports, allow } = rule.endpoints[0]!;
    const binaries = rule.binaries.map(({ path }) => path).join(";");
    return allow.flatMap((request) => {
      if (request.kind !== "http") return [];
      // `keyMatch2` has `:name` for one component and `*` for the rest.
      const path = request.path.replace("/*/", "/:any/").replace("**", "*");
      return [[binaries, host, String(ports[0]), request.method, path]];
    });
  });
  return await enforcerOf(model, lines);
}

async function enforcerOf(
  model: ReturnType<typeof newModelFromString>,
  lines: string[][],
): Promise<Enforcer> {
  const enforcer = await newEnforcer(model);
  await enforcer.addFunction(
    "lists",
    (list: string, one: string) => list.split(";").includes(one),
  );
  enforcer.enableAutoBuildRoleLinks(false);
  await enforcer.addPolicies(lines);
  return enforcer;
}

function casbin(connections: Enforcer, requests: Enforcer): Engine {
  return {
    prepare: (questions: readonly Question[], level) => () => {
      let allowed = 0;
      for (const { binary, host, port, method, path } of questions) {
        const isAllowed = level === "connection"
          ? connections.enforceSync(binary, host, String(port))
          : requests.enforceSync(binary, host, String(port), method, path);
        if (isAllowed) allowed++;
      }
      return allowed;
    },
  };
}
