/**
 * From a policy to an evaluator: parsing, compiling, image size, loading.
 *
 * @module
 */

import { compilePolicy } from "../../policy-wasm/compile.ts";
import { Evaluator } from "../../policy-wasm/evaluator.ts";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import type { Policy, RequestRule } from "../../policy-wasm/policy.ts";
import { measureCall } from "./measure.ts";
import type { Budget, Report } from "./report.ts";
import { duration, grouped, table } from "./table.ts";
import { ordinaryPolicy } from "./workload.ts";

const COUNTS = [10, 100, 1000, 10_000] as const;
const BUDGETED_COUNT = 1000;
const COMPILE_NS = 100e6;
const LOAD_NS = 10e6;

/** Times each step alone, by number of rules. */
export function compiling(): Report {
  const rows: string[][] = [];
  const budgets: Budget[] = [];
  for (const count of COUNTS) {
    const policy = ordinaryPolicy(count);
    const text = yamlOf(policy);
    const samples = count > BUDGETED_COUNT ? 5 : 15;
    const { bytes } = compilePolicy(policy);
    const parsed = measureCall(() => requirePolicy(text), samples);
    const compiled = measureCall(() => compilePolicy(policy), samples);
    const loaded = measureCall(() => new Evaluator(bytes), samples);
    rows.push([
      grouped(count),
      `${grouped(Math.ceil(text.length / 1024))} KiB`,
      duration(parsed.medianNs),
      duration(compiled.medianNs),
      duration(parsed.medianNs + compiled.medianNs),
      `${grouped(Math.ceil(bytes.length / 1024))} KiB`,
      duration(loaded.medianNs),
    ]);
    if (count !== BUDGETED_COUNT) continue;
    for (
      const [name, limit, timing] of [
        ["compile", COMPILE_NS, compiled],
        ["image load", LOAD_NS, loaded],
      ] as const
    ) {
      const { medianNs: median, fastestNs: fastest } = timing;
      budgets.push({
        name: `${name}, ${grouped(count)} rules`,
        unit: "ns",
        limit,
        median,
        fastest,
      });
    }
  }
  const head = ["rules", "YAML", "parse", "compile", "both", "image", "load"];
  return { tables: [table("From text to evaluator", head, rows)], budgets };
}

function requirePolicy(text: string): Policy {
  const { policy, diagnostics } = parsePolicy(text);
  if (policy === null) throw new Error(`Cannot parse: ${diagnostics[0]?.message}`);
  return policy;
}

/** The few parts of the format that the ordinary policy has. */
function yamlOf(policy: Policy): string {
  const rules = policy.rules.map(({ key, endpoints, binaries }) => {
    const { host, ports, allow } = endpoints[0]!;
    return `  ${key}:
    endpoints:
      - host: ${host}
        port: ${ports[0]}
        protocol: rest
        rules:
${allow.map(allowOf).join("\n")}
    binaries:
${binaries.map(({ path }) => `      - path: ${path}`).join("\n")}
`;
  });
  return `version: 1\nnetwork_policies:\n${rules.join("")}`;
}

function allowOf(rule: RequestRule): string {
  if (rule.kind !== "http") throw new Error(`Cannot write a rule of kind "${rule.kind}"`);
  return `          - allow: { method: ${rule.method}, path: "${rule.path}" }`;
}
