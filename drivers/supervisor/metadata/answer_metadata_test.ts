import assert from "node:assert/strict";
import { parseRequestHead } from "../egress/http1/request_head.ts";
import { answerMetadata } from "./answer_metadata.ts";
import { GOOGLE_SECRET, googleCredentials } from "./fixture.ts";
import { type MetadataFacts, metadataFacts } from "./metadata_facts.ts";

const NOW = 1_000_000;
const V1 = "/computeMetadata/v1";
const ACCOUNTS = `${V1}/instance/service-accounts`;
const TOKEN = `${ACCOUNTS}/default/token`;
const FLAVOR = "Metadata-Flavor: Google\r\n";
const EMAIL = "robot@acme-1.example.com";

const FACTS = metadataFacts(googleCredentials({
  config: { GOOGLE_CLOUD_PROJECT: "acme-1", GCP_SERVICE_ACCOUNT_EMAIL: EMAIL },
}));

interface Asked {
  readonly target?: string;
  readonly method?: string;
  readonly fields?: string;
  readonly facts?: MetadataFacts | null;
}

function answer({ target = TOKEN, method = "GET", fields = FLAVOR, facts = FACTS }: Asked) {
  const text = `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:8174\r\n${fields}\r\n`;
  const form = parseRequestHead(new TextEncoder().encode(text));
  assert.ok(form.ok, text);
  const { status, headers, body } = answerMetadata(form.head, facts, NOW);
  return { status, headers: new Map(headers), body: new TextDecoder().decode(body) };
}

Deno.test("answerMetadata() gives a placeholder for a token, never the value", () => {
  const { status, headers, body } = answer({});
  assert.equal(status, 200);
  assert.equal(headers.get("Metadata-Flavor"), "Google");
  assert.deepEqual(JSON.parse(body), {
    access_token: "openshell:resolve:env:GCP_ADC_ACCESS_TOKEN",
    expires_in: 3600,
    token_type: "Bearer",
  });
  assert.ok(!body.includes(GOOGLE_SECRET));
});

Deno.test.each([
  { name: "another method", asked: { method: "POST" }, status: 405, error: "method_not_allowed" },
  { name: "HEAD", asked: { method: "HEAD" }, status: 405, error: "method_not_allowed" },
  { name: "no flavour", asked: { fields: "" }, status: 403, error: "metadata_flavor_missing" },
  {
    name: "another flavour",
    asked: { fields: "Metadata-Flavor: google\r\n" },
    status: 403,
    error: "metadata_flavor_missing",
  },
  {
    name: "two flavours",
    asked: { fields: FLAVOR + FLAVOR },
    status: 403,
    error: "metadata_flavor_missing",
  },
  {
    name: "what a server has passed on",
    asked: { fields: `${FLAVOR}x-forwarded-for: \r\n` },
    status: 403,
    error: "request_forwarded",
  },
  {
    name: "a body",
    asked: { fields: `${FLAVOR}Content-Length: 1\r\n` },
    status: 400,
    error: "invalid_request",
  },
  {
    name: "a target with its authority",
    asked: { target: `http://127.0.0.1:8174${TOKEN}` },
    status: 400,
    error: "invalid_request",
  },
  { name: "broken encoding", asked: { target: "/%zz" }, status: 400, error: "invalid_request" },
  {
    name: "a number of the project",
    asked: { target: `${V1}/project/numeric-project-id` },
    status: 404,
    error: "not_found",
  },
  {
    name: "an identity token",
    asked: { target: `${ACCOUNTS}/default/identity?audience=x` },
    status: 404,
    error: "not_found",
  },
  {
    name: "another account",
    asked: { target: `${ACCOUNTS}/else@acme-1.example.com/token` },
    status: 404,
    error: "not_found",
  },
  { name: "below a text", asked: { target: `${TOKEN}/x` }, status: 404, error: "not_found" },
  { name: "an empty name", asked: { target: `/${TOKEN}` }, status: 404, error: "not_found" },
  {
    name: "a name of every object",
    asked: { target: `${V1}/constructor` },
    status: 404,
    error: "not_found",
  },
  {
    name: "after the provider was detached",
    asked: { facts: null },
    status: 404,
    error: "no_google_provider",
  },
  {
    name: "a token that belongs nowhere",
    asked: { facts: { ...FACTS!, token: null } },
    status: 503,
    error: "token_unavailable",
  },
  {
    name: "a token that has expired",
    asked: { facts: { ...FACTS!, token: { placeholder: "p", expiresAtMs: NOW + 999 } } },
    status: 503,
    error: "token_expired",
  },
])("answerMetadata() refuses $name", ({ asked, status, error }) => {
  const got = answer(asked);
  assert.equal(got.status, status);
  assert.equal(JSON.parse(got.body).error, error);
  assert.equal(got.headers.get("Metadata-Flavor"), "Google");
  assert.equal(got.headers.get("Allow"), status === 405 ? "GET" : undefined);
});

Deno.test("answerMetadata() refuses a stranger before it says what there is", () => {
  const stranger = { fields: "", target: "/nothing", facts: null };
  assert.equal(answer(stranger).status, 403);
});

Deno.test.each([
  { target: "/", want: "computeMetadata/\n" },
  { target: V1, want: "instance/\nproject/\n" },
  { target: `${V1}/project/project-id`, want: "acme-1" },
  { target: `${ACCOUNTS}/`, want: `default/\n${EMAIL}/\n` },
  { target: `${ACCOUNTS}/default`, want: "aliases\nemail\nscopes\ntoken\n" },
  { target: `${ACCOUNTS}/default/email`, want: EMAIL },
  { target: `${ACCOUNTS}/default/aliases`, want: "default\n" },
  { target: `${ACCOUNTS}/${EMAIL}/email`, want: EMAIL },
  { target: `${ACCOUNTS}/${EMAIL.replace("@", "%40")}/email?x=y`, want: EMAIL },
  {
    target: `${ACCOUNTS}/default/scopes`,
    want: "https://www.googleapis.com/auth/cloud-platform\n",
  },
])("answerMetadata() says at $target", ({ target, want }) => {
  const { status, headers, body } = answer({ target });
  assert.deepEqual([status, headers.get("Content-Type"), body], [200, "application/text", want]);
});

Deno.test("answerMetadata() without a project has none", () => {
  const facts = { ...FACTS!, projectId: null };
  assert.equal(answer({ target: `${V1}/project/project-id`, facts }).status, 404);
  assert.equal(answer({ target: `${V1}/project/`, facts }).body, "");
});

Deno.test("answerMetadata() with recursive=true has everything but the token", () => {
  const account = {
    aliases: ["default"],
    email: EMAIL,
    scopes: ["https://www.googleapis.com/auth/cloud-platform"],
  };
  const of = (target: string) => JSON.parse(answer({ target: `${target}?recursive=true` }).body);
  assert.deepEqual(of(`${ACCOUNTS}/default/`), account);
  assert.deepEqual(of(V1), {
    instance: { serviceAccounts: { default: account, [EMAIL]: account } },
    project: { projectId: "acme-1" },
  });
  assert.equal(of(`${ACCOUNTS}/default/email`), EMAIL);
});

Deno.test("answerMetadata() says how long a token is good", () => {
  const token = { placeholder: "p", expiresAtMs: NOW + 61_500 };
  assert.equal(JSON.parse(answer({ facts: { ...FACTS!, token } }).body).expires_in, 61);
});
