/**
 * The same rules as Cedar policies, in Cedar's own WebAssembly, parsed once.
 *
 * @module
 */

import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import type { Policy, Rule } from "../../policy-wasm/policy.ts";
import type { Engine, EngineKind, Level } from "./engine.ts";
import type { Question } from "./workload.ts";

export const CEDAR: EngineKind = {
  name: "Cedar wasm 4.13.0",
  rulesMax: 1000,
  onlyLevel: null,
  load: (policy) => {
    const id = `${policy.rules.length}`;
    for (const level of ["connection", "request"] as const) preparse(id, policy, level);
    return cedar(id);
  },
};

function preparse(id: string, policy: Policy, level: Level): void {
  const answer = preparsePolicySet(`${level} ${id}`, {
    staticPolicies: Object.fromEntries(policy.rules.map((rule) => [rule.key, permit(rule, level)])),
  });
  if (answer.type === "failure") throw new Error(answer.errors[0]?.message);
}

/** One Cedar policy for each rule; the host is in its scope, which is what Cedar sees first. */
function permit({ binaries, endpoints }: Rule, level: Level): string {
  const { host, ports, allow } = endpoints[0]!;
  const callers = binaries.map(({ path }) => `Binary::${JSON.stringify(path)}`).join(", ");
  const requests = allow.flatMap((rule) =>
    rule.kind === "http"
      // A star of `like` crosses slashes, so this is a little wider than the rule.
      ? [
        `action == Action::"${rule.method}" && context.path like "${
          rule.path.replaceAll("**", "*")
        }"`,
      ]
      : []
  );
  const judged = level === "request" ? ` && (${requests.join(" || ")})` : "";
  return `permit(principal, action, resource == Host::${JSON.stringify(host)}) when {
    [${callers}].contains(principal) && context.port == ${ports[0]}${judged} };`;
}

function cedar(id: string): Engine {
  return {
    prepare: (questions: readonly Question[], level) => () => {
      let allowed = 0;
      for (const { binary, host, port, method, path } of questions) {
        const answer = statefulIsAuthorized({
          principal: { type: "Binary", id: binary },
          action: { type: "Action", id: level === "connection" ? "connect" : method },
          resource: { type: "Host", id: host },
          context: { port, path },
          preparsedPolicySetId: `${level} ${id}`,
          entities: [],
        });
        if (answer.type === "success" && answer.response.decision === "allow") allowed++;
      }
      return allowed;
    },
  };
}
