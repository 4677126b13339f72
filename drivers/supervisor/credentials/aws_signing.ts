/**
 * What is to be signed of a request to AWS, and with which keys.
 *
 * Pure but for the values.
 *
 * @module
 */

import type { HeaderField } from "../egress/http1/header_fields.ts";
import type { CredentialSet, Place } from "./credential_set.ts";
import { Refusal, type Refused, refused } from "./refusal.ts";
import { type AwsKeys, regionOf, sha256, UNSIGNED_PAYLOAD } from "./sign_aws.ts";

/** An endpoint's settings. */
export interface AwsSigning {
  readonly mode: "sigv4" | "sigv4:body" | "sigv4:no_body";
  readonly service: string;
  /** `null` takes it from the host. */
  readonly region: string | null;
}

/** What stands for the body: text that is known now, or its hash once it is there. */
export type AwsPayload = { readonly kind: "known"; readonly text: string } | {
  readonly kind: "body";
};

const KEY_ID = "AWS_ACCESS_KEY_ID";
const SECRET_KEY = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN = "AWS_SESSION_TOKEN";

/** Body in chunks that carry signatures of their own, made with what is no key. */
const SIGNED_CHUNKS = /^STREAMING-AWS4-/i;

/** Returns how the body is signed, or why it is not. */
export function choosePayload(
  { mode }: AwsSigning,
  sent: readonly HeaderField[],
  hasBody: boolean,
): AwsPayload | Refused {
  const claims = sent.filter(([name]) => name.toLowerCase() === "x-amz-content-sha256");
  const [claim = ""] = claims.map(([, value]) => value);
  if (claims.length > 1 || SIGNED_CHUNKS.test(claim)) {
    const detail = "A body in chunks that are signed each cannot be signed anew";
    return refused("credential_misplaced", { detail });
  }
  if (mode === "sigv4:no_body") return { kind: "known", text: UNSIGNED_PAYLOAD };
  if (!hasBody) return { kind: "known", text: sha256("") };
  if (mode === "sigv4:body") return { kind: "body" };
  const isKept = claim === UNSIGNED_PAYLOAD || claim === "STREAMING-UNSIGNED-PAYLOAD-TRAILER" ||
    // The service compares it with the body: a wrong one is refused there.
    /^[0-9a-f]{64}$/.test(claim);
  return isKept ? { kind: "known", text: claim } : { kind: "body" };
}

/** Returns the region. @throws {Refusal} where nothing says it. */
export function chooseRegion({ region }: AwsSigning, host: string): string {
  const chosen = region ?? regionOf(host);
  if (chosen === null) throw new Refusal("credential_invalid", null);
  return chosen;
}

/** Returns the keys of one provider that belong to the place. @throws {Refusal} */
export function awsKeys(set: CredentialSet, place: Place, nowMs: number): AwsKeys {
  const resolve = (key: string): string => {
    const resolution = set.resolveKey(key, place, nowMs);
    if (!resolution.ok) throw new Refusal(resolution.problem, resolution.key);
    if (set.providerOf(key) !== set.providerOf(KEY_ID)) {
      throw new Refusal("credential_invalid", key);
    }
    return resolution.value;
  };
  return {
    accessKeyId: resolve(KEY_ID),
    secretAccessKey: resolve(SECRET_KEY),
    // Temporary keys are worth nothing without their token: one that is there has to be good.
    sessionToken: set.providerOf(SESSION_TOKEN) === null ? null : resolve(SESSION_TOKEN),
  };
}

/** Returns what must not come back of the keys: the key's name is no secret. */
export function awsSecrets(set: CredentialSet): readonly string[] {
  return [SECRET_KEY, SESSION_TOKEN].flatMap((key) => set.secretOf(key));
}
