import assert from "node:assert/strict";
import fc from "fast-check";
import { liveCredentials } from "./fixture.ts";
import { type BodyForm, bodyFormOf, injectBody } from "./inject_body.ts";
import { Resolver } from "./resolver.ts";

const VALUE = 'va"l\\ue +&=é';
const TOKEN = "openshell:resolve:env:TOKEN";

function inject(body: string | Uint8Array, form: BodyForm, valueBytesMax = 1024): string {
  const set = liveCredentials({ token: VALUE });
  const place = { host: "api.example.com", port: 443, path: "/" };
  const resolver = new Resolver({ set, place, nowMs: 0, valueBytesMax });
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const injected = injectBody(bytes, form, resolver);
  return injected.kind === "body" ? new TextDecoder().decode(injected.body) : injected.problem;
}

Deno.test.each([
  { type: "application/json", want: "json" },
  { type: "application/vnd.api+json; charset=UTF-8", want: "json" },
  { type: "application/x-www-form-urlencoded", want: "form" },
  { type: "text/plain;charset=utf-8", want: "text" },
  { type: "text/plain;charset=utf-16", want: null },
  { type: "text/plain; charset = utf-16", want: null },
  { type: "multipart/form-data; boundary=x", want: null },
  { type: "application/octet-stream", want: null },
  { type: null, want: null },
])("bodyFormOf() reads $type as $want", ({ type, want }) => {
  assert.equal(bodyFormOf(type), want);
});

Deno.test("injectBody() leaves the rest of JSON as it was written", () => {
  const body = `{ "big":12345678901234567890, "a" : ["${TOKEN}", "\\u00e9"], "a":1.0 }`;
  const want = `{ "big":12345678901234567890, "a" : [${
    JSON.stringify(VALUE)
  }, "\\u00e9"], "a":1.0 }`;
  assert.equal(inject(body, "json"), want);
});

Deno.test("injectBody() keeps JSON valid, whatever stands beside the placeholder", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.string(), (value, text) => {
    const body = JSON.stringify({ value, text, token: TOKEN, both: `${text} ${TOKEN}` });
    const got = inject(body, "json");
    const both = `${text} ${VALUE}`;
    assert.deepEqual(JSON.parse(got), { ...JSON.parse(body), token: VALUE, both });
  }));
});

Deno.test("injectBody() keeps forms", () => {
  const got = inject(`a=1+2&b=${encodeURIComponent(TOKEN)}&c=x+${TOKEN}&d`, "form");
  assert.deepEqual([...new URLSearchParams(got)], [
    ["a", "1 2"],
    ["b", VALUE],
    ["c", `x ${VALUE}`],
    ["d", ""],
  ]);
});

Deno.test.each(
  [
    { name: "a key", form: "json", body: `{"${TOKEN}":1}`, want: "credential_misplaced" },
    {
      name: "a key far off",
      form: "json",
      body: `{"${TOKEN}"\n\n:1}`,
      want: "credential_misplaced",
    },
    { name: "no JSON", form: "json", body: `{a:"${TOKEN}"}`, want: "credential_misplaced" },
    {
      name: "escapes in no JSON",
      form: "json",
      body: `{a:"${TOKEN.replaceAll(":", "\\u003A")}"}`,
      want: "credential_misplaced",
    },
    { name: "a name", form: "form", body: `${TOKEN}=1`, want: "credential_misplaced" },
    { name: "a wrong encoding", form: "form", body: `a=%E9${TOKEN}`, want: "credential_misplaced" },
    { name: "another case", form: "text", body: TOKEN.toUpperCase(), want: "credential_misplaced" },
    { name: "no key", form: "text", body: `${TOKEN}_X`, want: "credential_unknown" },
    {
      name: "too many",
      form: "text",
      body: TOKEN.concat(" ").repeat(100),
      want: "request_too_large",
    },
    {
      name: "what is not UTF-8",
      form: "text",
      body: new Uint8Array([0xff, ...new TextEncoder().encode(TOKEN)]),
      want: "credential_misplaced",
    },
  ] as const,
)("injectBody() refuses $name", ({ form, body, want }) => {
  assert.equal(inject(body, form), want);
});

Deno.test("injectBody() leaves what is not UTF-8 and holds nothing", () => {
  assert.equal(inject(new Uint8Array([0xff, 0x41]), "text"), "\ufffdA");
});
