import assert from "node:assert/strict";
import { parseProfile } from "../profile/parse_profile.ts";
import type { ProviderRecord } from "../provider_record.ts";
import { type ConfigureRequest, planRefresh } from "./plan_refresh.ts";
import { ROLE_TEXT } from "./refresh_fixture.ts";

const REQUEST: ConfigureRequest = {
  workspace: "default",
  provider: "role",
  key: "ROLE_ID",
  strategy: null,
  material: { role_arn: "r", aws_access_key_id: "a", aws_secret_access_key: "b" },
  secretNames: [],
  expiresAtMs: 0,
};

Deno.test("planRefresh() pins what the profile says", () => {
  const { profile } = parseProfile(ROLE_TEXT);
  const provider = { handles: {}, type: "role" } as unknown as ProviderRecord;
  const { fields, material } = planRefresh(REQUEST, {
    ...{ provider, profile, addsToPolicies: true },
    nowMs: 7,
  });
  assert.deepEqual(fields, {
    key: "ROLE_ID",
    strategy: "aws_sts_assume_role",
    tokenUrl: "https://sts.us-east-1.amazonaws.com/",
    scopes: [],
    leadSeconds: 0,
    lifetimeSecondsMax: 0,
    outputs: { secret_access_key: "ROLE_SECRET", session_token: "ROLE_SESSION" },
    expiresAtMs: 0,
    nextRefreshAtMs: 7,
  });
  assert.deepEqual(Object.keys(material.secret), ["aws_secret_access_key"]);
});

Deno.test.each([
  {
    name: "two outputs of one variable",
    from: "session_token, credential: session",
    to: "session_token, credential: secret",
    want: /two outputs would be values of one variable/,
  },
  {
    name: "an output that is the credential itself",
    from: "session_token, credential: session",
    to: "session_token, credential: id",
    want: /two outputs would be values of one variable/,
  },
  {
    name: "an unknown output",
    from: "output: session_token",
    to: "output: expiration",
    want: /additional_outputs should be secret_access_key and session_token/,
  },
  {
    name: "outputs of another strategy",
    from: "strategy: aws_sts_assume_role",
    to: "strategy: google_service_account_jwt\n      scopes: [a]",
    want: /makes no additional outputs/,
  },
  {
    name: "an account of Google without scopes",
    from: /strategy: aws_sts_assume_role[^]*credential: session }/,
    to: "strategy: google_service_account_jwt",
    want: /needs scopes/,
  },
])("planRefresh() refuses a profile with $name", ({ from, to, want }) => {
  const { profile } = parseProfile(ROLE_TEXT.replace(from, to));
  assert.ok(profile !== null);
  const provider = { handles: {}, type: "role" } as unknown as ProviderRecord;
  const around = { provider, profile, addsToPolicies: true, nowMs: 0 };
  assert.throws(() => planRefresh(REQUEST, around), want);
});
