/**
 * Has a request signed for AWS where its endpoint asks for that.
 *
 * @module
 */

import type { Endpoint } from "../../../policy-wasm/policy.ts";
import {
  awsKeys,
  type AwsPayload,
  type AwsSigning,
  choosePayload,
  chooseRegion,
} from "../credentials/aws_signing.ts";
import type { Place } from "../credentials/credential_set.ts";
import { SIGNED_BODY_BYTES_MAX } from "../credentials/limits.ts";
import { MarkerGuard } from "../credentials/marker_guard.ts";
import { orRefused, type Refused, refused } from "../credentials/refusal.ts";
import { awsTarget, sha256, signAws } from "../credentials/sign_aws.ts";
import { formatAuthority } from "./http1/authority.ts";
import type { BodyRule, ForwardedRequest } from "./http1/forwarded_request.ts";
import type { HeaderField } from "./http1/header_fields.ts";
import type { RequestHead } from "./http1/request_head.ts";
import type { CompleteResponse } from "./http1/respond.ts";
import type { RequestScene } from "./request_scene.ts";

export interface SigningContext {
  /** What goes on but for the signature. */
  readonly filled: { readonly target: string; readonly fields: readonly HeaderField[] };
  readonly head: RequestHead;
  readonly place: Place;
  readonly scene: Pick<RequestScene, "live" | "scheme">;
  /** For a body that is not read as a whole. */
  readonly body: BodyRule;
  readonly refuseBody: (problem: Refused) => CompleteResponse;
}

export type Signed = { readonly kind: "signed"; readonly forwarded: ForwardedRequest } | Refused;

/** Returns how an endpoint has its requests signed; `null` where it has not. */
export function chooseAwsSigning(endpoint: Endpoint | null): AwsSigning | null {
  const mode = endpoint?.credentialSigning ?? null;
  const service = endpoint?.signingService ?? null;
  if (mode === null || service === null) return null;
  return { mode, service, region: endpoint?.signingRegion ?? null };
}

/** Returns the request with a signature, now or once its body is there. */
export function signedRequest(signing: AwsSigning, request: SigningContext): Signed {
  const filled = { ...request.filled, target: awsTarget(request.filled.target) };
  const context = { ...request, filled };
  const { head, body } = context;
  const hasBody = head.framing.kind !== "none";
  const payload = choosePayload(signing, head.fields, hasBody);
  if (payload.kind === "refused") return payload;
  if (payload.kind === "body") {
    const rule = signedBody(signing, context);
    return { kind: "signed", forwarded: { target: filled.target, body: rule } };
  }
  const fields = sign(signing, payload, context);
  if ("kind" in fields) return fields;
  const rule = hasBody ? { body } : {};
  return { kind: "signed", forwarded: { target: filled.target, fields, ...rule } };
}

function sign(
  signing: AwsSigning,
  payload: Extract<AwsPayload, { kind: "known" }>,
  { filled, head, place, scene }: SigningContext,
): readonly HeaderField[] | Refused {
  return orRefused(() => {
    const { live, scheme } = scene;
    // A body took its time: what is in force by now counts.
    const nowMs = Date.now();
    const host = formatAuthority(live.target, scheme);
    const keys = awsKeys(live.generation.credentials, place, nowMs);
    const region = chooseRegion(signing, place.host);
    const { service } = signing;
    const request = { method: head.method, host, ...filled, payload: payload.text };
    return signAws(request, keys, { service, region, nowMs });
  });
}

function signedBody(signing: AwsSigning, context: SigningContext): BodyRule {
  const { filled, refuseBody } = context;
  return {
    kind: "whole",
    bytesMax: SIGNED_BODY_BYTES_MAX,
    finish: (body) => {
      const refuse = (problem: Refused) =>
        ({ kind: "refused", response: refuseBody(problem) }) as const;
      if (new MarkerGuard().push(body).kind === "found") {
        return refuse(refused("credential_misplaced"));
      }
      const fields = sign(signing, { kind: "known", text: sha256(body) }, context);
      if ("kind" in fields) return refuse(fields);
      return { kind: "ready", target: filled.target, fields, body };
    },
    refuse: (problem) =>
      refuseBody(
        problem === "too_large"
          ? refused("request_too_large", { detail: "The body is too large to be signed" })
          : refused("credential_misplaced", { detail: "A body that is signed has no trailers" }),
      ),
  };
}
