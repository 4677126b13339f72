import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ACTION,
  APPLICATION_LIFECYCLE,
  BASE_EVENT,
  CONFIDENCE,
  DETECTION_FINDING,
  DEVICE_CONFIG_STATE_CHANGE,
  DISPOSITION,
  enumMembers,
  type EnumValue,
  HTTP_ACTIVITY,
  NETWORK_ACTIVITY,
  OCSF_CLASSES,
  type OcsfClass,
  ocsfHead,
  type OcsfMembers,
  type OcsfRecord,
  OTHER_ID,
  PROCESS_ACTIVITY,
  SEVERITY,
  STATUS,
} from "./ocsf.ts";
import { ocsfShorthand } from "./ocsf_shorthand.ts";

const SOURCE = { sandboxId: "id-1", product: "OpenShell Sandbox Supervisor", version: "0.1.0" };

function record(
  ocsfClass: OcsfClass,
  activity: EnumValue,
  members: OcsfMembers & { readonly severity?: EnumValue },
): OcsfRecord {
  const { severity = SEVERITY.informational, ...rest } = members;
  return { ...ocsfHead(ocsfClass, { activity, severity, time: 0, source: SOURCE }), ...rest };
}

const NET = (members: Parameters<typeof record>[2]) =>
  record(NETWORK_ACTIVITY, NETWORK_ACTIVITY.activities.open, members);
const GET = (members: Parameters<typeof record>[2]) =>
  record(HTTP_ACTIVITY, HTTP_ACTIVITY.activities.get, members);
const PROC = (activity: EnumValue, members: OcsfMembers) =>
  record(PROCESS_ACTIVITY, activity, members);

const ALLOWED = enumMembers("action", ACTION.allowed);
const DENIED = enumMembers("action", ACTION.denied);
const CURL = { process: { name: "/usr/bin/curl", pid: 64 } };
const TO = { domain: "httpbin.org", port: 443 };
const CODE = { name: "code", type: "opa" };
const NONE = { name: "-", type: "opa" };

