import assert from "node:assert/strict";
import { REASONS } from "../../../proto/reason.ts";
import type { DenialCode, ProxyDenial } from "../events/audit_event.ts";
import { connectionDenial, invalidRequest, requestDenial } from "./denial.ts";
import type { CompleteResponse } from "./http1/respond.ts";

const PLACE = { host: "2001:db8::1", port: 443, binary: "/usr/bin/curl", detail: "It is so" };

function bodyOf({ body }: CompleteResponse) {
  return JSON.parse(new TextDecoder().decode(body));
}

const OWN: Readonly<Record<ProxyDenial, readonly [status: number, error: string]>> = {
  caller_ambiguous: [403, "policy_denied"],
  credential_endpoint_mismatch: [403, "credential_endpoint_mismatch"],
  credential_expired: [403, "credential_expired"],
  credential_invalid: [403, "credential_invalid"],
  credential_misplaced: [403, "credential_misplaced"],
  credential_unknown: [403, "credential_unknown"],
  uninspected_credentials: [403, "uninspected_credentials"],
  foreign_credential: [403, "foreign_credential"],
  dns_failed: [502, "dns_failed"],
  upstream_unreachable: [502, "upstream_unreachable"],
  upstream_tls_failed: [502, "upstream_tls_failed"],
  invalid_request: [400, "invalid_request"],
  request_too_large: [413, "request_too_large"],
  request_authority_mismatch: [403, "request_authority_mismatch"],
  server_name_mismatch: [403, "server_name_mismatch"],
  unsupported_protocol: [403, "unsupported_protocol"],
  unsupported_proxy_scheme: [400, "unsupported_proxy_scheme"],
  tls_termination_unavailable: [503, "tls_termination_unavailable"],
  too_many_connections: [503, "too_many_connections"],
  policy_changed: [403, "policy_denied"],
};

const CODES: readonly { code: DenialCode; status: number; error: string }[] = [
  ...REASONS.map((code) => {
    const isDestination = code.startsWith("destination_") || code === "allowed_ips_invalid";
    return { code, status: 403, error: isDestination ? "ssrf_denied" : "policy_denied" };
  }),
  ...Object.entries(OWN).map(([code, [status, error]]) => ({
    code: code as ProxyDenial,
    status,
    error,
  })),
];

Deno.test.each([...CODES])("Denials with $code have their status and a next step", (row) => {
  const { code, status, error } = row;
  const connection = connectionDenial({ ...PLACE, code, method: "CONNECT" });
  const request = requestDenial({ ...PLACE, code, method: "GET", path: "/a", rule: "docs" });
  for (const response of [connection, request, invalidRequest(code, "It is so")]) {
    assert.deepEqual([response.status, bodyOf(response).error], [status, error]);
    assert.match(bodyOf(response).detail, /It is so$/);
  }
  for (const response of [connection, request]) {
    const { next_steps: steps, reason } = bodyOf(response);
    assert.equal(reason, code);
    assert.ok(steps.length > 0 && steps.every((step: string) => step.endsWith(".")));
  }
});

Deno.test("connectionDenial() leaves out a program that is unknown", () => {
  const denied = { ...PLACE, binary: null, code: "host_not_allowed", method: "CONNECT" } as const;
  const body = bodyOf(connectionDenial(denied));
  assert.equal(body.detail, "CONNECT [2001:db8::1]:443: It is so");
  assert.ok(!("binary" in body) && !("binary" in body.rule_missing));
});

const FORBIDDEN = [
  ["X-OpenShell-Reason", "denied_by_rule"],
  [
    "X-OpenShell-Next-Step",
    "A rule forbids this on purpose: find another way, or ask whether it is meant.",
  ],
];

Deno.test.each([
  { rule: "docs", want: [["X-OpenShell-Policy", "docs"], ...FORBIDDEN] },
  { rule: null, want: FORBIDDEN },
  { rule: "a\r\nb", want: FORBIDDEN },
])("requestDenial() names the rule $rule in a header where it can", ({ rule, want }) => {
  const denied = { ...PLACE, code: "denied_by_rule", method: "GET", path: null, rule } as const;
  assert.deepEqual(requestDenial(denied).headers, [["Content-Type", "application/json"], ...want]);
});

const ASKED = 'Ask for an endpoint "example.com", port 443, in the policy for the program "/a".';

Deno.test.each([
  { name: "says the next step", binary: "/a", want: ASKED },
  { name: "leaves out a step that is no header", binary: "/a\r\nSet-Cookie: b", want: undefined },
  { name: "leaves out a step that is long", binary: `/${"a".repeat(1024)}`, want: undefined },
])("connectionDenial() $name in a header", ({ binary, want }) => {
  const denied = { ...PLACE, host: "example.com", binary, code: "host_not_allowed" } as const;
  const { headers } = connectionDenial({ ...denied, method: "CONNECT" });
  const found = Object.fromEntries(headers);
  assert.equal(found["X-OpenShell-Reason"], "host_not_allowed");
  assert.equal(found["X-OpenShell-Next-Step"], want);
});

Deno.test("requestDenial() asks for no rule where a rule forbids", () => {
  const denied = { ...PLACE, code: "denied_by_rule", method: "GET", path: "/", rule: "r" } as const;
  assert.ok(!("rule_missing" in bodyOf(requestDenial(denied))));
});
