import assert from "node:assert/strict";
import { create, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { Extensions, Supervisors } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { authorization } from "../../proto/gen/openshell/options/v1/options_pb.ts";
import {
  ExecSandboxInputSchema,
  OpenShell,
  ReportPolicyStatusRequestSchema,
  SupervisorMessageSchema,
  UpdateConfigRequestSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { authorize, authorizeMessage } from "./authorize.ts";
import { findSubject } from "./message_subject.ts";
import { ANONYMOUS, type Principal } from "./principal.ts";

const USER: Principal = { kind: "user", subject: "ada", roles: [], identityProvider: "mtls" };
const SANDBOX: Principal = { kind: "sandbox", sandboxId: "s" };

/** Who may call, by annotation: user, sandbox, anonymous. */
const MODES: Readonly<Record<string, readonly [string, string, string]>> = {
  unauthenticated: ["allow", "allow", "allow"],
  bearer: ["allow", "users_only", "unauthenticated"],
  sandbox: ["sandboxes_only", "allow", "unauthenticated"],
  dual: ["allow", "allow", "unauthenticated"],
};

function judge(method: DescMethod, principal: Principal): string {
  const decision = authorize(method, principal);
  return decision.verdict === "allow" ? "allow" : decision.reason;
}

const METHODS = [OpenShell, Extensions, Supervisors].flatMap(({ methods }) => methods);

Deno.test.each(METHODS.map((method) => ({
  name: `${method.parent.typeName}/${method.name}`,
  method,
})))("authorize() goes by the annotation of $name", ({ method }) => {
  assert.ok(hasOption(method, authorization), "it has no rule");
  const want = MODES[getOption(method, authorization).authMode];
  assert.ok(want !== undefined, "its rule is not known");
  assert.deepEqual([USER, SANDBOX, ANONYMOUS].map((principal) => judge(method, principal)), want);
});

Deno.test("authorize() opens one method to all, and these to sandboxes", () => {
  const open = METHODS.filter((method) => judge(method, ANONYMOUS) === "allow");
  assert.deepEqual(open.map(({ name }) => name), ["Health"]);
  const ofSandboxes = METHODS.filter((method) => judge(method, SANDBOX) === "allow");
  assert.deepEqual(ofSandboxes.map(({ name }) => name).toSorted(), [
    "ConnectSupervisor",
    "GetDraftPolicy",
    "GetSandboxConfig",
    "GetSandboxProviderEnvironment",
    "Health",
    "IssueSandboxToken",
    "PushSandboxLogs",
    "RefreshSandboxToken",
    "RelayStream",
    "ReportMainProcessExit",
    "ReportPolicyStatus",
    "SubmitPolicyAnalysis",
    "UpdateConfig",
    "WatchGeneration",
  ]);
});

Deno.test("authorize() lets nobody call a method without a rule", () => {
  const { proto, ...rest } = OpenShell.method.health;
  const method = { ...rest, proto: { ...proto, options: undefined } } as unknown as DescMethod;
  for (const principal of [USER, SANDBOX, ANONYMOUS]) {
    assert.equal(judge(method, principal), "no_rule");
  }
});

Deno.test.each([
  { name: "its own id", sandboxIds: ["s"], want: "allow" },
  { name: "another id", sandboxIds: ["t"], want: "deny" },
  { name: "an empty id", sandboxIds: [""], want: "deny" },
  { name: "its own and another", sandboxIds: ["s", "t"], want: "deny" },
  { name: "no sandbox", sandboxIds: [], want: "allow" },
  { name: "its own name", sandboxIds: [], named: "s", want: "allow" },
  { name: "another name", sandboxIds: [], named: "t", want: "deny" },
  { name: "a name that does not exist", sandboxIds: [], named: null, want: "deny" },
])("authorizeMessage() judges a sandbox that sends $name", ({ sandboxIds, named, want }) => {
  const subject = named === undefined ? { sandboxIds } : { sandboxIds, namedSandboxId: named };
  const method = OpenShell.method.reportPolicyStatus;
  assert.equal(authorizeMessage(method, SANDBOX, subject).verdict, want);
  assert.equal(authorizeMessage(method, USER, subject).verdict, "allow");
});

Deno.test("findSubject() sees ids at the top, in payloads, and names", () => {
  const report = create(ReportPolicyStatusRequestSchema, { sandboxId: "a" });
  assert.deepEqual(findSubject(ReportPolicyStatusRequestSchema, report), {
    sandboxIds: ["a"],
    named: null,
  });
  const hello = create(SupervisorMessageSchema, {
    payload: { case: "hello", value: { sandboxId: "b" } },
  });
  assert.deepEqual(findSubject(SupervisorMessageSchema, hello).sandboxIds, ["b"]);
  const start = create(ExecSandboxInputSchema, { payload: { case: "start", value: {} } });
  assert.deepEqual(findSubject(ExecSandboxInputSchema, start).sandboxIds, [""]);
  const update = create(UpdateConfigRequestSchema, { name: "n", workspace: "w" });
  assert.deepEqual(findSubject(UpdateConfigRequestSchema, update), {
    sandboxIds: [],
    named: { name: "n", workspace: "w" },
  });
});
