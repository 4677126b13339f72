/**
 * Takes one judged request to the upstream and its response back.
 *
 * Both directions run at once: an upstream may answer before it has the whole request, and neither
 * side may have to wait for the other to stop writing. A response that ends while the request does
 * not makes the exchange the connection's last.
 *
 * The upstream's connection is opened for the first request and kept. Between requests a read waits
 * on it, so that its end is noticed before the next request is sent into it.
 *
 * @module
 */

import {
  HTTP_HEAD_BYTES_MAX,
  HTTP_INTERIM_RESPONSES_MAX,
} from "../../../../proto/egress_limits.ts";
import { type ByteStream, writeAll } from "../byte_stream.ts";
import { type Authority, formatAuthority, type Scheme } from "./authority.ts";
import { createScratch, relayBody } from "./body.ts";
import { BufferedStream, type HeadRead } from "./buffered_stream.ts";
import { answerAndClose, closeInOrder } from "./close_in_order.ts";
import type {
  BodyRule,
  FinishedRequest,
  ForwardedRequest,
  ResponseRule,
  UpgradeRule,
} from "./forwarded_request.ts";
import { type BodyProblem, BodyRelayError } from "./http1_error.ts";
import type { RelayLimits } from "./relay_limits.ts";
import type { RequestHead } from "./request_head.ts";
import { bareResponse, type CompleteResponse, jsonResponse } from "./respond.ts";
import {
  framingForClient,
  parseResponseHead,
  type ResponseHead,
  type ResponseProblem,
} from "./response_head.ts";
import type { Watchdog } from "./watchdog.ts";
import { bytesStream, completeHead, readWholeBody } from "./whole_body.ts";
import { writeRequestHead, writeResponseHead } from "./write_head.ts";

/** Why an exchange did not come to its end. */
export type ExchangeProblem =
  | "upstream_unreachable"
  /** It closed without an answer. */
  | "upstream_silent"
  | "upstream_timeout"
  | "invalid_response"
  | "response_truncated"
  | "request_truncated"
  | "invalid_request_body"
  /** Its rule did not let it go on. */
  | "request_refused"
  | "body_timeout"
  | "client_gone";

/** How an exchange ended. After `last` and `failed` both sides are closed. */
export type ExchangeEnd =
  | { readonly kind: "next" }
  | { readonly kind: "last" }
  | { readonly kind: "aborted" }
  | {
    readonly kind: "failed";
    readonly problem: ExchangeProblem;
    /** What is wrong with the response's head, where that is the problem. */
    readonly responseProblem?: ResponseProblem;
    readonly cause?: unknown;
  };

/** What a relay waits for; see {@link RelayLimits}. */
export type Stage = "idle" | "head" | "response" | "body";

export interface ExchangerOptions {
  readonly client: BufferedStream;
  readonly openUpstream: () => Promise<ByteStream>;
  readonly authority: Authority;
  readonly scheme: Scheme;
  readonly signal: AbortSignal;
  readonly limits: RelayLimits;
  readonly watchdog: Watchdog<Stage>;
}

/** A request on its way. It never rejects: what went wrong is in it. */
interface Upload {
  isDone: boolean;
  /** The response's head is there. */
  isAnswered: boolean;
  problem: BodyProblem | null;
  /** Not an error of the network: passed on to the caller. */
  crash: unknown;
  settled: Promise<void>;
}

type Download =
  | { readonly kind: "complete"; readonly canReuse: boolean; readonly closes: boolean }
  /** Not one byte came. */
  | { readonly kind: "silent"; readonly cause?: unknown }
  | { readonly kind: "switched"; readonly relay: () => Promise<void> }
  | { readonly kind: "invalid"; readonly problem: ResponseProblem }
  /** Part of the response is at the client. */
  | { readonly kind: "truncated"; readonly cause: unknown }
  | { readonly kind: "client_gone"; readonly cause: unknown };

/** Requests that may be sent again where nothing shows that the first was seen. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** The two sides of one client connection. */
export class Exchanger {
  readonly #options: ExchangerOptions;
  #upstream: BufferedStream | null = null;
  #requestScratch: Uint8Array | null = null;
  #responseScratch: Uint8Array | null = null;
  #timedOut: Stage | null = null;

  constructor(options: ExchangerOptions) {
    this.#options = options;
  }

