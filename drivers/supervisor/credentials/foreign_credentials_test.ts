import assert from "node:assert/strict";
import { isForeign, withoutForeignCookies } from "./foreign_credentials.ts";

const TOKEN = "openshell:resolve:env:TOKEN";
const NAMES = { headers: new Set<string>(), parameters: new Set<string>() };

interface Client {
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: string;
}

function basic(text: string): string {
  return `Basic ${btoa(text)}`;
}

/** What clients send that have a placeholder, or nothing. The first ones were recorded. */
const OURS: readonly Client[] = [
  {
    name: "git 2.39, by its URL",
    headers: { authorization: basic(`x-access-token:${TOKEN}`), "git-protocol": "version=2" },
    query: "service=git-upload-pack",
  },
  { name: "git 2.39, by a helper", headers: { authorization: basic(`x:${TOKEN}`) } },
  {
    name: "git 2.39, by nobody",
    headers: { "accept-language": "C, *;q=0.9", "git-protocol": "version=2" },
    query: "service=git-upload-pack",
  },
  { name: "curl -u", headers: { authorization: basic(`u:${TOKEN}`) } },
  { name: "pip 23.2", headers: { authorization: basic(`u:${TOKEN}`) } },
  {
    name: "npm 11.19",
    headers: {
      authorization: `Bearer ${TOKEN}`,
      "npm-auth-type": "web",
      "npm-command": "view",
      "pacote-pkg-id": "registry:leftpad",
    },
  },
  {
    name: "aws 1.45, its signature taken off",
    headers: { "amz-sdk-invocation-id": "f3a5", "amz-sdk-request": "attempt=1" },
    query: "list-type=2&prefix=&delimiter=%2F&continuation-token=abc",
  },
  {
    name: "gh",
    headers: { authorization: `token ${TOKEN}`, "x-github-api-version": "2022-11-28" },
  },
  {
    name: "OpenAI",
    headers: {
      authorization: `Bearer ${TOKEN}`,
      "openai-organization": "org-1",
      "idempotency-key": "stainless-node-retry-1",
      "x-stainless-retry-count": "0",
    },
  },
  {
    name: "Anthropic",
    headers: { "x-api-key": TOKEN, "anthropic-version": "2023-06-01", "x-app-session-id": "u" },
  },
  {
    name: "Anthropic, by a shaped key",
    headers: { "x-api-key": `sk-ant-OPENSHELL-RESOLVE-ENV-K` },
  },
  { name: "GitLab", headers: { "PRIVATE-TOKEN": TOKEN } },
  { name: "GitLab's runner", headers: { authorization: basic(`gitlab-ci-token:${TOKEN}`) } },
  { name: "Google", headers: { "x-goog-api-key": TOKEN, "x-goog-user-project": "p" } },
  { name: "Google, by its URL", query: `key=${TOKEN}&pageToken=abc` },
  { name: "a service that takes keys as users", headers: { authorization: basic(`${TOKEN}:`) } },
  { name: "an address as the user", headers: { authorization: basic(`me@example.com:${TOKEN}`) } },
];

Deno.test.each([...OURS])("isForeign() lets $name through", ({ headers = {}, query = "" }) => {
  assert.equal(isForeign(Object.entries(headers), query, NAMES), false);
});

const KEY = "AIzaSyTheirsTheirsTheirs";
const THEIRS: readonly Client[] = [
  { name: "a bearer", headers: { authorization: "Bearer theirs" } },
  { name: "an empty bearer beside ours", headers: { authorization: `theirs.theirs ${TOKEN}` } },
  { name: "what is no Base64", headers: { authorization: `Basic !${TOKEN}!` } },
  { name: "a user without a password", headers: { authorization: basic("theirs") } },
  { name: "a token of GitLab", headers: { authorization: basic(`glpat-theirs:${TOKEN}`) } },
  { name: "a hash as the user", headers: { authorization: basic(`${"0a".repeat(20)}:${TOKEN}`) } },
  { name: "a job's token", headers: { "JOB-TOKEN": "theirs" } },
  { name: "a key of Azure", headers: { "api-key": "theirs" } },
  { name: "a key of Datadog", headers: { "DD-APPLICATION-KEY": "theirs" } },
  { name: "a token of Vault", headers: { "X-Vault-Token": "theirs" } },
  { name: "a key of Google", query: `key=${KEY}` },
  { name: "a list of keys", query: "api_key[]=theirs" },
  { name: "a signature of Azure", query: "sv=2024&sig=theirs" },
  { name: "a signature of Google", query: "X-Goog-Signature=00" },
  { name: "a signature of AWS, the second", query: "AWSAccessKeyId=AKIA&Signature=x&Expires=1" },
  { name: "a signature of AWS with our name", query: `X-Amz-Credential=${TOKEN}/2026` },
];

Deno.test.each([...THEIRS])("isForeign() sees $name", ({ headers = {}, query = "" }) => {
  assert.equal(isForeign(Object.entries(headers), query, NAMES), true);
});

Deno.test("isForeign() knows the names of profiles", () => {
  const names = { headers: new Set(["x-acme"]), parameters: new Set(["acme"]) };
  assert.equal(isForeign([["X_Acme", "theirs"]], "", names), true);
  assert.equal(isForeign([], "ACME=theirs", names), true);
  assert.equal(isForeign([["X-Acme", TOKEN]], `acme=${TOKEN}`, names), false);
});

Deno.test("withoutForeignCookies() drops what load balancers set, and keeps the rest", () => {
  const fields = [["Cookie", "__cf_bm=x; _cfuvid=y"], ["cookie", `s=${TOKEN}; t=u`]] as const;
  assert.deepEqual(withoutForeignCookies([["a", "b"], ...fields]), [
    ["a", "b"],
    ["cookie", `s=${TOKEN}`],
  ]);
});
