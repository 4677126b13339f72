/**
 * One model call of a program, from its body to its event.
 *
 * @module
 */

import {
  INFERENCE_BYTES_PER_TOKEN,
  INFERENCE_HELD_TOKENS_MAX,
} from "../../../proto/inference_limits.ts";
import type { Actor, EventSink, InferenceProblem } from "../events/audit_event.ts";
import { writeAll } from "../egress/byte_stream.ts";
import type { BufferedStream } from "../egress/http1/buffered_stream.ts";
import { answerAndClose, closeInOrder } from "../egress/http1/close_in_order.ts";
import { type HeaderField, valuesOf } from "../egress/http1/header_fields.ts";
import type { RelayLimits } from "../egress/http1/relay_limits.ts";
import type { RequestHead } from "../egress/http1/request_head.ts";
import { writeResponseHead } from "../egress/http1/write_head.ts";
import type { BackendPorts } from "./call_backend.ts";
import { inferenceProblemText, inferenceRefusal } from "./inference_answers.ts";
import type { InferenceRoute, InferenceRoutes } from "./inference_routes.ts";
import { type ModelBody, readModelBody } from "./model_body.ts";
import type { RecognisedCall } from "./protocols.ts";
import { relayReply } from "./relay_reply.ts";
import type { TokenLedger } from "./token_ledger.ts";
import { type RouteReply, type Tried, tryRoutes } from "./try_routes.ts";
import { type ReplyForm, type TokenUsage, UsageMeter } from "./usage.ts";

export interface CallScene {
  readonly client: BufferedStream;
  readonly actor: Promise<Actor | null>;
  readonly backend: BackendPorts;
  readonly events: EventSink;
  readonly ledger: TokenLedger;
  readonly routes: InferenceRoutes;
  readonly limits: { readonly relay: RelayLimits; readonly streamIdleMs: number };
  readonly signal: AbortSignal;
}

/** What the event of a call says. */
interface Told {
  readonly status: number;
  readonly problem: InferenceProblem | null;
  readonly tried?: Tried;
  readonly firstByteMs?: number;
  readonly tokens?: TokenUsage | null;
}

export class ServedCall {
  readonly #scene: CallScene;
  readonly #head: RequestHead;
  readonly #call: RecognisedCall | null;
  readonly #startedAt = performance.now();

  /** `call` is `null` for what was not recognised. */
  constructor(scene: CallScene, head: RequestHead, call: RecognisedCall | null) {
    this.#scene = scene;
    this.#head = head;
    this.#call = call;
  }

  /** Answers, ends the connection and records. */
  async refuse(problem: InferenceProblem, detail?: string, tried?: Tried): Promise<"closed"> {
    const { client, limits } = this.#scene;
    const response = inferenceRefusal(problem, detail);
    const { status } = response;
    await this.#record({ status, problem, ...tried === undefined ? {} : { tried } }, detail);
    const { method } = this.#head;
    await answerAndClose(client, response, { limits: limits.relay, method });
    return "closed";
  }

