import assert from "node:assert/strict";
import { createVerify, generateKeyPairSync } from "node:crypto";
import { type Assertion, signAssertion } from "./google_assertion.ts";
import { MintError } from "./refresh_errors.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PKCS8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const PKCS1 = privateKey.export({ type: "pkcs1", format: "pem" }).toString();

function assertionOf(change: Partial<Assertion> = {}): Assertion {
  return {
    clientEmail: "robot@project.iam.gserviceaccount.com",
    privateKey: PKCS8,
    subject: "",
    audience: "https://oauth2.googleapis.com/token",
    scopes: ["one", "two"],
    nowMs: 1_700_000_000_999,
    lifetimeSeconds: 3600,
    ...change,
  };
}

function read(part: string | undefined): Record<string, unknown> {
  const bytes = Uint8Array.fromBase64(part ?? "", { alphabet: "base64url" });
  return JSON.parse(new TextDecoder().decode(bytes));
}

Deno.test.each([
  { name: "PKCS 8", key: PKCS8 },
  { name: "PKCS 1", key: PKCS1 },
  { name: "line breaks as JSON has them", key: PKCS8.replaceAll("\n", "\\n") },
])("signAssertion() signs with a key of $name", ({ key }) => {
  const [head, claims, signature] = signAssertion(assertionOf({ privateKey: key })).split(".");
  assert.deepEqual(read(head), { alg: "RS256", typ: "JWT" });
  assert.deepEqual(read(claims), {
    iss: "robot@project.iam.gserviceaccount.com",
    scope: "one two",
    aud: "https://oauth2.googleapis.com/token",
    iat: 1_700_000_000,
    exp: 1_700_003_600,
  });
  const bytes = Uint8Array.fromBase64(signature ?? "", { alphabet: "base64url" });
  const verify = createVerify("RSA-SHA256").update(`${head}.${claims}`);
  assert.ok(verify.verify(publicKey, bytes));
});

Deno.test("signAssertion() acts for a person where one is named", () => {
  const [, claims] = signAssertion(assertionOf({ subject: "ada@example.com" })).split(".");
  assert.equal(read(claims)["sub"], "ada@example.com");
});

const CURVE = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
  .export({ type: "pkcs8", format: "pem" }).toString();

Deno.test.each([
  { name: "no key", key: "the-secret-itself" },
  { name: "a key of another kind", key: CURVE },
  { name: "half a key", key: PKCS8.slice(0, 300) },
])("signAssertion() refuses $name, and shows none of it", ({ key }) => {
  assert.throws(() => signAssertion(assertionOf({ privateKey: key })), (error) => {
    assert.ok(error instanceof MintError);
    assert.equal(error.detail, "material private_key is no RSA key in PEM");
    assert.equal(error.cause, undefined);
    return true;
  });
});
