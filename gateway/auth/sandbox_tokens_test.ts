import assert from "node:assert/strict";
import { exportPKCS8, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { UnauthenticatedError } from "./principal.ts";
import { SandboxTokens, TokenKeyError } from "./sandbox_tokens.ts";

const ID = "11111111-2222-4333-8444-555555555555";
const NOW = Date.UTC(2026, 0, 1);
const SECOND = NOW / 1000;
const PARTY = "openshell-gateway:g";

const pair = await generateKeyPair("EdDSA", { extractable: true });
const other = await generateKeyPair("EdDSA", { extractable: true });

async function tokensOf(keys: typeof pair, gatewayId = "g", now = NOW): Promise<SandboxTokens> {
  return await SandboxTokens.open({
    gatewayId,
    signingKey: await exportPKCS8(keys.privateKey),
    publicKey: await exportSPKI(keys.publicKey),
    keyId: "k",
    now: () => now,
  });
}

function sign(claims: object, header: object = {}): Promise<string> {
  return new SignJWT({
    iss: PARTY,
    aud: PARTY,
    sub: `spiffe://openshell/sandbox/${ID}`,
    iat: SECOND,
    ...claims,
  }).setProtectedHeader({ alg: "EdDSA", typ: "JWT", ...header }).sign(pair.privateKey);
}

Deno.test("SandboxTokens verifies what it issued, however long ago", async () => {
  const token = await (await tokensOf(pair)).issue(ID);
  const muchLater = await tokensOf(pair, "g", NOW + 10 * 365 * 86_400_000);
  assert.equal(await muchLater.verify(token), ID);
});

Deno.test.each([
  { name: "as issued", claims: {}, want: true },
  { name: "of another issuer", claims: { iss: "openshell-gateway:h" }, want: false },
  { name: "for another audience", claims: { aud: "openshell-gateway:h" }, want: false },
  { name: "for several audiences", claims: { aud: [PARTY, "x"] }, want: false },
  { name: "of a person", claims: { sub: "ada" }, want: false },
  { name: "of no one", claims: { sub: undefined }, want: false },
  { name: "of an odd id", claims: { sub: "spiffe://openshell/sandbox/../x" }, want: false },
  { name: "without a time", claims: { iat: undefined }, want: false },
  { name: "of the near future", claims: { nbf: SECOND + 59 }, want: true },
  { name: "of the future", claims: { nbf: SECOND + 61 }, want: false },
  { name: "that ended just now", claims: { exp: SECOND - 59 }, want: true },
  { name: "that has ended", claims: { exp: SECOND - 61 }, want: false },
  { name: "of another type", header: { typ: "openshell-ext+jwt" }, claims: {}, want: false },
])("verify() judges a token $name", async ({ claims, header = {}, want }) => {
  const verified = (await tokensOf(pair)).verify(await sign(claims, header));
  if (want) assert.equal(await verified, ID);
  else await assert.rejects(verified, UnauthenticatedError);
});

Deno.test("verify() refuses other keys, other algorithms, and what is no token", async () => {
  const tokens = await tokensOf(pair);
  const foreign = await (await tokensOf(other)).issue(ID);
  const elsewhere = await (await tokensOf(pair, "h")).issue(ID);
  const [head, body] = (await tokens.issue(ID)).split(".");
  const unsigned = `${btoa('{"alg":"none","typ":"JWT"}').replaceAll("=", "")}.${body}.`;
  const symmetric = await new SignJWT({ sub: ID }).setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(new TextEncoder().encode(await exportSPKI(pair.publicKey)));
  const bad = [
    foreign,
    elsewhere,
    `${head}.${body}.`,
    unsigned,
    symmetric,
    "",
    "x",
    "a".repeat(9999),
  ];
  for (const token of bad) await assert.rejects(tokens.verify(token), UnauthenticatedError);
});

Deno.test("SandboxTokens.open() refuses keys that are none", async () => {
  const options = { gatewayId: "g", keyId: "k", now: () => NOW, signingKey: "", publicKey: "" };
  await assert.rejects(SandboxTokens.open(options), TokenKeyError);
});
