import assert from "node:assert/strict";
import type { AuditEvent } from "../events/audit_event.ts";
import { NOW, sampleCredentials, SECRET } from "../credentials/fixture.ts";
import { CredentialSet } from "../credentials/credential_set.ts";
import { addCredentials } from "./add_credentials.ts";
import type { RequestHead } from "./http1/request_head.ts";
import type { JudgedRequest } from "./judge_request.ts";
import type { LiveConnection } from "./live_connection.ts";

const TOKEN = "openshell:resolve:env:TOKEN";
const ALLOWED: JudgedRequest = {
  outcome: { kind: "allowed", rule: "api" },
  target: "/a",
  request: {
    method: "GET",
    path: "/a",
    query: [],
  } as unknown as NonNullable<JudgedRequest["request"]>,
  endpoint: null,
};

function add(value: string, { host = "api.example.com", credentials = sampleCredentials() } = {}) {
  const events: AuditEvent[] = [];
  const live = {
    target: { host, port: 443 },
    actor: { binary: "/usr/bin/curl", pid: 1, ancestors: [] },
    connection: { decision: { rule: "api" } },
    generation: { credentials },
  } as unknown as LiveConnection;
  const fields = [["x-api-key", value]];
  const head = { method: "GET", framing: { kind: "none" }, fields } as unknown as RequestHead;
  const sink = { record: (event: AuditEvent) => void events.push(event) };
  const scene = { live, events: sink, scheme: "https", address: () => null } as const;
  const added = addCredentials(ALLOWED, head, scene);
  return { ...added, events };
}

Deno.test("addCredentials() gives the value to what goes on, and to nothing else", () => {
  // The sample's credential expires: what is asked for is before that in no case.
  const { forwarded, judged, events } = add("openshell:resolve:env:SLASHED");
  assert.equal(forwarded?.target, "/a");
  assert.deepEqual(forwarded?.fields, [["x-api-key", "a/b"]]);
  assert.deepEqual([judged, events], [ALLOWED, []]);
});

Deno.test("addCredentials() lets no placeholder out where there are no credentials any more", () => {
  const none = { credentials: CredentialSet.NONE };
  const { forwarded, judged } = add(TOKEN, none);
  assert.equal(forwarded, null);
  const { outcome } = judged;
  assert.equal(outcome.kind === "denied" && outcome.reason, "credential_unknown");
  assert.deepEqual(add("mine", none).forwarded, { target: "/a" });
});

Deno.test.each([
  { name: "another host", value: TOKEN, host: "evil.example.com", want: "endpoint_mismatch" },
  { name: "a foreign key", value: "theirs", host: "api.example.com", want: "foreign_credential" },
])("addCredentials() refuses $name with a finding", ({ value, host, want }) => {
  const { forwarded, judged, events } = add(value, { host });
  assert.equal(forwarded, null);
  assert.equal(judged.outcome.kind, "denied");
  const [finding] = events;
  assert.equal(finding?.kind === "finding" && finding.uid, `openshell.provider_credential.${want}`);
  assert.ok(!JSON.stringify([events, judged]).includes(SECRET));
});

Deno.test("addCredentials() refuses what has expired without a finding", () => {
  assert.ok(Date.now() > NOW);
  const { forwarded, events } = add(TOKEN);
  assert.deepEqual([forwarded, events], [null, []]);
});
