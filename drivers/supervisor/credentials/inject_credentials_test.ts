import assert from "node:assert/strict";
import { HANDLE, NOW, sampleCredentials, SECRET } from "./fixture.ts";
import { injectCredentials, type Injection } from "./inject_credentials.ts";

const TOKEN = "openshell:resolve:env:TOKEN";
const ENCODED = "openshell%3Aresolve%3Aenv%3ATOKEN";

interface Sent {
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string;
}

function inject({ target = "/a", headers = {}, host = "api.example.com" }: Sent): Injection {
  const path = target.split("?")[0]!;
  const place = { host, port: 443, path };
  const fields = Object.entries(headers);
  return injectCredentials(sampleCredentials(), { fields, target, place, nowMs: NOW });
}

Deno.test.each([
  {
    name: "a bearer token",
    sent: { headers: { Authorization: `Bearer ${TOKEN}`, accept: "*/*" } },
    fields: [["Authorization", `Bearer ${SECRET}`], ["accept", "*/*"]],
  },
  {
    name: "a key of its own header",
    sent: { headers: { "x-api-key": TOKEN } },
    fields: [["x-api-key", SECRET]],
  },
  {
    name: "a handle",
    sent: { headers: { "x-api-key": `openshell:resolve:env:${HANDLE}_ROTATING` } },
    fields: [["x-api-key", "value-of-today"]],
  },
  {
    name: "a word that has to look like a key",
    sent: { headers: { "x-api-key": "sk-ant-OPENSHELL-RESOLVE-ENV-TOKEN" } },
    fields: [["x-api-key", SECRET]],
  },
  {
    name: "the password of a basic one",
    sent: { headers: { authorization: `Basic ${btoa(`git:${TOKEN}`)}` } },
    fields: [["authorization", `Basic ${btoa(`git:${SECRET}`)}`]],
  },
  {
    name: "the user of a basic one",
    sent: { headers: { authorization: `basic ${btoa(`${TOKEN}:`)}` } },
    fields: [["authorization", `basic ${btoa(`${SECRET}:`)}`]],
  },
  {
    name: "no cookie of others",
    sent: { headers: { Cookie: "session=theirs", accept: "*/*" } },
    fields: [["accept", "*/*"]],
  },
  {
    name: "a cookie of ours alone",
    sent: { headers: { cookie: `a=theirs; b=${TOKEN}; c=x${TOKEN}` } },
    fields: [["cookie", `b=${SECRET}`]],
  },
  {
    name: "a query value",
    sent: { target: `/a?b=1&key=${TOKEN}&c` },
    target: `/a?b=1&key=${SECRET}&c`,
  },
  {
    name: "an encoded query value",
    sent: { target: `/a?key=${ENCODED}` },
    target: `/a?key=${SECRET}`,
  },
  {
    name: "a part of a segment",
    sent: { target: `/bot${TOKEN}/send` },
    target: `/bot${SECRET}/send`,
  },
  {
    name: "a value that is not for URLs",
    sent: { target: "/a?token=openshell:resolve:env:SLASHED" },
    target: "/a?token=a%2Fb",
  },
])("injectCredentials() fills $name", ({ sent, fields, target }) => {
  const injection = inject(sent);
  assert.equal(injection.kind, "injected");
  if (injection.kind !== "injected") return;
  if (fields !== undefined) assert.deepEqual(injection.fields, fields);
  if (target !== undefined) assert.equal(injection.target, target);
});

Deno.test.each([
  { name: "nothing at a bound place", sent: {} },
  {
    name: "a credential of its own at another place",
    sent: { host: "other.example.com", headers: { authorization: "Bearer mine" } },
  },
  {
    name: "what only sounds like one",
    sent: {
      target: "/a?key=name&page_token=abc",
      headers: { "idempotency-key": "k", "x-csrf-token": "c", "openai-organization": "o" },
    },
  },
  { name: "text that only speaks of it", sent: { headers: { "x-note": "openshell resolve env" } } },
])("injectCredentials() leaves $name as it is", ({ sent }) => {
  assert.deepEqual(inject(sent), { kind: "none" });
});