  /** Has the call served by a backend. Returns whether the connection can carry another one. */
  async serve(call: RecognisedCall, bytes: Uint8Array): Promise<"next" | "closed"> {
    const { routes, ledger } = this.#scene;
    const form = call.method === "POST" ? readModelBody(bytes, call.protocol) : null;
    if (form !== null && !form.ok) return await this.refuse("invalid_request", form.detail);
    const body = form?.body ?? null;
    if (routes.isEmpty) return await this.refuse("not_configured");
    const candidates = routes.find(call.protocol, call.model ?? body?.model ?? null);
    if (candidates.length === 0) return await this.refuse("no_compatible_route");
    const estimate = Math.ceil(bytes.length / INFERENCE_BYTES_PER_TOKEN);
    const held = body === null ? 0 : Math.min(estimate, INFERENCE_HELD_TOKENS_MAX);
    const reservation = ledger.reserve(held, routes.tokenBudget);
    if (reservation === null) return await this.refuse("token_budget_exceeded");
    let usage: TokenUsage | null = null;
    try {
      return await this.#exchange(call, candidates, {
        body,
        requestBytes: bytes.length,
        onUsage: (used) => usage = used,
      });
    } finally {
      reservation.settle(usage);
    }
  }

  async #exchange(
    call: RecognisedCall,
    candidates: readonly InferenceRoute[],
    { body, requestBytes, onUsage }: {
      readonly body: ModelBody | null;
      readonly requestBytes: number;
      readonly onUsage: (usage: TokenUsage | null) => void;
    },
  ): Promise<"next" | "closed"> {
    const { client, routes, limits, backend, signal } = this.#scene;
    const gone = new AbortController();
    if (client.buffered === 0) watchEnd(client, gone);
    const either = AbortSignal.any([signal, gone.signal]);
    const { streamIdleMs } = limits;
    const tried = await tryRoutes(
      { routes, candidates, call, sent: this.#head.fields, body, streamIdleMs, signal: either },
      backend,
    );
    const { outcome } = tried;
    if (outcome.kind === "failed") {
      if (outcome.problem !== "aborted") {
        return await this.refuse(outcome.problem, undefined, tried);
      }
      await this.#record({ status: 499, problem: "client_gone", tried });
      return "closed";
    }
    const close = () => outcome.reply.stream.close();
    either.addEventListener("abort", close);
    if (either.aborted) close();
    try {
      return await this.#answer(call, outcome, { tried, requestBytes, onUsage });
    } finally {
      either.removeEventListener("abort", close);
      close();
    }
  }

  async #answer(
    call: RecognisedCall,
    { reply, body, dropsUsage }: RouteReply,
    { tried, requestBytes, onUsage }: {
      readonly tried: Tried;
      readonly requestBytes: number;
      readonly onUsage: (usage: TokenUsage | null) => void;
    },
  ): Promise<"next" | "closed"> {
    const { client, limits } = this.#scene;
    const { status, fields } = reply.head;
    const { version, keepAlive } = this.#head;
    const firstByteMs = performance.now() - this.#startedAt;
    const form = formOf(fields);
    const meter = new UsageMeter(form);
    meter.takeHead(fields);
    const shown = this.#shownFields(fields, tried.route);
    const relayed = body === null
      ? await relayReply(reply, {
        ...{ client, version, meter, dropsUsage, fields: shown },
        closes: !keepAlive,
        ...{ protocol: call.protocol, form, idleMs: limits.streamIdleMs },
      })
      : await this.#answerWhole(reply.head, body, { fields: shown, meter });
    const isCounted = status < 400 && call.protocol !== "model_discovery";
    const tokens = isCounted ? meter.usage(requestBytes) : null;
    onUsage(tokens);
    const refusal = status >= 400 ? "upstream_status" : null;
    const problem = relayed === "complete" ? refusal : relayed;
    await this.#record({ status, problem, tried, firstByteMs, tokens });
    if (relayed === "complete" && keepAlive && version === "1.1") return "next";
    // An event stream says itself that it has broken; any other reply must not end in order.
    const isInOrder = relayed === "complete" || (relayed === "stream_broken" && form === "events");
    if (isInOrder) await closeInOrder(client, { limits: limits.relay });
    return "closed";
  }

  async #answerWhole(
    head: RouteReply["reply"]["head"],
    body: Uint8Array,
    { fields, meter }: { readonly fields: readonly HeaderField[]; readonly meter: UsageMeter },
  ): Promise<"complete" | "client_gone"> {
    meter.push(body);
    meter.end();
    const bytes = writeResponseHead({ ...head, fields, unsentBytes: null }, {
      framing: { kind: "length", bytes: body.length },
      closes: !this.#head.keepAlive,
    });
    try {
      await writeAll(this.#scene.client, bytes);
      await writeAll(this.#scene.client, body);
      return "complete";
    } catch {
      return "client_gone";
    }
  }

  /** Cookies are the operator's session with the backend; no header repeats its key. */
  #shownFields(fields: readonly HeaderField[], route: InferenceRoute): readonly HeaderField[] {
    const { routes } = this.#scene;
    return fields.filter(([name, value]) =>
      !HIDDEN.includes(name.toLowerCase()) && routes.redact(route, value) === value
    );
  }

  async #record(told: Told, detail?: string): Promise<void> {
    const { events, actor } = this.#scene;
    const { status, problem, tried, firstByteMs = null, tokens = null } = told;
    const route = tried?.route;
    const outcome = tried?.outcome;
    const reached = outcome?.kind === "reply" ? { address: outcome.reply.address } : {};
    events.record({
      kind: "inference",
      actor: await actor,
      method: this.#head.method,
      path: this.#call?.path ?? this.#head.target.replace(/[?#].*$/s, ""),
      protocol: this.#call?.protocol ?? null,
      route: route?.name ?? null,
      provider: route?.providerType ?? null,
      model: route?.model ?? null,
      destination: route === undefined ? null : { host: route.host, port: route.port, ...reached },
      status,
      problem,
      detail: problem === null ? null : detail ?? inferenceProblemText(problem),
      durationMs: performance.now() - this.#startedAt,
      firstByteMs,
      tokens,
      attempts: tried?.attempts ?? 0,
    });
  }
}

const HIDDEN: readonly string[] = ["alt-svc", "set-cookie", "set-cookie2"];

/** Aborts when the program ends its side: it does not wait for the reply any more. */
function watchEnd(client: BufferedStream, gone: AbortController): void {
  client.fill().then((isMore) => {
    if (!isMore) gone.abort();
  }, () => gone.abort());
}

function formOf(fields: readonly HeaderField[]): ReplyForm {
  const coded = valuesOf(fields, "content-encoding").some((value) => value !== "identity");
  const type = valuesOf(fields, "content-type")[0]?.toLowerCase() ?? "";
  if (coded) return "opaque";
  if (type.startsWith("text/event-stream")) return "events";
  return type.includes("json") ? "json" : "opaque";
}
