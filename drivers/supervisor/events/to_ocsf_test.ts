import assert from "node:assert/strict";
import { EVENT_LINE_BYTES_MAX } from "../../../proto/limits.ts";
import { OCSF_CLASSES, type OcsfRecord } from "../../../proto/ocsf.ts";
import { ocsfShorthand } from "../../../proto/ocsf_shorthand.ts";
import type { AuditEvent, Outcome } from "./audit_event.ts";
import { toOcsf } from "./to_ocsf.ts";

const CONTEXT = {
  sandboxId: "id-1",
  sandboxName: "box",
  hostname: "host-1",
  version: "0.1.0",
};
const TIME = 1_786_000_000_042;

const CURL = { binary: "/usr/bin/curl", pid: 64, ancestors: ["/bin/bash", "/usr/bin/node"] };
const GITHUB = { host: "api.github.com", port: 443 };
const ALLOWED: Outcome = { kind: "allowed", rule: "code" };
const DENIED: Outcome = {
  kind: "denied",
  rule: null,
  reason: "host_not_allowed",
  detail: "No rule of the policy names this host",
};

const CONNECTION: Extract<AuditEvent, { kind: "connection" }> = {
  kind: "connection",
  actor: CURL,
  destination: { ...GITHUB, address: "140.82.121.6" },
  outcome: ALLOWED,
  generation: "sha256:ff",
  handling: "tls_inspected",
};
const REQUEST: Extract<AuditEvent, { kind: "request" }> = {
  kind: "request",
  actor: CURL,
  destination: GITHUB,
  scheme: "https",
  method: "GET",
  path: "/v1/x",
  outcome: ALLOWED,
  generation: "sha256:ff",
};

function convert(event: AuditEvent): OcsfRecord {
  return toOcsf(event, CONTEXT, { time: TIME });
}

Deno.test("toOcsf() of a WebSocket says how much went through it, and how it ended", () => {
  const record = convert({
    kind: "websocket",
    actor: CURL,
    destination: GITHUB,
    path: "/socket?token=hidden",
    rule: "code",
    generation: "sha256:ff",
    messages: { texts: 3, binaries: 0, fromServer: 7 },
    code: 1012,
  });
  assert.deepEqual([record.class_uid, record.activity_name], [4001, "Close"]);
  assert.deepEqual(record.unmapped, {
    ...{ rule: "code", generation: "sha256:ff", path: "/socket" },
    ...{ texts: 3, binaries: 0, from_server: 7, close_code: 1012 },
  });
  assert.match(ocsfShorthand(record), /NET:CLOSE \[INFO\] ALLOWED .*engine:l7-websocket/);
});

Deno.test("toOcsf() of a message over a WebSocket names what judged it", () => {
  const record = convert({ ...REQUEST, method: "WEBSOCKET_TEXT" });
  assert.match(ocsfShorthand(record), /HTTP:WEBSOCKET_TEXT .*engine:l7-websocket/);
});

Deno.test("toOcsf() of a connection has all that the schema asks for", () => {
  assert.deepEqual(convert(CONNECTION), {
    class_uid: 4001,
    class_name: "Network Activity",
    category_uid: 4,
    category_name: "Network Activity",
    activity_id: 1,
    activity_name: "Open",
    type_uid: 400101,
    type_name: "Network Activity: Open",
    time: TIME,
    severity_id: 1,
    severity: "Informational",
    metadata: {
      version: "1.8.0",
      product: {
        name: "OpenShell Sandbox Supervisor",
        vendor_name: "OpenShell",
        version: "0.1.0",
      },
      profiles: ["security_control", "network_proxy", "container", "host"],
      uid: "id-1",
    },
    device: { hostname: "host-1", os: { name: "Linux" } },
    container: { name: "box", uid: "id-1" },
    status_id: 1,
    status: "Success",
    action_id: 1,
    action: "Allowed",
    disposition_id: 1,
    disposition: "Allowed",
    firewall_rule: { name: "code", type: "opa" },
    dst_endpoint: { domain: "api.github.com", ip: "140.82.121.6", port: 443 },
    actor: {
      process: {
        name: "/usr/bin/curl",
        pid: 64,
        parent_process: { name: "/bin/bash", parent_process: { name: "/usr/bin/node" } },
      },
    },
    observation_point_id: 2,
    is_src_dst_assignment_known: true,
    unmapped: { rule: "code", generation: "sha256:ff", handling: "tls_inspected" },
  });
});