const DOUBLE = ENCODED.replaceAll("%", "%25");
Deno.test.each([
  {
    name: "another host",
    sent: { host: "evil.example.com", headers: { "x-api-key": TOKEN } },
    want: "credential_endpoint_mismatch",
  },
  {
    name: "another host, in a query",
    sent: { host: "evil.example.com", target: `/?a=${ENCODED}` },
    want: "credential_endpoint_mismatch",
  },
  {
    name: "another host, in base64",
    sent: { host: "evil.example.com", headers: { authorization: `Basic ${btoa(`a:${TOKEN}`)}` } },
    want: "credential_endpoint_mismatch",
  },
  {
    name: "an unknown key",
    sent: { headers: { "x-api-key": `${TOKEN}_OR_NOT` } },
    want: "credential_unknown",
  },
  {
    name: "an expired one",
    sent: { headers: { "x-api-key": "openshell:resolve:env:OLD" } },
    want: "credential_expired",
  },
  {
    name: "one that would end its line",
    sent: { headers: { "x-api-key": "openshell:resolve:env:BROKEN" } },
    want: "credential_invalid",
  },
  {
    name: "one that would make another path",
    sent: { target: "/a/openshell:resolve:env:SLASHED" },
    want: "credential_invalid",
  },
  {
    name: "a placeholder in a header's name",
    sent: { headers: { "x-openshell-resolve-env-token": "1" } },
    want: "credential_misplaced",
  },
  {
    name: "a placeholder in a parameter's name",
    sent: { target: `/a?${ENCODED}=1` },
    want: "credential_misplaced",
  },
  {
    name: "a placeholder encoded twice",
    sent: { target: `/a?x=${DOUBLE}` },
    want: "credential_misplaced",
  },
  {
    name: "an encoded letter",
    sent: { target: "/a?x=%6fpenshell:resolve:env:TOKEN" },
    want: "credential_misplaced",
  },
  {
    name: "another case",
    sent: { headers: { "x-api-key": "OpenShell:resolve:env:TOKEN" } },
    want: "credential_misplaced",
  },
  {
    name: "a marker without a key",
    sent: { headers: { "x-api-key": "openshell:resolve:env:" } },
    want: "credential_misplaced",
  },
  {
    name: "a key of its own",
    sent: { headers: { "x-api-key": "sk-of-the-attacker" } },
    want: "foreign_credential",
  },
  {
    name: "a bearer of its own",
    sent: { headers: { Authorization: "Bearer theirs" } },
    want: "foreign_credential",
  },
  {
    name: "a basic one of its own",
    sent: { headers: { authorization: `Basic ${btoa("a:theirs")}` } },
    want: "foreign_credential",
  },
  {
    name: "a bearer beside ours",
    sent: { headers: { authorization: `Bearer theirs ${TOKEN}` } },
    want: "foreign_credential",
  },
  {
    name: "ours and one of its own",
    sent: { headers: { "x-api-key": TOKEN, authorization: "Bearer x" } },
    want: "foreign_credential",
  },
  {
    name: "a header as gateways to CGI read it",
    sent: { headers: { "X_API_KEY": "theirs" } },
    want: "foreign_credential",
  },
  {
    name: "a header that ends like one",
    sent: { headers: { "x-acme-access-key": "theirs" } },
    want: "foreign_credential",
  },
  {
    name: "a header that a profile names",
    sent: { headers: { "X-Acme-Ticket": "theirs" } },
    want: "foreign_credential",
  },
  {
    name: "a key as the user beside ours",
    sent: { headers: { authorization: `Basic ${btoa(`ghp_theirs:${TOKEN}`)}` } },
    want: "foreign_credential",
  },
  {
    name: "a password beside ours as the user",
    sent: { headers: { authorization: `Basic ${btoa(`${TOKEN}:theirs`)}` } },
    want: "foreign_credential",
  },
  {
    name: "a parameter behind a semicolon",
    sent: { target: "/a?b=1;access_token=theirs" },
    want: "foreign_credential",
  },
  {
    name: "a parameter of its own beside ours",
    sent: { target: `/a?access_token=theirs;x=${TOKEN}` },
    want: "foreign_credential",
  },
  {
    name: "an upload that was signed elsewhere",
    sent: { target: "/a?X-Amz-Signature=0a0a&X-Amz-Credential=AKIA%2Fx" },
    want: "foreign_credential",
  },
  {
    name: "a long key",
    sent: { target: "/a?key=AIzaSyTheirsTheirsTheirs" },
    want: "foreign_credential",
  },
  {
    name: "more values than fit",
    sent: {
      headers: Object.fromEntries(
        Array.from({ length: 8 }, (_, at) => [`x-${at}`, "openshell:resolve:env:LARGE"]),
      ),
    },
    want: "request_too_large",
  },
  {
    name: "a parameter of its own",
    sent: { target: "/a?access_token=theirs" },
    want: "foreign_credential",
  },
  {
    name: "a parameter with an encoded name",
    sent: { target: "/a?%61ccess_token=theirs" },
    want: "foreign_credential",
  },
])("injectCredentials() refuses $name", ({ sent, want }) => {
  const injection = inject(sent);
  assert.equal(injection.kind === "refused" && injection.problem, want);
  assert.ok(!JSON.stringify(injection).includes(SECRET));
});