  /** Relays one request, which was judged with this target, and its response. */
  async exchange(
    asked: RequestHead,
    forwarded: ForwardedRequest,
    wasLast: boolean,
  ): Promise<ExchangeEnd> {
    const { authority, scheme, signal, watchdog } = this.#options;
    const { body: rule, upgrade, response } = forwarded;
    const isLast = wasLast || upgrade !== undefined;
    const ready = rule?.kind === "whole" ? await this.#gather(asked, rule) : null;
    if (ready !== null && "problem" in ready) return ready;
    const head = ready === null ? asked : completeHead(asked, ready);
    const target = ready?.target ?? forwarded.target;
    const filter = rule?.kind === "filtered" ? rule : null;
    const options = { whole: ready?.body ?? null, filter, response, upgrade, isLast };
    const upgradesTo = upgrade?.protocol;
    const bytes = writeRequestHead(head, { target, authority, scheme, closes: isLast, upgradesTo });
    for (let attempt = 1;; attempt += 1) {
      watchdog.disarm();
      const isKept = this.#dropDeadUpstream();
      const opened = await this.#open();
      if (signal.aborted) return { kind: "aborted" };
      if (opened.upstream === null) return await this.#failUnopened(head, opened.cause);
      const stale = forwarded.recheck?.() ?? null;
      if (stale !== null) {
        this.#dropUpstream();
        await this.#answer(head, stale);
        return { kind: "failed", problem: "request_refused" };
      }
      const upload = this.#send(opened.upstream, head, { ...options, head: bytes });
      const download = await this.#receive(opened.upstream, head, { ...options, upload });
      if (download.kind === "switched") return await this.#switch(upload, download.relay);
      const retries = download.kind === "silent" && isKept && attempt === 1 &&
        this.#timedOut === null && !signal.aborted && head.framing.kind === "none" &&
        IDEMPOTENT.has(head.method);
      if (!retries) return await this.#finish(head, upload, { download, filter });
      this.#dropUpstream();
      await upload.settled;
    }
  }

  async #switch({ settled }: Upload, relay: () => Promise<void>): Promise<ExchangeEnd> {
    await settled;
    this.#options.watchdog.disarm();
    if (!this.#options.signal.aborted) await relay();
    return { kind: this.#options.signal.aborted ? "aborted" : "last" };
  }

  /** Ends what is under way in a stage that took too long. */
  expire(stage: Stage): void {
    this.#timedOut = stage;
    // An upstream that does not answer leaves a client that can be told so.
    if (stage !== "response") this.#options.client.close();
    this.#upstream?.close();
  }

  /** The stage that took too long, if one did. */
  get timedOut(): Stage | null {
    return this.#timedOut;
  }

  /** Closes both sides at once. */
  close(): void {
    this.#options.client.close();
    this.#dropUpstream();
  }

  /** Returns whether a kept upstream is there that shows no sign of its end. */
  #dropDeadUpstream(): boolean {
    const upstream = this.#upstream;
    if (upstream === null) return false;
    // Bytes that nobody asked for would be taken for the next response.
    if (!upstream.ended && !upstream.failed && upstream.buffered === 0) return true;
    this.#dropUpstream();
    return false;
  }

