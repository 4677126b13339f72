import assert from "node:assert/strict";
import { CredentialSet } from "./credential_set.ts";
import { HANDLE, NOW, sampleCredentials, SECRET } from "./fixture.ts";

const API = { host: "api.example.com", port: 443, path: "/a" };

Deno.test("CredentialSet gives programs placeholders and what is no secret, and nothing else", () => {
  const set = sampleCredentials();
  assert.deepEqual(set.environment(), {
    REGION: "eu-1",
    TOKEN: "openshell:resolve:env:TOKEN",
    ROTATING: `openshell:resolve:env:${HANDLE}_ROTATING`,
    OLD: "openshell:resolve:env:OLD",
    BROKEN: "openshell:resolve:env:BROKEN",
    LARGE: "openshell:resolve:env:LARGE",
    SLASHED: "openshell:resolve:env:SLASHED",
  });
  assert.deepEqual(set.withheld, ["LOST"]);
  assert.equal(set.revision, 7n);
});

Deno.test("CredentialSet shows no value when it is printed", () => {
  const set = sampleCredentials();
  const shown = Deno.inspect(set, { depth: 9, showHidden: true }) + String(set);
  for (const secret of [SECRET, "value-of-today", "value-without-a-place"]) {
    assert.ok(!shown.includes(secret), shown);
  }
});

Deno.test.each([
  { name: "at its place", reference: "TOKEN", place: API, want: SECRET },
  {
    name: "under its pattern and path",
    reference: "TOKEN",
    place: { host: "a.wild.example.com", port: 8443, path: "/v1/x/y" },
    want: SECRET,
  },
  { name: "by its handle", reference: `${HANDLE}_ROTATING`, place: API, want: "value-of-today" },
])("CredentialSet.resolve() $name", ({ reference, place, want }) => {
  const resolution = sampleCredentials().resolve(reference, place, NOW);
  assert.equal(resolution.ok && resolution.value, want);
});

const MISMATCH = "credential_endpoint_mismatch";
Deno.test.each([
  { name: "another host", reference: "TOKEN", place: { host: "b.example.com" }, want: MISMATCH },
  { name: "a suffix", reference: "TOKEN", place: { host: "x.api.example.com" }, want: MISMATCH },
  { name: "another port", reference: "TOKEN", place: { port: 80 }, want: MISMATCH },
  {
    name: "another path",
    reference: "TOKEN",
    place: { host: "a.wild.example.com", port: 8443, path: "/v2/x" },
    want: MISMATCH,
  },
  {
    name: "two labels under a pattern of one",
    reference: "TOKEN",
    place: { host: "a.b.wild.example.com", port: 8443, path: "/v1/x" },
    want: MISMATCH,
  },
  { name: "an unknown key", reference: "NONE", place: {}, want: "credential_unknown" },
  { name: "a withheld key", reference: "LOST", place: {}, want: "credential_unknown" },
  { name: "what is no secret", reference: "REGION", place: {}, want: "credential_unknown" },
  { name: "a handle left out", reference: "ROTATING", place: {}, want: "credential_unknown" },
  {
    name: "a former handle",
    reference: `s${"ff".repeat(32)}_ROTATING`,
    place: {},
    want: "credential_unknown",
  },
  {
    name: "a handle of nobody",
    reference: `${HANDLE}_TOKEN`,
    place: {},
    want: "credential_unknown",
  },
  { name: "an expired one", reference: "OLD", place: {}, want: "credential_expired" },
  { name: "a value of two lines", reference: "BROKEN", place: {}, want: "credential_invalid" },
])("CredentialSet.resolve() refuses $name", ({ reference, place, want }) => {
  const resolution = sampleCredentials().resolve(reference, { ...API, ...place }, NOW);
  assert.deepEqual(!resolution.ok && resolution.problem, want);
});

Deno.test("CredentialSet.NONE has nothing", () => {
  assert.deepEqual(CredentialSet.NONE.environment(), {});
  assert.ok(CredentialSet.NONE.isEmpty);
  assert.equal(CredentialSet.NONE.resolve("TOKEN", API, NOW).ok, false);
});
