/**
 * Puts credentials into a request that was judged, or refuses it after all.
 *
 * What was judged and is recorded keeps its placeholders; only what goes on has values. A body that
 * is not filled is watched on its way, and what comes back is searched for what was sent.
 *
 * @module
 */

import { chooseAwsSigning, signedRequest } from "./sign_request.ts";
import { bodyFormOf, injectBody } from "../credentials/inject_body.ts";
import { injectCredentials, type Injection } from "../credentials/inject_credentials.ts";
import {
  CREDENTIAL_BODY_BYTES_MAX,
  CREDENTIAL_BODY_VALUE_BYTES_MAX,
} from "../credentials/limits.ts";
import { MarkerGuard } from "../credentials/marker_guard.ts";
import { awsSecrets } from "../credentials/aws_signing.ts";
import { type Refused, refused } from "../credentials/refusal.ts";
import { Resolver } from "../credentials/resolver.ts";
import { SecretMask } from "../credentials/secret_mask.ts";
import { withoutAwsSignature } from "../credentials/sign_aws.ts";
import type { BodyRule, ForwardedRequest, ResponseRule } from "./http1/forwarded_request.ts";
import { valuesOf } from "./http1/header_fields.ts";
import type { RequestHead } from "./http1/request_head.ts";
import type { CompleteResponse } from "./http1/respond.ts";
import { denialOf, type JudgedRequest, refuse, requestEvent } from "./judge_request.ts";
import type { RequestScene } from "./request_scene.ts";

/** A judged request, and what goes on of it: `null` where nothing does. */
export interface WithCredentials {
  readonly judged: JudgedRequest;
  readonly forwarded: ForwardedRequest | null;
}

/** Refusals that an honest program does not run into. */
const FINDINGS: ReadonlySet<string> = new Set([
  "credential_endpoint_mismatch",
  "credential_misplaced",
  "foreign_credential",
]);

/** Adds what belongs to the request's place. A refusal that points at an attack is a finding too. */
export function addCredentials(
  judged: JudgedRequest,
  head: RequestHead,
  scene: RequestScene,
): WithCredentials {
  const { target, request, endpoint } = judged;
  if (target === null || request === null) return { judged, forwarded: null };
  const { generation: { credentials }, target: { host, port } } = scene.live;
  const place = { host, port, path: request.path };
  const nowMs = Date.now();
  const signing = chooseAwsSigning(endpoint);
  const fields = signing === null ? head.fields : withoutAwsSignature(head.fields);
  const injection = injectCredentials(credentials, { fields, target, place, nowMs });
  const fail = (problem: Refused): WithCredentials => {
    recordFinding(problem, scene);
    const outcome = refuse(problem.problem, problem.detail, scene.live.connection.decision);
    return { judged: { ...outcome, request }, forwarded: null };
  };
  if (injection.kind === "refused") return fail(injection);
  if (credentials.isEmpty && signing === null) return { judged, forwarded: { target } };
  const filled = injection.kind === "none" ? { target, fields } : injection;
  const refuseBody = (problem: Refused) => answerRefused(problem, { judged, head, scene });
  const secrets = injection.kind === "injected" ? injection.secrets() : [];
  const recheck = () => {
    const { credentials: now } = scene.live.generation;
    if (now === credentials) return null;
    const again = injectCredentials(now, { fields, target, place, nowMs: Date.now() });
    if (again.kind === "refused") return refuseBody(again);
    if (signing === null && isSame(injection, again)) return null;
    const detail = "The credential changed while the request was on its way";
    return refuseBody(refused("credential_unknown", { detail }));
  };
  const sent = signing === null ? secrets : [...secrets, ...awsSecrets(credentials)];
  const response = sent.length === 0 ? {} : { response: responseRule(sent, scene) };
  if (signing !== null) {
    const body = guardRule(refuseBody);
    const signed = signedRequest(signing, { filled, head, place, scene, body, refuseBody });
    if (signed.kind === "refused") return fail(signed);
    return { judged, forwarded: { ...response, ...signed.forwarded, recheck } };
  }
  const body = bodyRule({ judged, head, scene, filled, refuseBody });
  return { judged, forwarded: { ...filledOf(injection, target), ...response, ...body, recheck } };
}

function filledOf(injection: Exclude<Injection, Refused>, target: string): ForwardedRequest {
  if (injection.kind === "none") return { target };
  return { target: injection.target, fields: injection.fields };
}

function isSame(a: Injection, b: Injection): boolean {
  if (a.kind !== "injected" || b.kind !== "injected") return a.kind === b.kind;
  return a.target === b.target && JSON.stringify(a.fields) === JSON.stringify(b.fields);
}