Deno.test("toOcsf() of a denied request has all that the schema asks for", () => {
  const outcome: Outcome = {
    kind: "denied",
    rule: "code",
    reason: "denied_by_rule",
    detail: "A deny rule matches",
  };
  const { metadata: _, device: __, container: ___, ...record } = convert({
    ...REQUEST,
    method: "DELETE",
    outcome,
  });
  assert.deepEqual(record, {
    class_uid: 4002,
    class_name: "HTTP Activity",
    category_uid: 4,
    category_name: "Network Activity",
    activity_id: 2,
    activity_name: "Delete",
    type_uid: 400202,
    type_name: "HTTP Activity: Delete",
    time: TIME,
    severity_id: 3,
    severity: "Medium",
    status_id: 2,
    status: "Failure",
    status_detail: "denied_by_rule: A deny rule matches",
    action_id: 2,
    action: "Denied",
    disposition_id: 2,
    disposition: "Blocked",
    firewall_rule: { name: "code", type: "l7" },
    dst_endpoint: { domain: "api.github.com", port: 443 },
    actor: record.actor,
    observation_point_id: 2,
    is_src_dst_assignment_known: true,
    http_request: {
      http_method: "DELETE",
      url: { scheme: "https", hostname: "api.github.com", path: "/v1/x", port: 443 },
    },
    unmapped: { reason: "denied_by_rule", rule: "code", generation: "sha256:ff" },
  });
});

const FINDING: AuditEvent = {
  kind: "finding",
  uid: "isolation-failed",
  title: "Isolation failed",
  detail: "Landlock is not in force",
  severity: "critical",
};

Deno.test.each<{ name: string; event: AuditEvent; want: string }>([
  {
    name: "an allowed connection",
    event: CONNECTION,
    want:
      "NET:OPEN [INFO] ALLOWED /usr/bin/curl(64) -> api.github.com:443 [policy:code engine:opa]",
  },
  {
    name: "a denied connection",
    event: { ...CONNECTION, outcome: DENIED },
    want: "NET:OPEN [MED] DENIED /usr/bin/curl(64) -> api.github.com:443 " +
      "[policy:- engine:opa] [reason:host_not_allowed: No rule of the policy names this host]",
  },
  {
    name: "a caller that nobody knows",
    event: {
      ...CONNECTION,
      actor: null,
      outcome: { kind: "denied", rule: null, reason: "caller_unknown", detail: "No owner" },
      generation: null,
      handling: null,
    },
    want: "NET:OPEN [MED] DENIED api.github.com:443 [policy:- engine:opa] " +
      "[reason:caller_unknown: No owner]",
  },
  {
    name: "an internal address",
    event: {
      ...CONNECTION,
      outcome: { kind: "denied", rule: "code", reason: "destination_internal", detail: "Private" },
    },
    want: "NET:OPEN [MED] DENIED /usr/bin/curl(64) -> api.github.com:443 " +
      "[policy:code engine:ssrf] [reason:destination_internal: Private]",
  },
  {
    name: "an unreachable destination",
    event: {
      ...CONNECTION,
      outcome: { kind: "denied", rule: "code", reason: "upstream_unreachable", detail: "Refused" },
    },
    want: "NET:FAIL [LOW] DENIED /usr/bin/curl(64) -> api.github.com:443 " +
      "[policy:code engine:opa] [reason:upstream_unreachable: Refused]",
  },
  {
    name: "an address",
    event: { ...CONNECTION, actor: null, destination: { host: "fd00::1", port: 22 } },
    want: "NET:OPEN [INFO] ALLOWED [fd00::1]:22 [policy:code engine:opa]",
  },
  {
    name: "an allowed request",
    event: REQUEST,
    want: "HTTP:GET [INFO] ALLOWED /usr/bin/curl(64) -> GET https://api.github.com/v1/x " +
      "[policy:code engine:l7]",
  },
  {
    name: "a request in audit mode",
    event: {
      ...REQUEST,
      outcome: { kind: "audited", rule: "code", reason: "request_not_allowed" },
    },
    want: "HTTP:GET [MED] OBSERVED /usr/bin/curl(64) -> GET https://api.github.com/v1/x " +
      "[policy:code engine:l7] " +
      "[reason:request_not_allowed: No allow rule of the policy matches this request]",
  },
  {
    name: "a request with another host",
    event: {
      ...REQUEST,
      actor: null,
      outcome: {
        kind: "denied",
        rule: null,
        reason: "request_authority_mismatch",
        detail: "Two hosts",
      },
    },
    want: "HTTP:GET [HIGH] DENIED GET https://api.github.com/v1/x " +
      "[policy:- engine:request-authority] [reason:request_authority_mismatch: Two hosts]",
  },
  {
    name: "a method without a number",
    event: { ...REQUEST, actor: null, method: "PROPFIND", path: null },
    want: "HTTP:PROPFIND [INFO] ALLOWED PROPFIND https://api.github.com [policy:code engine:l7]",
  },
  {
    name: "a method that objects have",
    event: { ...REQUEST, actor: null, method: "constructor" },
    want: "HTTP:CONSTRUCTOR [INFO] ALLOWED CONSTRUCTOR https://api.github.com/v1/x " +
      "[policy:code engine:l7]",
  },
  {
    name: "a start of a process",
    event: { kind: "process", activity: "launch", role: "exec", binary: "/bin/sh", pid: 9 },
    want: "PROC:LAUNCH [INFO] /bin/sh(9)",
  },
  {
    name: "an end by a time limit",
    event: {
      kind: "process",
      activity: "terminate",
      role: "exec",
      binary: "/bin/sh",
      pid: 9,
      exitCode: 124,
      timedOut: true,
    },
    want: "PROC:TERMINATE [CRIT] /bin/sh(9) [exit:124]",
  },
  {
    name: "a policy",
    event: { kind: "config", state: "loaded", message: "Policy loaded", version: 3, hash: "ab" },
    want: "CONFIG:LOADED [INFO] Policy loaded [version:3 hash:ab]",
  },
  {
    name: "a policy that failed",
    event: { kind: "config", state: "reload_failed", message: "Bad" },
    want: "CONFIG:RELOAD_FAILED [MED] Bad",
  },
  {
    name: "a start",
    event: { kind: "lifecycle", activity: "start", message: "Running" },
    want: "LIFECYCLE:START [INFO] OpenShell Sandbox Supervisor Success",
  },
  {
    name: "a failure",
    event: { kind: "lifecycle", activity: "failure", message: "No disk" },
    want: "LIFECYCLE:STOP [FATAL] OpenShell Sandbox Supervisor Failure [reason:No disk]",
  },
  {
    name: "a finding",
    event: FINDING,
    want: 'FINDING:DETECTED [CRIT] "Isolation failed" [type:isolation-failed confidence:high]',
  },
])("toOcsf() and ocsfShorthand() show $name", ({ event, want }) => {
  assert.equal(ocsfShorthand(convert(event)), want);
});

