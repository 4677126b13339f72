import assert from "node:assert/strict";
import { REASONS } from "../../../proto/reason.ts";
import type { DenialCode } from "./audit_event.ts";
import { engineOf, severityOf, textOf } from "./denials.ts";

Deno.test.each<{ reason: DenialCode; severity: string; engine: string | null }>([
  { reason: "host_not_allowed", severity: "Medium", engine: null },
  { reason: "denied_by_rule", severity: "Medium", engine: null },
  { reason: "destination_always_blocked", severity: "Medium", engine: "ssrf" },
  { reason: "destination_unresolved", severity: "Low", engine: "ssrf" },
  { reason: "allowed_ips_invalid", severity: "Medium", engine: "ssrf" },
  { reason: "dns_failed", severity: "Low", engine: null },
  { reason: "upstream_tls_failed", severity: "Low", engine: "tls" },
  { reason: "server_name_mismatch", severity: "High", engine: "tls" },
  { reason: "request_authority_mismatch", severity: "High", engine: "request-authority" },
  { reason: "graphql_invalid", severity: "Medium", engine: "l7-graphql" },
  { reason: "tool_name_invalid", severity: "Medium", engine: "l7-mcp" },
  { reason: "websocket_required", severity: "Medium", engine: "l7-websocket" },
  { reason: "engine_error", severity: "High", engine: null },
])("severityOf() and engineOf() place $reason", ({ reason, severity, engine }) => {
  assert.deepEqual([severityOf(reason)[1], engineOf(reason)], [severity, engine]);
});

Deno.test("textOf() has a sentence for every reason of a policy", () => {
  for (const reason of REASONS) assert.match(textOf(reason), /^[A-Z].{10,}[^.]$/);
});
