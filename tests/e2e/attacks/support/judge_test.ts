import assert from "node:assert/strict";
import { type AuditRecord, CLASSES } from "../../support/events.ts";
import type { Attack, Mode } from "./attack.ts";
import { type Evidence, judge, reasonOf, type Tried } from "./judge.ts";

const ATTACK: Attack = {
  id: "an-attack",
  title: "an attack",
  area: "http",
  attack: { script: "", shows: /^refused$/ },
  twin: { script: "", shows: /^works$/ },
  event: {
    kind: "request",
    host: "api.example.com",
    port: 443,
    verdict: "denied",
    reason: "request_not_allowed",
  },
};

type Verdict = "Allowed" | "Denied" | "Observed";

function event(action: Verdict, change: Readonly<Record<string, unknown>> = {}): AuditRecord {
  return {
    class_uid: CLASSES.request,
    action,
    dst_endpoint: { domain: "api.example.com", port: 443 },
    http_request: { http_method: "GET", url: { path: "/secret" } },
    unmapped: action === "Allowed" ? {} : { reason: "request_not_allowed" },
    ...change,
  };
}

const FINDING: AuditRecord = { class_uid: 2004, finding_info: { uid: "malformed-request" } };

interface Change {
  readonly attack?: Partial<Attack>;
  readonly mode?: Mode;
  readonly attacker?: Partial<Evidence>;
  readonly twin?: Partial<Evidence>;
  readonly received?: readonly string[];
}

function tried({ attack, mode = "enforce", attacker, twin, received = ["twins-canary"] }: Change) {
  const made: Tried = {
    attack: { ...ATTACK, ...attack },
    mode,
    attacker: {
      canary: "attackers-canary",
      output: "refused",
      events: [event("Denied")],
      ...attacker,
    },
    twin: { canary: "twins-canary", output: "works", events: [], ...twin },
    received,
  };
  return made;
}

const RELOADED = { mode: "after-reload", twin: { output: "refused" }, received: [] } as const;
const NO_EVENT: Partial<Attack> = { event: undefined as never };
const AUDITED: Change = {
  mode: "audit",
  attack: { isAuditable: true },
  attacker: { events: [event("Observed")], output: "an answer" },
  received: ["attackers-canary", "twins-canary"],
};

Deno.test.each(
  [
    { name: "a refused attack whose twin works", change: {} },
    { name: "less after a reload", change: RELOADED },
    {
      name: "an earlier refusal after a reload",
      change: {
        ...RELOADED,
        attacker: { events: [event("Denied", { dst_endpoint: { domain: "b.example", port: 1 } })] },
      },
    },
    { name: "what audit lets through", change: AUDITED },
    {
      name: "an attack that nothing is decided about",
      change: { attack: NO_EVENT, attacker: { events: [] } },
    },
    {
      name: "a finding",
      change: {
        attack: { ...NO_EVENT, finding: "malformed-request" },
        attacker: { events: [FINDING] },
      },
    },
    {
      name: "a canary in a name that has to be recorded",
      change: {
        attack: { isCanaryNamed: true, event: { ...ATTACK.event!, host: "§.example.com" } },
        attacker: {
          events: [event("Denied", {
            dst_endpoint: { domain: "attackers-canary.example.com", port: 443 },
          })],
        },
      },
    },
    {
      name: "a refusal of what was allowed before",
      change: {
        attack: { isAskedTwice: true },
        attacker: { events: [event("Allowed"), event("Denied")] },
      },
    },
  ] satisfies readonly { name: string; change: Change }[],
)("judge() finds nothing wrong with $name", ({ change }) => {
  assert.deepEqual(judge(tried(change)), []);
});

Deno.test.each(
  [
    {
      name: "a canary that has reached a server",
      change: { received: ["...attackers-canary"] },
      want: /^a server has received the attacker's canary$/,
    },
    {
      name: "the same, reversed",
      change: { received: ["yranac-srekcatta"] },
      want: /^a server has received/,
    },
    {
      name: "a canary on record",
      change: { attacker: { events: [event("Denied", { message: "attackers-canary" })] } },
      want: /^the canary is on record$/,
    },
    { name: "no event", change: { attacker: { events: [] } }, want: /^one event of / },
    {
      name: "two events",
      change: { attacker: { events: [event("Denied"), event("Denied")] } },
      want: /^2 refusals/,
    },
    {
      name: "another reason",
      change: { attacker: { events: [event("Denied", { unmapped: { reason: "invalid_path" } })] } },
      want: /^reason of /,
    },
    {
      name: "an attack that was let through",
      change: { attacker: { events: [event("Allowed")] } },
      want: /^verdict of /,
    },
    {
      name: "a decision where none is wanted",
      change: { attack: NO_EVENT },
      want: /^a decision where there is none to make/,
    },
    {
      name: "no finding",
      change: { attack: { ...NO_EVENT, finding: "malformed-request" }, attacker: { events: [] } },
      want: /^0 findings malformed-request/,
    },
    { name: "another output", change: { attacker: { output: "worked" } }, want: /^The input did/ },
    { name: "a twin that fails", change: { twin: { output: "refused" } }, want: /^the twin: / },
    {
      name: "a twin that still works after a reload",
      change: { ...RELOADED, twin: { output: "works" } },
      want: /^the twin still works/,
    },
    {
      name: "a twin's canary that gets out after a reload",
      change: { ...RELOADED, received: ["twins-canary"] },
      want: /^a server has received the twin's canary/,
    },
    {
      name: "a request that is let through after a reload",
      change: { ...RELOADED, attacker: { events: [event("Allowed"), event("Denied")] } },
      want: /^a request is let through/,
    },
    {
      name: "no refusal after a reload",
      change: { ...RELOADED, attacker: { events: [] } },
      want: /^0 refusals/,
    },
    {
      name: "an attack in audit that audit does not let through",
      change: { ...AUDITED, attack: {} },
      want: /^a server has received/,
    },
    {
      name: "an attack in audit that is not on record as audited",
      change: { ...AUDITED, attacker: { events: [event("Allowed")] } },
      want: /^verdict of /,
    },
  ] satisfies readonly { name: string; change: Change; want: RegExp }[],
)(
  "judge() finds $name",
  ({ change, want }) => {
    const [problem] = judge(tried(change));
    assert.match(problem ?? "", want);
  },
);

Deno.test("reasonOf() says why, by decision or finding", () => {
  assert.equal(reasonOf(tried({})), "request_not_allowed");
  assert.equal(reasonOf(tried({ attacker: { events: [FINDING] } })), "malformed-request");
  assert.equal(reasonOf(tried({ attacker: { events: [event("Allowed")] } })), null);
});