Deno.test.each(
  [
    {
      kind: "process",
      event: { kind: "process", activity: "launch", role: "main", binary: "/a", pid: 1 },
    },
    { kind: "config", event: { kind: "config", state: "loaded", message: "x" } },
    { kind: "lifecycle", event: { kind: "lifecycle", activity: "stop", message: "x" } },
    { kind: "finding", event: FINDING },
    { kind: "connection", event: CONNECTION },
    { kind: "request", event: REQUEST },
  ] as const,
)("toOcsf() gives a $kind the members that its class requires", ({ event }) => {
  const record: Record<string, unknown> = { ...convert(event) };
  const required: Readonly<Record<number, readonly string[]>> = {
    1007: ["actor", "device", "process"],
    2004: ["finding_info"],
    4001: ["dst_endpoint"],
    4002: ["dst_endpoint", "http_request"],
    5019: ["device"],
    6002: ["app"],
  };
  for (const member of required[record["class_uid"] as number]!) assert.ok(record[member], member);
  const type = OCSF_CLASSES.find(({ uid }) => uid === record["class_uid"])!;
  assert.equal(record["type_uid"], type.uid * 100 + Number(record["activity_id"]));
  // A number never stands without its label.
  for (const key of Object.keys(record).filter((name) => name.endsWith("_id"))) {
    if (key === "observation_point_id") continue;
    const label = key === "activity_id" ? "activity_name" : key.slice(0, -3);
    assert.equal(typeof record[label], "string", key);
  }
});

Deno.test.each([
  { name: "a query in a path", path: "/x?token=SECRET", host: "a.com" },
  { name: "a fragment in a path", path: "/x#SECRET", host: "a.com" },
  { name: "a password in a host", path: "/x", host: "user:SECRET@a.com" },
  { name: "an address as a host", path: "/x", host: "a.com/?k=SECRET" },
])("toOcsf() drops $name, whoever let it through", ({ path, host }) => {
  const record = convert({ ...REQUEST, path, destination: { host, port: 1 } });
  assert.doesNotMatch(JSON.stringify(record), /SECRET/);
});

