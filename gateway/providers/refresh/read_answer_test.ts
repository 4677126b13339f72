import assert from "node:assert/strict";
import { readTemporaryKeys, readToken } from "./read_answer.ts";
import { answerOf } from "./refresh_fixture.ts";
import { MintError } from "./refresh_errors.ts";
import type { TokenAnswer } from "./send_token_request.ts";

const SECRET = "the-secret-itself";

Deno.test.each([
  { name: "all", fields: { token_type: "Bearer", expires_in: 60 }, life: 60, rotated: null },
  { name: "a number as a text", fields: { expires_in: "3599" }, life: 3599, rotated: null },
  { name: "no end", fields: {}, life: null, rotated: null },
  { name: "a new refresh token", fields: { refresh_token: "r" }, life: null, rotated: "r" },
  { name: "an empty refresh token", fields: { refresh_token: "" }, life: null, rotated: null },
])("readToken() reads an answer with $name", ({ fields, life, rotated }) => {
  assert.deepEqual(readToken(answerOf({ access_token: SECRET, ...fields })), {
    value: SECRET,
    lifetimeSeconds: life,
    refreshToken: rotated,
  });
});

Deno.test.each<{ name: string; answer: TokenAnswer; want: RegExp; code?: string }>([
  {
    name: "a refusal",
    answer: answerOf({ error: "invalid_grant", error_description: SECRET }, 400),
    want: /^the token server refused: invalid_grant$/,
  },
  {
    name: "a refusal whose code is something else",
    answer: answerOf({ error: `no ${SECRET}` }, 401),
    want: /^the token server answered with status 401$/,
  },
  {
    name: "a refusal of text",
    answer: { status: 403, body: SECRET },
    want: /^the token server answered with status 403$/,
  },
  {
    name: "a fault",
    answer: { status: 502, body: SECRET },
    want: /status 502/,
    code: "unavailable",
  },
  {
    name: "too many requests",
    answer: answerOf({ error: "slow_down" }, 429),
    want: /refused: slow_down/,
    code: "unavailable",
  },
  { name: "a redirection", answer: { status: 307, body: SECRET }, want: /leads elsewhere/ },
  { name: "nothing", answer: { status: 204, body: "" }, want: /status 204/ },
  { name: "no JSON", answer: { status: 200, body: `${SECRET}{` }, want: /no JSON/ },
  { name: "a list", answer: answerOf([SECRET]), want: /no object/ },
  { name: "no token", answer: answerOf({ token: SECRET }), want: /access_token is missing/ },
  {
    name: "a token of two lines",
    answer: answerOf({ access_token: `${SECRET}\nx` }),
    want: /access/,
  },
  { name: "a token that is a number", answer: answerOf({ access_token: 1 }), want: /access_token/ },
  {
    name: "a token that no header holds",
    answer: answerOf({ access_token: SECRET.repeat(999) }),
    want: /access_token/,
  },
  {
    name: "another kind of token",
    answer: answerOf({ access_token: SECRET, token_type: "DPoP" }),
    want: /no bearer|not a bearer/,
  },
  {
    name: "a life that is none",
    answer: answerOf({ access_token: SECRET, expires_in: -1 }),
    want: /expires_in/,
  },
  {
    name: "a life without an end",
    answer: { status: 200, body: `{"access_token":"${SECRET}","expires_in":1e400}` },
    want: /expires_in/,
  },
  {
    name: "a refresh token that is none",
    answer: answerOf({ access_token: SECRET, refresh_token: 7 }),
    want: /refresh_token/,
  },
])("readToken() refuses $name", ({ answer, want, code = "failed_precondition" }) => {
  assert.throws(() => readToken(answer), (error) => {
    assert.ok(error instanceof MintError);
    assert.match(error.detail, want);
    assert.equal(error.code, code);
    assert.ok(!JSON.stringify([error.message, error.stack, error.cause]).includes(SECRET));
    return true;
  });
});

const NOW = 1_700_000_000_000;

function role(change: Record<string, unknown> = {}): TokenAnswer {
  const Credentials = {
    AccessKeyId: "id",
    SecretAccessKey: SECRET,
    SessionToken: "session",
    Expiration: NOW / 1000 + 900,
    ...change,
  };
  return answerOf({ AssumeRoleResponse: { AssumeRoleResult: { Credentials } } });
}

Deno.test.each([
  { name: "a number", change: {} },
  { name: "a text", change: { Expiration: new Date(NOW + 900_000).toISOString() } },
])("readTemporaryKeys() reads an end that is $name", ({ change }) => {
  assert.deepEqual(readTemporaryKeys(role(change), NOW), {
    accessKeyId: "id",
    secretAccessKey: SECRET,
    sessionToken: "session",
    lifetimeSeconds: 900,
  });
});

Deno.test.each([
  { name: "keys that have ended", change: { Expiration: NOW / 1000 }, want: /have ended/ },
  { name: "keys that never end", change: { Expiration: undefined }, want: /have ended/ },
  { name: "a missing key", change: { SessionToken: undefined }, want: /SessionToken/ },
])("readTemporaryKeys() refuses $name", ({ change, want }) => {
  assert.throws(() => readTemporaryKeys(role(change), NOW), want);
});

Deno.test("readTemporaryKeys() refuses an answer without keys", () => {
  assert.throws(() => readTemporaryKeys(answerOf({}), NOW), MintError);
});