Deno.test.each([
  {
    name: "an allowed connection",
    got: NET({ ...ALLOWED, actor: CURL, dst_endpoint: TO, firewall_rule: CODE }),
    want: "NET:OPEN [INFO] ALLOWED /usr/bin/curl(64) -> httpbin.org:443 [policy:code engine:opa]",
  },
  {
    name: "a denied connection",
    got: NET({
      ...DENIED,
      severity: SEVERITY.medium,
      actor: CURL,
      dst_endpoint: TO,
      firewall_rule: NONE,
      status_detail: "host_not_allowed: No rule names this host",
    }),
    want: "NET:OPEN [MED] DENIED /usr/bin/curl(64) -> httpbin.org:443 [policy:- engine:opa] " +
      "[reason:host_not_allowed: No rule names this host]",
  },
  {
    name: "a connection without a known caller",
    got: NET({ ...DENIED, dst_endpoint: TO }),
    want: "NET:OPEN [INFO] DENIED httpbin.org:443",
  },
  {
    name: "a protocol and an IPv6 address",
    got: NET({
      ...ALLOWED,
      dst_endpoint: { ip: "fd00::1", port: 5432 },
      connection_info: { protocol_name: "tcp" },
    }),
    want: "NET:OPEN [INFO] ALLOWED [fd00::1]:5432/tcp",
  },
  {
    name: "the message where nothing else shows",
    got: NET({ ...ALLOWED, message: "Session opened" }),
    want: "NET:OPEN [INFO] ALLOWED [msg:Session opened]",
  },
  {
    name: "no message where something else shows",
    got: NET({ ...ALLOWED, dst_endpoint: TO, message: "Session opened" }),
    want: "NET:OPEN [INFO] ALLOWED httpbin.org:443",
  },
  {
    name: "a request without the default port",
    got: GET({
      ...ALLOWED,
      actor: CURL,
      http_request: {
        http_method: "GET",
        url: { scheme: "https", hostname: "a.com", path: "/v1", port: 443 },
      },
      firewall_rule: { name: "code", type: "l7" },
    }),
    want:
      "HTTP:GET [INFO] ALLOWED /usr/bin/curl(64) -> GET https://a.com/v1 [policy:code engine:l7]",
  },
  {
    name: "a denied request with fields and reason",
    got: GET({
      ...DENIED,
      severity: SEVERITY.medium,
      http_request: {
        http_method: "GET",
        url: { scheme: "http", hostname: "a.com", path: "/v1", port: 8080 },
      },
      status_detail: "denied_by_rule: A deny rule matches",
      unmapped: { reason: "denied_by_rule", generation: "ff", tries: 2, list: [1], chain: {} },
    }),
    want: "HTTP:GET [MED] DENIED GET http://a.com:8080/v1 " +
      "[tries:2 reason:denied_by_rule: A deny rule matches]",
  },
  {
    name: "an observed request with its reason",
    got: GET({ ...enumMembers("action", ACTION.observed), status_detail: "x" }),
    want: "HTTP:GET [INFO] OBSERVED [reason:x]",
  },
  {
    name: "another method by its name",
    got: record(HTTP_ACTIVITY, HTTP_ACTIVITY.activities.other, {
      ...ALLOWED,
      http_request: { http_method: "PROPFIND", url: { hostname: "a.com" } },
    }),
    want: "HTTP:PROPFIND [INFO] ALLOWED PROPFIND a.com",
  },
  {
    name: "a start",
    got: PROC(PROCESS_ACTIVITY.activities.launch, {
      process: { name: "/bin/sh", pid: 5, cmd_line: "sh -c x" },
    }),
    want: "PROC:LAUNCH [INFO] /bin/sh(5) [cmd:sh -c x]",
  },
  {
    name: "an end",
    got: PROC(PROCESS_ACTIVITY.activities.terminate, {
      process: { name: "/bin/sh", pid: 5 },
      exit_code: 0,
    }),
    want: "PROC:TERMINATE [INFO] /bin/sh(5) [exit:0]",
  },
  {
    name: "a finding",
    got: record(DETECTION_FINDING, DETECTION_FINDING.activities.create, {
      severity: SEVERITY.high,
      ...enumMembers("disposition", DISPOSITION.blocked),
      finding_info: { uid: "replay", title: 'A "replay"\n', desc: "…" },
      ...enumMembers("confidence", CONFIDENCE.high),
      unmapped: { count: 3 },
    }),
    want: 'FINDING:BLOCKED [HIGH] "A \\"replay\\" " [type:replay count:3 confidence:high]',
  },
  {
    name: "a finding without disposition",
    got: record(DETECTION_FINDING, DETECTION_FINDING.activities.create, {
      finding_info: { uid: "x", title: "t", desc: "" },
    }),
    want: 'FINDING:CREATE [INFO] "t" [type:x]',
  },
  {
    name: "a configuration",
    got: record(DEVICE_CONFIG_STATE_CHANGE, DEVICE_CONFIG_STATE_CHANGE.activities.log, {
      ...enumMembers("state", [OTHER_ID, "loaded"]),
      message: "Policy loaded",
      unmapped: { version: 3, hash: "sha256:ab", other: 1 },
    }),
    want: "CONFIG:LOADED [INFO] Policy loaded [version:3 hash:sha256:ab]",
  },
  {
    name: "a start of the product",
    got: record(APPLICATION_LIFECYCLE, APPLICATION_LIFECYCLE.activities.start, {
      app: { name: "OpenShell Sandbox Supervisor", vendor_name: "OpenShell", version: "1" },
      ...enumMembers("status", STATUS.success),
    }),
    want: "LIFECYCLE:START [INFO] OpenShell Sandbox Supervisor Success",
  },
  {
    name: "a failure of the product with its reason",
    got: record(APPLICATION_LIFECYCLE, APPLICATION_LIFECYCLE.activities.stop, {
      severity: SEVERITY.fatal,
      app: { name: "OpenShell Sandbox Supervisor", vendor_name: "OpenShell", version: "1" },
      ...enumMembers("status", STATUS.failure),
      message: "No disk",
    }),
    want: "LIFECYCLE:STOP [FATAL] OpenShell Sandbox Supervisor Failure [reason:No disk]",
  },
  {
    name: "anything else with three fields",
    got: record(BASE_EVENT, BASE_EVENT.activities.other, {
      message: "Hello",
      unmapped: { a: 1, b: true, c: "x y", d: 4 },
    }),
    want: "EVENT [INFO] Hello [a:1 b:true c:x\\u{20}y]",
  },
])("ocsfShorthand() shows $name", ({ got, want }) => {
  assert.equal(ocsfShorthand(got), want);
});

