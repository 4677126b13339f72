/**
 * One small input for each question that z3 is asked, and the script that it gets.
 *
 * @module
 */

import { parseClaims } from "../../prover/claims/parse_claims.ts";
import { plainRule, restRule, subjectOf } from "../../prover/fixtures.ts";
import type { ProofInput } from "../../prover/input.ts";
import { prove } from "../../prover/prove.ts";
import type { SolverPort } from "../../prover/solver/port.ts";

const READ = restRule("read", {});
const WIDE = restRule("wide", {
  allow: '{ method: "*", path: /a/** }',
  deny: "{ method: POST, path: /a/b }",
});

function policy(...rules: string[]) {
  return { policy: subjectOf(rules.join("\n")) };
}

function claims(text: string) {
  return parseClaims(`version: 1\nclaims: { c: ${text} }`).claims!;
}

const MCP = "mcp: { endpoints: [{ host: mcp.example.com, port: 443, protocol: mcp, " +
  "rules: [{ allow: { method: tools/call, tool: get_* } }], " +
  "deny_rules: [{ method: tools/call, tool: get_secret }] }], " +
  "binaries: [{ path: /usr/bin/curl }] }";

const GRAPHQL = "graphql: { endpoints: [{ host: api.example.com, port: 443, path: /graphql, " +
  "protocol: graphql, rules: [{ allow: { operation_type: query, fields: [viewer] } }] }], " +
  "binaries: [{ path: /usr/bin/curl, descendants: true }] }";

/** By the name of the snapshot: what is asked, and which of the scripts of the proof it is. */
export const FORMULAS: Readonly<
  Record<string, { readonly at: number; readonly input: ProofInput }>
> = {
  within_ceiling: {
    at: -1,
    input: { ...policy(WIDE), ceiling: subjectOf(READ) },
  },
  within_ceiling_networks: {
    at: -1,
    input: {
      ...policy(plainRule("p", "db.example.com", { more: "allowed_ips: [10.1.0.0/16]" })),
      ceiling: subjectOf(
        plainRule("p", "db.example.com", { more: "allowed_ips: [10.1.0.0/17]" }),
      ),
    },
  },
  above_floor: { at: -1, input: { ...policy(READ), floor: subjectOf(WIDE) } },
  same_as_baseline: {
    at: -1,
    input: { ...policy(GRAPHQL, READ), baseline: subjectOf([READ, MCP].join("\n")) },
  },
  write_bypass: {
    at: 1,
    input: policy(READ, plainRule("raw", "api.example.com", { port: 22 })),
  },
  uninspected_credentials: {
    at: 2,
    input: {
      ...policy(READ, plainRule("raw", "api.example.com", { binary: "/usr/bin/git" })),
      providers: [{ name: "github", endpoints: [{ host: "api.example.com", ports: [443] }] }],
    },
  },
  exfiltration: {
    at: 2,
    input: { ...policy(READ, MCP), trustedHosts: ["mcp.example.com"] },
  },
  read_carries_data: {
    at: 3,
    input: { ...policy(READ), trustedHosts: ["*.example.net"] },
  },
  claim_never: {
    at: -1,
    input: { ...policy(WIDE), claims: claims('{ never: { path: "/a/b/**", method: DELETE } }') },
  },
  claim_always: {
    at: -1,
    input: {
      ...policy(WIDE),
      claims: claims(
        "{ always: { binary: /usr/bin/curl, host: api.example.com, port: 443, method: POST, path: /a/b } }",
      ),
    },
  },
  rules: {
    at: 0,
    input: policy(
      restRule("r", { allow: "{ method: GET, path: /a/** } | { method: GET, path: /a/b }" }),
      MCP,
    ),
  },
};

/** Returns the script that z3 is given. */
export async function scriptOf(name: string): Promise<string> {
  const { at, input } = FORMULAS[name]!;
  const scripts: string[] = [];
  const recorder: SolverPort = {
    name: "a recorder",
    check: (script) => {
      scripts.push(script);
      // Gives up, so that nothing is concluded from it.
      return Promise.resolve("unknown");
    },
  };
  await prove(input, { engine: "both", solver: recorder });
  return scripts.at(at)!;
}
