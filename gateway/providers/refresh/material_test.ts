import assert from "node:assert/strict";
import type { ProfileRefresh } from "../profile/profile.ts";
import { InvalidProviderError } from "../provider_errors.ts";
import { splitMaterial } from "./material.ts";
import { refreshOf } from "./refresh_fixture.ts";

const GIVEN = { client_id: "id", refresh_token: "the-secret-itself" };

Deno.test("splitMaterial() keeps apart what is secret: always, by the profile, and by the client", () => {
  const piece = { description: "", required: false };
  const refresh = refreshOf({
    material: [{ ...piece, name: "pin", secret: true }, { ...piece, name: "hint", secret: false }],
  });
  const given = { ...GIVEN, pin: "1", hint: "2", client_secret: "3", tenant_id: "4" };
  assert.deepEqual(splitMaterial(refresh, given, ["hint"]), {
    open: { client_id: "id", tenant_id: "4" },
    secret: { refresh_token: "the-secret-itself", pin: "1", hint: "2", client_secret: "3" },
  });
});

const ROLE = { strategy: "aws_sts_assume_role", tokenUrl: "" } as const;

Deno.test.each<{
  name: string;
  change?: Partial<ProfileRefresh>;
  given: Record<string, string>;
  secrets?: readonly string[];
  want: RegExp;
}>([
  { name: "what is missing", given: { client_id: "id" }, want: /needs refresh_token$/ },
  {
    name: "what the profile wants",
    change: { material: [{ name: "pin", description: "", required: true, secret: false }] },
    given: GIVEN,
    want: /needs pin$/,
  },
  { name: "an unknown piece", given: { ...GIVEN, color: "red" }, want: /no such piece/ },
  { name: "another token URL", given: { ...GIVEN, token_url: "x" }, want: /the profile alone/ },
  { name: "another token URI", given: { ...GIVEN, token_uri: "x" }, want: /the profile alone/ },
  {
    name: "a token URL that the profile calls material",
    change: { material: [{ name: "token_url", description: "", required: false, secret: false }] },
    given: { ...GIVEN, token_url: "x" },
    want: /the profile alone/,
  },
  { name: "an empty piece", given: { ...GIVEN, client_id: "" }, want: /empty/ },
  { name: "a NUL", given: { ...GIVEN, refresh_token: "the-secret-itself\0" }, want: /NUL/ },
  {
    name: "a long piece",
    given: { ...GIVEN, refresh_token: "the-secret-itself".repeat(4000) },
    want: /32768 bytes/,
  },
  {
    name: "many pieces",
    given: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`p${index}`, "x"])),
    want: /more than 32/,
  },
  { name: "a secret of no piece", given: GIVEN, secrets: ["client_secret"], want: /no such piece/ },
  {
    name: "a role without keys",
    change: ROLE,
    given: { role_arn: "r" },
    want: /aws_access_key_id/,
  },
  {
    name: "half a pair of keys",
    change: ROLE,
    given: { role_arn: "r", aws_access_key_id: "a" },
    want: /needs aws_secret_access_key$/,
  },
  {
    name: "an endpoint for a role",
    change: ROLE,
    given: { role_arn: "r", endpoint_url: "http://x" },
    want: /the profile alone/,
  },
])("splitMaterial() refuses $name", ({ change = {}, given, secrets = [], want }) => {
  assert.throws(() => splitMaterial(refreshOf(change), given, secrets), (error) => {
    assert.ok(error instanceof InvalidProviderError);
    assert.match(error.message, want);
    assert.ok(!`${error.message}${error.hint}`.includes("the-secret-itself"));
    return true;
  });
});