Deno.test.each([
  {
    name: "a program",
    got: NET({ actor: { process: { name: "/a b] [c\n\\\u202e", pid: 1 } } }),
    want: "NET:OPEN [INFO] /a\\u{20}b\\u{5d}\\u{20}\\u{5b}c\\u{a}\\u{5c}\\u{202e}(1) ->",
  },
  {
    name: "a host",
    got: NET({ dst_endpoint: { domain: "a\x1b[2J", port: 1 } }),
    want: "NET:OPEN [INFO] a\\u{1b}\\u{5b}2J:1",
  },
  {
    name: "a path",
    got: GET({ http_request: { http_method: "GET", url: { path: "/ [policy:x engine:opa]" } } }),
    want: "HTTP:GET [INFO] GET /\\u{20}\\u{5b}policy:x\\u{20}engine:opa\\u{5d}",
  },
  {
    name: "a method",
    got: record(HTTP_ACTIVITY, HTTP_ACTIVITY.activities.other, {
      http_request: { http_method: "a\r\nb c]", url: {} },
    }),
    want: "HTTP:A\\u{d}\\u{a}B\\u{20}C\\u{5d} [INFO] A\\u{d}\\u{a}B\\u{20}C\\u{5d}",
  },
  {
    name: "a rule",
    got: NET({ firewall_rule: { name: "a b]", type: "opa" } }),
    want: "NET:OPEN [INFO] [policy:a\\u{20}b\\u{5d} engine:opa]",
  },
  {
    name: "line breaks of a reason",
    got: NET({ ...DENIED, status_detail: "a\r\nb\nc\u2028d\x07" }),
    want: "NET:OPEN [INFO] DENIED [reason:a b c\\u{2028}d\\u{7}]",
  },
  {
    name: "keys and values of fields",
    got: record(BASE_EVENT, BASE_EVENT.activities.other, { unmapped: { "a\n": "]\u009b" } }),
    want: "EVENT [INFO] [a\\u{a}:\\u{5d}\\u{9b}]",
  },
])("ocsfShorthand() escapes $name", ({ got, want }) => {
  assert.equal(ocsfShorthand(got), want);
});

Deno.test.each([
  { name: "256 bytes as they are", text: "a".repeat(256), want: "a".repeat(256) },
  { name: "257 bytes cut", text: "a".repeat(257), want: `${"a".repeat(256)}...` },
  { name: "characters whole", text: `${"a".repeat(255)}é`, want: `${"a".repeat(255)}...` },
  { name: "pairs whole", text: `${"a".repeat(253)}😀`, want: `${"a".repeat(253)}...` },
])("ocsfShorthand() shows of a reason $name", ({ text, want }) => {
  const line = ocsfShorthand(NET({ ...DENIED, status_detail: text }));
  assert.equal(line, `NET:OPEN [INFO] DENIED [reason:${want}]`);
});

/** Every member that the lines look at. */
const MEMBERS = [
  ...["severity_id", "activity_id", "activity_name", "action", "actor", "dst_endpoint", "state"],
  ...["firewall_rule", "http_request", "process", "finding_info", "confidence", "message", "app"],
  ...["status_detail", "status", "unmapped", "connection_info", "exit_code", "disposition"],
];

Deno.test("ocsfShorthand() gives one safe line for any damaged record", () => {
  const damaged = fc.record({
    class_uid: fc.constantFrom(...OCSF_CLASSES.map(({ uid }) => uid), 4, "x"),
    ...Object.fromEntries(MEMBERS.map((member) => [member, fc.jsonValue({ maxDepth: 2 })])),
  });
  fc.assert(
    fc.property(damaged, (broken) => {
      const line = ocsfShorthand(broken as unknown as OcsfRecord);
      // deno-lint-ignore no-control-regex -- control characters are what must not be there
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
    }),
    { numRuns: 500 },
  );
});
