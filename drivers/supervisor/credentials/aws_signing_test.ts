import assert from "node:assert/strict";
import { awsKeys, type AwsSigning, choosePayload, chooseRegion } from "./aws_signing.ts";
import { AWS_SECRET, liveCredentials } from "./fixture.ts";
import { sha256 } from "./sign_aws.ts";

const PLACE = { host: "b.s3.eu-west-1.amazonaws.com", port: 443, path: "/" };

function signing(mode: AwsSigning["mode"] = "sigv4"): AwsSigning {
  return { mode, service: "s3", region: null };
}

const HASH = sha256("x");
Deno.test.each(
  [
    { name: "no body", mode: "sigv4", claim: null, hasBody: false, want: sha256("") },
    { name: "an unclaimed body", mode: "sigv4", claim: null, hasBody: true, want: "body" },
    { name: "a claimed hash", mode: "sigv4", claim: HASH, hasBody: true, want: HASH },
    { name: "no word known", mode: "sigv4", claim: "whatever", hasBody: true, want: "body" },
    {
      name: "an unsigned body",
      mode: "sigv4",
      claim: "UNSIGNED-PAYLOAD",
      hasBody: true,
      want: "UNSIGNED-PAYLOAD",
    },
    {
      name: "unsigned chunks with a trailer",
      mode: "sigv4",
      claim: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      hasBody: true,
      want: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    },
    { name: "always the body", mode: "sigv4:body", claim: HASH, hasBody: true, want: "body" },
    { name: "never", mode: "sigv4:no_body", claim: HASH, hasBody: true, want: "UNSIGNED-PAYLOAD" },
    {
      name: "signed chunks",
      mode: "sigv4:no_body",
      claim: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      hasBody: true,
      want: "credential_misplaced",
    },
  ] as const,
)("choosePayload() signs $name as $want", ({ mode, claim, hasBody, want }) => {
  const fields = claim === null ? [] : [["X-Amz-Content-SHA256", claim] as const];
  const payload = choosePayload(signing(mode), fields, hasBody);
  const got = payload.kind === "known"
    ? payload.text
    : payload.kind === "body"
    ? "body"
    : payload.problem;
  assert.equal(got, want);
});

Deno.test("chooseRegion() takes the endpoint's region first, and needs one", () => {
  assert.equal(chooseRegion({ ...signing(), region: "eu-north-1" }, PLACE.host), "eu-north-1");
  assert.equal(chooseRegion(signing(), PLACE.host), "eu-west-1");
  assert.throws(() => chooseRegion(signing(), "s3.example.com"), { problem: "credential_invalid" });
});

Deno.test("awsKeys() takes keys that belong to the place, and to one provider", () => {
  const set = liveCredentials();
  assert.equal(awsKeys(set, PLACE, 0).secretAccessKey, AWS_SECRET);
  const other = { ...PLACE, host: "b.s3.eu-west-2.amazonaws.com" };
  assert.throws(() => awsKeys(set, other, 0), { problem: "credential_endpoint_mismatch" });
  const without = (key: string) => set.without((candidate) => candidate === key);
  const few = without("AWS_SECRET_ACCESS_KEY");
  assert.throws(() => awsKeys(few, PLACE, 0), { problem: "credential_unknown" });
  assert.equal(awsKeys(without("AWS_SESSION_TOKEN"), PLACE, 0).sessionToken, null);
});