const WIDE = ["\u0001".repeat(5000), "\ud800".repeat(5000), "é\n]".repeat(2000), "漢".repeat(2000)];
const WIDE_PAIRS = WIDE.flatMap((a) => WIDE.map((b) => ({ a, b })));

Deno.test("toOcsf() fits every event into a line, whatever the sandbox sends", () => {
  for (const { a, b } of WIDE_PAIRS) {
    const actor = { binary: a, pid: 1, ancestors: Array.from({ length: 64 }, () => b) };
    const outcome: Outcome = { kind: "denied", rule: b, reason: "invalid_path", detail: a };
    const destination = { host: a, port: 65_535, address: a };
    const request: AuditEvent = {
      ...REQUEST,
      actor,
      outcome,
      method: a,
      path: a,
      destination,
      generation: "f".repeat(71),
    };
    for (const event of [request, { ...CONNECTION, actor, outcome, destination }]) {
      const record = toOcsf(event, { ...CONTEXT, sandboxName: a, hostname: a }, { time: TIME });
      const bytes = new TextEncoder().encode(JSON.stringify(record)).length;
      assert.ok(bytes < EVENT_LINE_BYTES_MAX - 200, `${bytes}`);
      assert.doesNotMatch(ocsfShorthand(record), /\n/);
    }
  }
});

Deno.test("toOcsf() cuts a long text between characters", () => {
  const path = `/${"😀".repeat(600)}`;
  const shown = convert({ ...REQUEST, path }).http_request!.url.path!;
  assert.ok(shown.endsWith("…") && shown.length <= 1025 && shown.isWellFormed());
});

const INFERENCE: Extract<AuditEvent, { kind: "inference" }> = {
  kind: "inference",
  actor: CURL,
  method: "POST",
  path: "/v1/chat/completions",
  protocol: "openai_chat_completions",
  route: "inference.local",
  provider: "openai",
  model: "gpt-5",
  destination: { host: "api.openai.com", port: 443, address: "104.18.6.192" },
  status: 200,
  problem: null,
  detail: null,
  durationMs: 1234.5,
  firstByteMs: 200.4,
  tokens: { input: 11, output: 5, isEstimated: false },
  attempts: 1,
};

Deno.test("toOcsf() of a model call says by what it was served, and what it cost", () => {
  const { class_uid, type_uid, status, duration, api, dst_endpoint, unmapped } = convert(INFERENCE);
  assert.deepEqual([class_uid, type_uid, status, duration], [6003, 600301, "Success", 1235]);
  assert.deepEqual(api, {
    operation: "POST /v1/chat/completions",
    service: { name: "inference.local" },
    response: { code: 200 },
  });
  assert.deepEqual(dst_endpoint, { domain: "api.openai.com", ip: "104.18.6.192", port: 443 });
  assert.deepEqual(unmapped, {
    protocol: "openai_chat_completions",
    route: "inference.local",
    provider: "openai",
    model: "gpt-5",
    first_byte_ms: 200,
    input_tokens: 11,
    output_tokens: 5,
    tokens_estimated: false,
  });
  assert.equal(
    ocsfShorthand(convert(INFERENCE)),
    "API:CREATE [INFO] ALLOWED /usr/bin/curl(64) -> POST /v1/chat/completions -> " +
      "api.openai.com:443 [status:200 protocol:openai_chat_completions route:inference.local " +
      "provider:openai model:gpt-5 first_byte_ms:200 input_tokens:11 output_tokens:5 " +
      "tokens_estimated:false]",
  );
});

Deno.test.each(
  [
    { attempts: 0, problem: "path_not_recognised", want: ["Denied", "Blocked", "Medium"] },
    { attempts: 0, problem: "token_budget_exceeded", want: ["Denied", "Blocked", "Medium"] },
    { attempts: 2, problem: "upstream_unreachable", want: ["Allowed", "Error", "Low"] },
    { attempts: 1, problem: "stream_broken", want: ["Allowed", "Error", "Low"] },
  ] as const,
)("toOcsf() of a model call with $problem is $want", ({ attempts, problem, want }) => {
  const event = {
    ...INFERENCE,
    attempts,
    problem,
    detail: "It says why",
    path: "/v1/x?key=secret",
  };
  const record = convert(event);
  assert.deepEqual([record.action, record.disposition, record.severity], want);
  assert.equal(record.status_detail, `${problem}: It says why`);
  assert.equal(JSON.stringify(record).includes("secret"), false);
});