  #dropUpstream(): void {
    this.#upstream?.close();
    this.#upstream = null;
  }

  async #open(): Promise<{ upstream: BufferedStream | null; cause?: unknown }> {
    if (this.#upstream !== null) return { upstream: this.#upstream };
    try {
      const upstream = new BufferedStream(await this.#options.openUpstream());
      if (this.#options.signal.aborted) upstream.close();
      this.#upstream = upstream;
      return { upstream };
    } catch (cause) {
      return { upstream: null, cause };
    }
  }

  async #failUnopened(head: RequestHead, cause: unknown): Promise<ExchangeEnd> {
    await this.#answer(head, this.#failure(502, "upstream_unreachable", "Cannot connect to"));
    return { kind: "failed", problem: "upstream_unreachable", cause };
  }

  /** Reads a whole body, answers what is refused of it, and returns what goes on. */
  async #gather(
    head: RequestHead,
    { bytesMax, finish, refuse }: Extract<BodyRule, { kind: "whole" }>,
  ): Promise<Ready | Failed | { readonly kind: "aborted"; readonly problem: null }> {
    const { client, limits, signal, watchdog } = this.#options;
    watchdog.arm("body", limits.bodyIdleMs);
    try {
      // Nobody else is asked whether it may come.
      if (head.expectsContinue) await writeAll(client, CONTINUE);
      const onProgress = () => watchdog.touch();
      const read = await readWholeBody(client, head.framing, { bytesMax, onProgress });
      if (signal.aborted) return { kind: "aborted", problem: null };
      const finished: FinishedRequest = read.ok
        ? finish(read.body)
        : { kind: "refused", response: refuse(read.problem) };
      if (finished.kind === "ready") return finished;
      await this.#answer(head, finished.response);
      return { kind: "failed", problem: "request_refused" };
    } catch (error) {
      if (signal.aborted) return { kind: "aborted", problem: null };
      const isInvalid = error instanceof BodyRelayError && error.problem === "body_invalid";
      if (isInvalid) await this.#answer(head, bareResponse(400));
      else client.close();
      if (error instanceof BodyRelayError) {
        if (this.#timedOut !== null) return { kind: "failed", problem: "body_timeout" };
        const problem = isInvalid ? "invalid_request_body" : "request_truncated";
        return { kind: "failed", problem, cause: error };
      }
      throw error;
    } finally {
      watchdog.disarm();
    }
  }

  #send(
    upstream: BufferedStream,
    head: RequestHead,
    { whole, filter, head: bytes }: SendOptions,
  ): Upload {
    const { client, limits, watchdog } = this.#options;
    const upload: Upload = {
      isDone: false,
      isAnswered: false,
      problem: null,
      crash: null,
      settled: Promise.resolve(),
    };
    const send = async () => {
      watchdog.arm("body", limits.bodyIdleMs);
      try {
        const from = whole === null ? client : new BufferedStream(bytesStream(whole));
        await relayBody(from, upstream, head.framing, {
          output: "chunked",
          head: bytes,
          onProgress: () => watchdog.touch(),
          scratch: () => this.#requestScratch ??= createScratch(),
          filter: filter?.filter,
        });
        upload.isDone = true;
        if (!upload.isAnswered) watchdog.arm("response", limits.responseMs);
      } catch (error) {
        if (error instanceof BodyRelayError) upload.problem = error.problem;
        else upload.crash = error;
        // INVARIANT: half a request never looks like a whole one. An upstream that stopped reading
        // may have answered already, so its side stays open for that.
        if (upload.problem !== "body_unwritable") upstream.close();
      }
    };
    upload.settled = send();
    return upload;
  }

  async #receive(
    upstream: BufferedStream,
    head: RequestHead,
    options: ReceiveOptions,
  ): Promise<Download> {
    const { upload } = options;
    for (let interim = 0; interim <= HTTP_INTERIM_RESPONSES_MAX; interim += 1) {
      let read: HeadRead;
      try {
        read = await upstream.readHead(HTTP_HEAD_BYTES_MAX);
      } catch (cause) {
        if (upstream.buffered === 0 && interim === 0) return { kind: "silent", cause };
        return { kind: "invalid", problem: "head_truncated" };
      }
      if (read.kind === "ended") {
        if (interim === 0) return { kind: "silent" };
        return { kind: "invalid", problem: "head_truncated" };
      }
      if (read.kind !== "head") return { kind: "invalid", problem: HEAD_PROBLEMS[read.kind] };
      const { upgrade, response } = options;
      const allowsSwitch = upgrade !== undefined;
      const form = parseResponseHead(read.bytes, { method: head.method, allowsSwitch });
      if (!form.ok) return { kind: "invalid", problem: form.problem };
      if (form.head.status === 101) {
        if (upgrade?.accepts(form.head) !== true) {
          return { kind: "invalid", problem: "invalid_switch" };
        }
        const { client } = this.#options;
        const answer = withoutSecrets(form.head, response);
        return { kind: "switched", relay: () => upgrade.relay({ client, upstream, answer }) };
      }
      if (form.head.status >= 200) {
        return await this.#passOn(upstream, head, { ...options, answer: form.head });
      }
      const cause = await this.#continue(head, upload, form.head.status);
      if (cause !== null) return { kind: "client_gone", cause };
    }
    return { kind: "invalid", problem: "too_many_interim_responses" };
  }

  /** Passes on `100 Continue` to a client that waits for it; other interim responses end here. */
  async #continue(head: RequestHead, upload: Upload, status: number): Promise<unknown> {
    if (status !== 100 || !head.expectsContinue || upload.isDone) return null;
    try {
      await writeAll(this.#options.client, CONTINUE);
      return null;
    } catch (cause) {
      return cause;
    }
  }

  async #passOn(
    upstream: BufferedStream,
    head: RequestHead,
    { upload, isLast, response: rule, answer }: ReceiveOptions & { readonly answer: ResponseHead },
  ): Promise<Download> {
    const { client, limits, watchdog } = this.#options;
    upload.isAnswered = true;
    const response = withoutSecrets(answer, rule);
    watchdog.arm("body", limits.bodyIdleMs);
    const framing = framingForClient(response.framing, head.version);
    const closes = isLast || !head.keepAlive || !upload.isDone || framing.kind === "until_close";
    try {
      await relayBody(upstream, client, response.framing, {
        output: framing.kind === "chunked" ? "chunked" : "plain",
        head: writeResponseHead(response, { framing, closes }),
        coalesces: true,
        onProgress: () => watchdog.touch(),
        scratch: () => this.#responseScratch ??= createScratch(),
        filter: rule?.filter,
      });
    } catch (error) {
      if (!(error instanceof BodyRelayError)) throw error;
      const kind = error.problem === "body_unwritable" ? "client_gone" : "truncated";
      return { kind, cause: error };
    }
    return { kind: "complete", canReuse: response.keepAlive && upload.isDone, closes };
  }

  async #finish(
    head: RequestHead,
    upload: Upload,
    { download, filter }: {
      readonly download: Exclude<Download, { kind: "switched" }>;
      readonly filter: Filtered | null;
    },
  ): Promise<ExchangeEnd> {
    const { client, limits, signal } = this.#options;
    rethrow(upload);
    if (signal.aborted) return { kind: "aborted" };
    if (download.kind === "complete" && upload.problem !== "body_refused") {
      if (!download.canReuse) this.#dropUpstream();
      // Waits for the next response, or finds out that none can come; both are looked at later.
      else this.#upstream?.fill().catch(() => false);
      if (!download.closes) return { kind: "next" };
      await closeInOrder(client, { limits, pending: upload.settled });
      rethrow(upload);
      return { kind: "last" };
    }
    this.#dropUpstream();
    const refusal = upload.problem === "body_refused" ? filter?.refuse() : undefined;
    if (download.kind === "complete") {
      client.close();
      return { kind: "failed", problem: "request_refused" };
    }
    const failed = this.#explain(upload, download);
    const isUnanswered = failed.problem === "request_refused" && !upload.isAnswered;
    const response = isUnanswered ? refusal ?? null : this.#responseTo(failed);
    if (response === null) client.close();
    else await this.#answer(head, response, upload);
    await upload.settled;
    rethrow(upload);
    return failed;
  }

  #explain(
    upload: Upload,
    download: Exclude<Download, { kind: "complete" | "switched" }>,
  ): Failed {
    const cause = "cause" in download ? { cause: download.cause } : {};
    const fail = (problem: ExchangeProblem): Failed => ({ kind: "failed", problem, ...cause });
    if (this.#timedOut === "response" && download.kind === "silent") {
      return fail("upstream_timeout");
    }
    if (this.#timedOut !== null) return fail("body_timeout");
    if (download.kind === "client_gone") return fail("client_gone");
    if (upload.problem === "body_refused") return fail("request_refused");
    if (download.kind === "truncated") return fail("response_truncated");
    if (upload.problem === "body_invalid") return fail("invalid_request_body");
    if (upload.problem !== null && upload.problem !== "body_unwritable") {
      return fail("request_truncated");
    }
    if (download.kind === "silent") return fail("upstream_silent");
    return { kind: "failed", problem: "invalid_response", responseProblem: download.problem };
  }

  /** Returns the answer to a client that has nothing of a response yet. */
  #responseTo({ problem }: Failed): CompleteResponse | null {
    switch (problem) {
      case "upstream_silent":
        return this.#failure(502, "upstream_unreachable", "No answer came from");
      case "upstream_timeout":
        return this.#failure(504, "upstream_unreachable", "No answer came in time from");
      case "invalid_response":
        return this.#failure(502, "invalid_upstream_response", "No valid answer came from");
      case "invalid_request_body":
        return bareResponse(400);
      default:
        return null;
    }
  }

  #failure(status: number, error: string, detail: string): CompleteResponse {
    const { authority, scheme } = this.#options;
    return jsonResponse(status, {
      error,
      detail: `${detail} ${formatAuthority(authority, scheme)}`,
    });
  }

  async #answer(head: RequestHead, response: CompleteResponse, upload?: Upload): Promise<void> {
    const { client, limits, watchdog } = this.#options;
    watchdog.disarm();
    const pending = upload === undefined ? {} : { pending: upload.settled };
    await answerAndClose(client, response, { limits, method: head.method, ...pending });
  }
}

/** A request whose body is there as a whole. */
type Ready = Extract<FinishedRequest, { kind: "ready" }>;
type Filtered = Extract<BodyRule, { kind: "filtered" }>;

interface SendOptions {
  /** Body that was read already. */
  readonly whole: Uint8Array | null;
  readonly filter: Filtered | null;
  readonly head: Uint8Array;
}

interface ReceiveOptions {
  readonly upload: Upload;
  readonly isLast: boolean;
  readonly response: ResponseRule | undefined;
  readonly upgrade: UpgradeRule | undefined;
}

function withoutSecrets(head: ResponseHead, rule: ResponseRule | undefined): ResponseHead {
  if (rule === undefined) return head;
  const { header } = rule;
  const fields = head.fields.map(([name, value]) => [name, header(value)] as const);
  return { ...head, reason: header(head.reason), fields };
}

function rethrow({ crash }: Upload): void {
  if (crash !== null) throw crash;
}

type Failed = Extract<ExchangeEnd, { kind: "failed" }>;

const HEAD_PROBLEMS = {
  truncated: "head_truncated",
  too_large: "head_too_large",
  bare_line_feed: "bare_line_feed",
} as const;
