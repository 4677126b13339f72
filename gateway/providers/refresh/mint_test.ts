import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mint, type MintRequest, type SignAws } from "./mint.ts";
import { answerOf } from "./refresh_fixture.ts";
import type { TokenAnswer, TokenRequest } from "./send_token_request.ts";

const NOW = Date.UTC(2026, 10, 24, 9, 30, 5);

function requestOf(change: Partial<MintRequest> = {}): MintRequest {
  return {
    strategy: "oauth2_refresh_token",
    tokenUrl: "https://login.example.com/token",
    scopes: ["one", "two"],
    lifetimeSecondsMax: 3600,
    material: { client_id: "id", refresh_token: "old" },
    ...change,
  };
}

async function run(request: MintRequest, answer: TokenAnswer) {
  const sent: TokenRequest[] = [];
  const signed: Parameters<SignAws>[] = [];
  const minted = await mint(request, {
    send(each) {
      sent.push(each);
      return Promise.resolve(answer);
    },
    signAws(...given) {
      signed.push(given);
      return [...given[0].fields, ["Authorization", "signed"]];
    },
    now: () => NOW,
  });
  const [first] = sent;
  assert.equal(sent.length, 1);
  return {
    minted,
    sent: first!,
    signed,
    form: Object.fromEntries(new URLSearchParams(first!.body)),
  };
}

const TOKEN = answerOf({ access_token: "new", expires_in: 60, refresh_token: "next" });

Deno.test("mint() sends a refresh token in the body, and keeps the one that comes back", async () => {
  const { minted, sent, form } = await run(requestOf(), TOKEN);
  assert.equal(sent.url, "https://login.example.com/token");
  assert.equal(sent.headers["accept"], "application/json");
  assert.deepEqual(form, {
    grant_type: "refresh_token",
    client_id: "id",
    refresh_token: "old",
    scope: "one two",
  });
  const material = { refresh_token: "next" };
  assert.deepEqual(minted, { value: "new", outputs: {}, material, lifetimeSeconds: 60 });
});

Deno.test("mint() proves that it is the client, and keeps no refresh token for that", async () => {
  const material = { client_id: "id", client_secret: "s&=" };
  const request = requestOf({ strategy: "oauth2_client_credentials", scopes: [], material });
  const { minted, form } = await run(request, TOKEN);
  assert.deepEqual(form, {
    grant_type: "client_credentials",
    client_id: "id",
    client_secret: "s&=",
  });
  assert.deepEqual(minted.material, {});
});

Deno.test("mint() signs as a Google service account, for an hour at most", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const material = {
    client_email: "robot",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    sub: "ada",
  };
  const strategy = "google_service_account_jwt";
  const request = requestOf({ strategy, material, lifetimeSecondsMax: 43_200 });
  const { form } = await run(request, TOKEN);
  assert.equal(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const [, claims = ""] = form["assertion"]!.split(".");
  const { sub, iat, exp } = JSON.parse(atob(claims));
  assert.deepEqual([sub, exp - iat], ["ada", 3600]);
});

const ROLE = requestOf({
  strategy: "aws_sts_assume_role",
  tokenUrl: "https://sts.eu-west-1.amazonaws.com/",
  lifetimeSecondsMax: 60,
  material: {
    role_arn: "arn:aws:iam::1:role/r",
    external_id: "x",
    aws_region: "eu-west-1",
    aws_access_key_id: "AKID",
    aws_secret_access_key: "the-secret-itself",
    aws_session_token: "session",
  },
});

const KEYS = answerOf({
  AssumeRoleResponse: {
    AssumeRoleResult: {
      Credentials: {
        AccessKeyId: "ASIA",
        SecretAccessKey: "secret",
        SessionToken: "token",
        Expiration: NOW / 1000 + 900,
      },
    },
  },
});

Deno.test("mint() assumes a role with a signed request, and makes three keys", async () => {
  const { minted, sent, signed, form } = await run(ROLE, KEYS);
  assert.deepEqual(form, {
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: "arn:aws:iam::1:role/r",
    RoleSessionName: "openshell-sandbox",
    DurationSeconds: "900",
    ExternalId: "x",
  });
  const [[request, keys, scope]] = signed as [Parameters<SignAws>];
  const { method, host, target, payload } = request;
  assert.deepEqual([method, host, target], ["POST", "sts.eu-west-1.amazonaws.com", "/"]);
  assert.equal(payload, createHash("sha256").update(sent.body).digest("hex"));
  assert.deepEqual(keys, {
    accessKeyId: "AKID",
    secretAccessKey: "the-secret-itself",
    sessionToken: "session",
  });
  assert.deepEqual(scope, { service: "sts", region: "eu-west-1", nowMs: NOW });
  assert.equal(sent.headers["Authorization"], "signed");
  assert.equal(sent.headers["accept"], "application/json");
  assert.ok(!JSON.stringify(sent).includes("the-secret-itself"));
  assert.deepEqual(minted, {
    value: "ASIA",
    outputs: { secret_access_key: "secret", session_token: "token" },
    material: {},
    lifetimeSeconds: 900,
  });
});

Deno.test.each(["static", "external"] as const)("mint() makes nothing by %s", async (strategy) => {
  await assert.rejects(run(requestOf({ strategy }), TOKEN), { code: "failed_precondition" });
});