interface BodyContext {
  readonly judged: JudgedRequest;
  readonly head: RequestHead;
  readonly scene: RequestScene;
  readonly filled: Required<Pick<ForwardedRequest, "target" | "fields">>;
  readonly refuseBody: (problem: Refused) => CompleteResponse;
}

/** A body is filled where its endpoint asks for that and it can be read, and watched otherwise. */
function bodyRule(context: BodyContext): { readonly body?: BodyRule } {
  const { judged, head, scene, filled, refuseBody } = context;
  const { framing } = head;
  if (framing.kind === "none") return {};
  const [contentType = null, ...others] = valuesOf(head.fields, "content-type");
  const form = others.length === 0 ? bodyFormOf(contentType) : null;
  const codings = valuesOf(head.fields, "content-encoding");
  const isPlain = codings.every((coding) => coding.toLowerCase() === "identity");
  const isTooLarge = framing.kind === "length" && framing.bytes > CREDENTIAL_BODY_BYTES_MAX;
  const isFilled = judged.endpoint?.requestBodyCredentialRewrite === true;
  if (!isFilled || form === null || !isPlain || isTooLarge) {
    return { body: guardRule(refuseBody) };
  }
  const { host, port } = scene.live.target;
  const place = { host, port, path: judged.request?.path ?? "" };
  return {
    body: {
      kind: "whole",
      bytesMax: CREDENTIAL_BODY_BYTES_MAX,
      finish: (bytes) => {
        // The body took its time: what is in force by now counts.
        const { credentials: set } = scene.live.generation;
        const nowMs = Date.now();
        const valueBytesMax = CREDENTIAL_BODY_VALUE_BYTES_MAX;
        const resolver = new Resolver({ set, place, nowMs, valueBytesMax });
        const injected = injectBody(bytes, form, resolver);
        if (injected.kind === "refused") {
          return { kind: "refused", response: refuseBody(injected) };
        }
        return { kind: "ready", ...filled, body: injected.body };
      },
      refuse: (problem) =>
        refuseBody(
          problem === "too_large" ? refused("request_too_large") : refused("credential_misplaced", {
            detail: "A body that placeholders are replaced in has no trailers",
          }),
        ),
    },
  };
}

function guardRule(refuseBody: (problem: Refused) => CompleteResponse): BodyRule {
  const guard = new MarkerGuard();
  return {
    kind: "filtered",
    filter: {
      push: (piece) => {
        const guarded = guard.push(piece);
        return guarded.kind === "found" ? null : guarded.bytes;
      },
      end: () => guard.end(),
    },
    refuse: () =>
      refuseBody(refused("credential_misplaced", {
        detail: "The body holds a placeholder where none is replaced",
      })),
  };
}

/** What was sent with a request is covered in what comes back. */
export function responseRule(secrets: readonly string[], scene: RequestScene): ResponseRule {
  let isRecorded = false;
  const found = () => {
    if (isRecorded) return;
    isRecorded = true;
    const { target } = scene.live;
    scene.events.record({
      kind: "finding",
      uid: "openshell.provider_credential.echoed",
      title: "A server sent a credential back",
      detail: `${target.host}:${target.port} repeated a credential, which was covered`,
      severity: "medium",
    });
  };
  const mask = new SecretMask(secrets, found);
  const another = () => new SecretMask(secrets, found);
  return { header: (value) => mask.text(value), filter: mask, another };
}

/** A request whose head was allowed is refused for its body: that is recorded as well. */
function answerRefused(
  problem: Refused,
  { judged, head, scene }: Pick<BodyContext, "judged" | "head" | "scene">,
): CompleteResponse {
  const { live, events, scheme, address } = scene;
  recordFinding(problem, scene);
  const decision = live.connection.decision;
  const denied = { ...refuse(problem.problem, problem.detail, decision), request: judged.request };
  events.record(requestEvent(head.method, denied, live, { scheme, address: address() }));
  return denialOf(denied, head.method, live);
}

/** Records a refusal that points at an attack. */
export function recordFinding(
  { problem, detail, key }: Refused,
  { live, events }: RequestScene,
): void {
  if (!FINDINGS.has(problem)) return;
  const { actor, target } = live;
  const which = key === null ? "" : ` (${key})`;
  events.record({
    kind: "finding",
    uid: `openshell.provider_credential.${problem.replace(/^credential_/, "")}`,
    title: "A credential was not where it belongs",
    detail: `${actor.binary} towards ${target.host}:${target.port}: ${detail}${which}`,
    severity: "high",
  });
}
