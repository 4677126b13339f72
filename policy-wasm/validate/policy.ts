/**
 * A document that was read to a validated policy.
 *
 * @module
 */

import {
  ENDPOINT_PORTS_MAX,
  POLICY_SERIALISED_BYTES_REFERENCE_MAX,
  RULES_MAX,
} from "../../proto/limits.ts";
import type { Findings } from "../parse/findings.ts";
import type { RawPolicy, RawRule } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import { toPlain } from "../parse/tree.ts";
import type { Policy, Rule } from "../policy.ts";
import { checkAmbiguity } from "./ambiguity.ts";
import { validateBinaries } from "./binaries.ts";
import { type CheckedEndpoint, validateEndpoint } from "./endpoint.ts";
import { validateMiddlewares } from "./middlewares.ts";
import { byteLength, readable } from "./place.ts";
import {
  validateFilesystem,
  validateLandlock,
  validateProcess,
  validateVersion,
} from "./sandbox.ts";
import { warnSiblingPaths } from "./sibling_paths.ts";

/** Returns the policy, or `null` when the document has an error anywhere. */
export function validatePolicy(
  raw: RawPolicy,
  findings: Findings,
  { withLayers = false }: { readonly withLayers?: boolean } = {},
): Policy | null {
  validateVersion(raw, findings);
  warnSize(raw, findings);
  const filesystem = validateFilesystem(raw.filesystem_policy, findings);
  const landlock = validateLandlock(raw.landlock, findings);
  const process = validateProcess(raw.process, findings);
  const { rules, endpoints } = validateRules(raw, findings);
  if (!withLayers) refuseReserved(raw.network_policies, findings);
  const middlewares = validateMiddlewares(raw, endpoints, findings);
  checkAmbiguity(endpoints, findings);
  warnSiblingPaths(endpoints, findings);
  if (findings.hasErrors) return null;
  return { version: 1, filesystem, landlock, process, rules, middlewares };
}

function validateRules(raw: RawPolicy, findings: Findings) {
  const section = raw.network_policies;
  const items = readable(section);
  const endpoints: CheckedEndpoint[] = [];
  const rules: Rule[] = [];
  if (items.length > RULES_MAX) {
    const message = `${items.length} rules are more than ${RULES_MAX}`;
    findings.add("too_many_rules", section.field, message, { at: section.field.keySpan });
    return { rules, endpoints };
  }
  for (const { value } of items) {
    const { rule, checked } = validateRule(value, findings);
    rules.push(rule);
    for (const endpoint of checked) endpoints.push(endpoint);
  }
  const count = endpoints.reduce((sum, { endpoint }) => sum + endpoint.ports.length, 0);
  if (count > ENDPOINT_PORTS_MAX) {
    const message = `${count} endpoints, one for each port, are more than ${ENDPOINT_PORTS_MAX}`;
    findings.add("too_many_endpoints", section.field, message, { at: section.field.keySpan });
    return { rules, endpoints: [] };
  }
  rules.sort((a, b) => a.key < b.key ? -1 : 1);
  return { rules, endpoints };
}

/** Keys under it are given by OpenShell when it adds the endpoints of providers. */
const RESERVED_PREFIX = "_provider_";

function refuseReserved(section: RawPolicy["network_policies"], findings: Findings): void {
  for (const { field } of section.value ?? []) {
    const key = String(field.origin?.step);
    if (!key.startsWith(RESERVED_PREFIX)) continue;
    const message = `Keys that start with ${RESERVED_PREFIX} are given by OpenShell, and ${
      quote(key)
    } does`;
    const fix = key.slice(RESERVED_PREFIX.length) || null;
    findings.add("reserved_rule_key", field, message, { fix, at: field.keySpan });
  }
}

function validateRule(
  raw: RawRule,
  findings: Findings,
): { rule: Rule; checked: readonly CheckedEndpoint[] } {
  const key = String(raw.at.origin?.step);
  if (key === "") {
    const message = "A rule needs a key that names it";
    findings.add("reserved_rule_key", raw.at, message, { at: raw.at.keySpan });
  }
  if (!raw.endpoints.written || raw.endpoints.value?.length === 0) {
    const message = "A rule without endpoints allows nothing";
    const fix = "endpoints: [{ host: api.example.com, port: 443 }]";
    findings.add("rule_without_endpoints", raw.endpoints.field, message, { fix });
  }
  const checked = readable(raw.endpoints).flatMap(({ value }) =>
    validateEndpoint(value, key, findings) ?? []
  );
  const binaries = validateBinaries(raw, findings);
  const endpoints = checked.map(({ endpoint }) => endpoint);
  return { rule: { key, name: raw.name.value || key, endpoints, binaries }, checked };
}

function warnSize(raw: RawPolicy, findings: Findings): void {
  if (findings.source.text.length <= POLICY_SERIALISED_BYTES_REFERENCE_MAX / 8) return;
  const bytes = byteLength(JSON.stringify(toPlain(raw.at.node)));
  if (bytes <= POLICY_SERIALISED_BYTES_REFERENCE_MAX) return;
  const message = `The policy has ${bytes} bytes as JSON; reference gateways take at most ` +
    `${POLICY_SERIALISED_BYTES_REFERENCE_MAX}`;
  findings.add("policy_over_reference_limit", { start: 0, end: 0 }, message);
}
