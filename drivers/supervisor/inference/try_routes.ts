/**
 * Tries the routes of a call one after the other until a backend answers.
 *
 * A backend that cannot be reached, is overloaded (429) or broken (5xx) is passed over as long as
 * another is left, and as long as the program has nothing of a reply yet.
 *
 * @module
 */

import {
  INFERENCE_ERROR_BYTES_MAX,
  INFERENCE_REPLY_BYTES_MAX,
} from "../../../proto/inference_limits.ts";
import type { HeaderField } from "../egress/http1/header_fields.ts";
import { BodyRelayError } from "../egress/http1/http1_error.ts";
import { Watchdog } from "../egress/http1/watchdog.ts";
import {
  type BackendFailure,
  type BackendPorts,
  type BackendReply,
  callBackend,
} from "./call_backend.ts";
import { type InferenceRoute, type InferenceRoutes, targetAt } from "./inference_routes.ts";
import type { ModelBody } from "./model_body.ts";
import { outboundFields } from "./outbound_fields.ts";
import type { RecognisedCall } from "./protocols.ts";
import { collectBody } from "./read_body.ts";

export interface TryOptions {
  readonly routes: InferenceRoutes;
  /** Not empty. */
  readonly candidates: readonly InferenceRoute[];
  readonly call: RecognisedCall;
  readonly sent: readonly HeaderField[];
  readonly body: ModelBody | null;
  readonly streamIdleMs: number;
  readonly signal: AbortSignal;
}

/** A reply, to be passed on as it comes, or as a whole. */
export interface RouteReply {
  readonly kind: "reply";
  readonly reply: BackendReply;
  /** The whole body; `null` where it is still to be read. */
  readonly body: Uint8Array | null;
  /** The backend was asked to count tokens, which the program had not. */
  readonly dropsUsage: boolean;
}

export type RouteOutcome = RouteReply | BackendFailure;

export interface Tried {
  readonly route: InferenceRoute;
  readonly attempts: number;
  readonly outcome: RouteOutcome;
}

export async function tryRoutes(options: TryOptions, ports: BackendPorts): Promise<Tried> {
  const tried: Omit<Tried, "attempts">[] = [];
  for (const route of options.candidates) {
    const outcome = await tryRoute(route, options, ports);
    tried.push({ route, outcome });
    if (options.signal.aborted || (outcome.kind === "reply" && !isPassedOver(outcome))) break;
  }
  // A backend's own refusal says more than that another one was not there.
  const last = tried.findLast(({ outcome }) => outcome.kind === "reply") ?? tried.at(-1);
  if (last === undefined) throw new TypeError("there are no routes to try");
  return { ...last, attempts: tried.length };
}

function isPassedOver({ reply: { head: { status } } }: RouteReply): boolean {
  return status === 429 || status >= 500;
}

async function tryRoute(
  route: InferenceRoute,
  options: TryOptions,
  ports: BackendPorts,
): Promise<RouteOutcome> {
  const asksUsage = options.body?.lacksUsage ?? false;
  const first = await callRoute(route, { ...options, asksUsage }, ports);
  const isRefused = first.kind === "reply" && [400, 422].includes(first.reply.head.status);
  // An older server may not know the option that OpenShell has added.
  return asksUsage && isRefused
    ? await callRoute(route, { ...options, asksUsage: false }, ports)
    : first;
}

async function callRoute(
  route: InferenceRoute,
  { routes, call, sent, body, streamIdleMs, signal, asksUsage }: TryOptions & {
    readonly asksUsage: boolean;
  },
  ports: BackendPorts,
): Promise<RouteOutcome> {
  const { timeoutMs, providerType } = route;
  const until = performance.now() + timeoutMs;
  const { method, path, query } = call;
  const unsigned = {
    method,
    target: targetAt(route, { path, query, isStream: body?.isStream ?? false }),
    fields: outboundFields(sent, { providerType, hasBody: body !== null }),
    body: body?.write(route.model, { asksUsage, rules: route.dialect.body }) ?? null,
  };
  const reply = await callBackend({
    route,
    ...unsigned,
    fields: routes.authorise(route, unsigned, Date.now()),
    replyMs: call.isStreamed ? Math.max(timeoutMs, streamIdleMs) : timeoutMs,
    signal,
  }, ports);
  if (reply.kind === "failed") return reply;
  const isError = reply.head.status >= 400;
  if (call.isStreamed && !isError) {
    return { kind: "reply", reply, body: null, dropsUsage: asksUsage };
  }
  const bytesMax = isError ? INFERENCE_ERROR_BYTES_MAX : INFERENCE_REPLY_BYTES_MAX;
  const msMax = Math.max(until - performance.now(), 1);
  const whole = await collect(reply, { bytesMax, msMax, signal });
  if (!(whole instanceof Uint8Array)) return whole;
  const shown = isError ? redact(whole, (text) => routes.redact(route, text)) : whole;
  return { kind: "reply", reply, body: shown, dropsUsage: false };
}

/** Reads the whole body, and closes the backend's side. */
async function collect(
  { stream, head }: BackendReply,
  { bytesMax, msMax, signal }: {
    readonly bytesMax: number;
    readonly msMax: number;
    readonly signal: AbortSignal;
  },
): Promise<Uint8Array | BackendFailure> {
  let isLate = false;
  const close = () => stream.close();
  const watchdog = new Watchdog(() => {
    isLate = true;
    close();
  });
  watchdog.arm("body", msMax);
  signal.addEventListener("abort", close);
  try {
    const body = await collectBody(stream, head.framing, bytesMax);
    return body ?? { kind: "failed", problem: "invalid_upstream_response" };
  } catch (error) {
    if (!(error instanceof BodyRelayError)) throw error;
    if (signal.aborted) return { kind: "failed", problem: "aborted" };
    const problem = isLate ? "upstream_timeout" : "invalid_upstream_response";
    return { kind: "failed", problem };
  } finally {
    watchdog.dispose();
    signal.removeEventListener("abort", close);
    close();
  }
}

/** Some servers repeat a key that they refuse. */
function redact(body: Uint8Array, change: (text: string) => string): Uint8Array {
  const text = new TextDecoder().decode(body);
  const changed = change(text);
  return changed === text ? body : new TextEncoder().encode(changed);
}
