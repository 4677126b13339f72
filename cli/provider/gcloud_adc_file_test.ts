import assert from "node:assert/strict";
import type { CodedError } from "../../proto/errors.ts";
import { fakeContext } from "../fake_context.ts";
import { readGcloudAdc } from "./gcloud_adc_file.ts";

const SECRET = "secret-of-the-grant";
const HOME_FILE = "/home/me/.config/gcloud/application_default_credentials.json";
const HOME = { HOME: "/home/me" };

const FIELDS = {
  type: "authorized_user",
  client_id: "id.apps.example.com",
  client_secret: SECRET,
  refresh_token: `1//${SECRET}`,
  quota_project_id: "acme-1",
  universe_domain: "googleapis.com",
};

function read(files: Record<string, string | Uint8Array>, env: Record<string, string> = HOME) {
  return readGcloudAdc(fakeContext({ files, env }));
}

Deno.test.each([
  { name: "the home", env: HOME, path: HOME_FILE },
  {
    name: "gcloud's own folder",
    env: { ...HOME, CLOUDSDK_CONFIG: "/etc/gc" },
    path: "/etc/gc/application_default_credentials.json",
  },
  {
    name: "the file that is named, before all others",
    env: { ...HOME, CLOUDSDK_CONFIG: "/etc/gc", GOOGLE_APPLICATION_CREDENTIALS: "adc.json" },
    path: "adc.json",
  },
])("readGcloudAdc() looks in $name", async ({ env, path }) => {
  const adc = await read({ [path]: JSON.stringify(FIELDS) }, env as Record<string, string>);
  assert.deepEqual(adc, {
    clientId: "id.apps.example.com",
    clientSecret: SECRET,
    refreshToken: `1//${SECRET}`,
  });
});

Deno.test("readGcloudAdc() looks nowhere else where a file is named", async () => {
  const env = { ...HOME, GOOGLE_APPLICATION_CREDENTIALS: "/gone.json" };
  const files = { [HOME_FILE]: JSON.stringify(FIELDS) };
  await assert.rejects(read(files, env), /Cannot use "\/gone\.json": it does not exist/);
});

Deno.test("readGcloudAdc() without a home says which variable to set", async () => {
  await assert.rejects(read({}, {}), (error: CodedError) => {
    assert.match(error.message, /HOME is not set/);
    return /GOOGLE_APPLICATION_CREDENTIALS/.test(error.hint ?? "");
  });
});

const text = (change: Record<string, unknown>) => JSON.stringify({ ...FIELDS, ...change });

Deno.test.each([
  { name: "no JSON", content: `{ "type": ${SECRET}`, says: /it is no object of JSON/ },
  { name: "a list", content: `["${SECRET}"]`, says: /it is no object of JSON/ },
  { name: "null", content: "null", says: /it is no object of JSON/ },
  {
    name: "bytes that are no text",
    content: new Uint8Array([0x7b, 0xff, 0x7d]),
    says: /it is no object of JSON/,
  },
  { name: "a large file", content: " ".repeat(65_537), says: /more than 65536 bytes/ },
  { name: "no type", content: text({ type: undefined }), says: /it has no type, and should be/ },
  {
    name: "a type that is something else",
    content: text({ type: `${SECRET}\u001b[2J` }),
    says: /it has no type/,
  },
  {
    name: "a service account",
    content: text({ type: "service_account" }),
    says: /its type is service_account, and should be authorized_user/,
    hint: /google-service-account-jwt/,
  },
  {
    name: "another account",
    content: text({ type: "external_account" }),
    says: /its type is external_account/,
  },
  { name: "a name of every object", content: text({ type: "constructor" }), says: /constructor/ },
  { name: "no id", content: text({ client_id: undefined }), says: /it has no client_id/ },
  { name: "a number", content: text({ client_secret: 7 }), says: /its client_secret is no text/ },
  { name: "an empty token", content: text({ refresh_token: "" }), says: /its refresh_token is no/ },
  {
    name: "a line break",
    content: text({ refresh_token: `${SECRET}\nx` }),
    says: /its refresh_token is no text/,
  },
  {
    name: "another token server",
    content: text({ token_uri: "https://attacker.example.com" }),
    says: /its token_uri is not https:\/\/oauth2\.googleapis\.com\/token/,
  },
  {
    name: "another cloud",
    content: text({ universe_domain: "cloud.example.com" }),
    says: /its universe_domain is not googleapis\.com/,
    hint: /--credential/,
  },
])("readGcloudAdc() refuses $name", async ({ content, says, hint = /^[A-Z]/ }) => {
  await assert.rejects(read({ [HOME_FILE]: content }), (error: CodedError) => {
    assert.equal(error.code, "invalid_argument");
    assert.match(error.message, says);
    assert.match(error.hint ?? "", hint);
    return !`${error.message}${error.hint}${error.stack}${error.cause}`.includes(SECRET);
  });
});
