import assert from "node:assert/strict";
import { CredentialSet } from "../credentials/credential_set.ts";
import { googleCredentials } from "./fixture.ts";
import { metadataFacts } from "./metadata_facts.ts";

const HANDLE = `s${"0a".repeat(32)}`;

Deno.test("metadataFacts() without a provider of Google is null", () => {
  assert.equal(metadataFacts(CredentialSet.NONE), null);
  // A credential of this name is a secret, and leads nowhere.
  const tokens = { GCE_METADATA_HOST: "" };
  assert.equal(metadataFacts(googleCredentials({ tokens })), null);
  assert.equal(metadataFacts(googleCredentials({ metadataHost: "10.0.0.1:80" })), null);
});

Deno.test("metadataFacts() has names that programs can do with", () => {
  const bare = metadataFacts(googleCredentials({ config: {} }));
  assert.deepEqual([bare?.projectId, bare?.email], [null, "default"]);
  const config = { GOOGLE_CLOUD_PROJECT: "p", GCP_SERVICE_ACCOUNT_EMAIL: "a@b.example" };
  const named = metadataFacts(googleCredentials({ config }));
  assert.deepEqual([named?.projectId, named?.email], ["p", "a@b.example"]);
});

Deno.test.each([
  { name: "no token", tokens: {}, want: undefined },
  {
    name: "a token of a person",
    tokens: { GCP_ADC_ACCESS_TOKEN: "" },
    want: "openshell:resolve:env:GCP_ADC_ACCESS_TOKEN",
  },
  {
    name: "that of a service account first",
    tokens: { GCP_ADC_ACCESS_TOKEN: "", GCP_SA_ACCESS_TOKEN: "" },
    want: "openshell:resolve:env:GCP_SA_ACCESS_TOKEN",
  },
  {
    name: "the handle of a value that changes by itself",
    tokens: { GCP_ADC_ACCESS_TOKEN: HANDLE },
    want: `openshell:resolve:env:${HANDLE}_GCP_ADC_ACCESS_TOKEN`,
  },
  { name: "another key is no token", tokens: { OTHER_TOKEN: "" }, want: undefined },
])("metadataFacts() $name", ({ tokens, want }) => {
  const facts = metadataFacts(googleCredentials({ tokens: tokens as Record<string, string> }));
  assert.equal(facts?.token?.placeholder, want);
});

Deno.test("metadataFacts() takes the end of the token's value", () => {
  const expiresAtMs = { GCP_ADC_ACCESS_TOKEN: 99 };
  assert.equal(metadataFacts(googleCredentials({ expiresAtMs }))?.token?.expiresAtMs, 99);
  assert.equal(metadataFacts(googleCredentials())?.token?.expiresAtMs, null);
});
