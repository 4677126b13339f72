/**
 * Asks the backend of a new route for one token, so that a mistake shows when the route is set and
 * not when an agent uses it.
 *
 * @module
 */

import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { HOST_ALIASES } from "../../policy-wasm/destination.ts";
import { INFERENCE_PROBE_MS_MAX } from "../../proto/inference_limits.ts";
import type { Backend } from "./backend.ts";
import { type ProbeProblem, RouteNotVerifiedError } from "./inference_errors.ts";

export interface ProbeRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** PEM of what is trusted besides the authorities that come with the program. */
  readonly certificates: string;
}

export interface ProbeAnswer {
  readonly status: number;
  /** Its first kibibytes. */
  readonly body: string;
}

/** Sends one request, and follows no redirection. Rejects where nothing answers. */
export type SendProbe = (request: ProbeRequest) => Promise<ProbeAnswer>;

/** An endpoint that answered as it should. */
export interface VerifiedEndpoint {
  readonly url: string;
  readonly protocol: string;
}

export interface ProbeOptions {
  /** Left out: over the network. */
  readonly send?: SendProbe;
  /** PEM of what the machine trusts, as a supervisor will; left out: the program's own alone. */
  readonly certificates?: () => Promise<string>;
  readonly msMax?: number;
}

interface Attempt {
  readonly protocol: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** @throws {RouteNotVerifiedError} */
export async function probeBackend(
  name: string,
  { backend, model }: { readonly backend: Backend; readonly model: string },
  { send = sendProbe, certificates, msMax = INFERENCE_PROBE_MS_MAX }: ProbeOptions = {},
): Promise<VerifiedEndpoint> {
  // There is no call that every model of Bedrock would answer.
  if (backend.type === "aws-bedrock") throw new RouteNotVerifiedError("not_checkable", name);
  const trusted = await certificates?.() ?? "";
  const deadline = AbortSignal.timeout(msMax);
  for (const { protocol, path, body } of attemptsFor(backend, model)) {
    const url = urlOf(backend.baseUrl, path);
    let answer: ProbeAnswer;
    try {
      const headers = headersFor(backend);
      answer = await send({
        ...{ url, headers, body: JSON.stringify(body) },
        signal: deadline,
        certificates: trusted,
      });
    } catch (cause) {
      // What the system says may name what a client must not see: the cause stays here.
      throw new RouteNotVerifiedError(deadline.aborted ? "timeout" : "unreachable", name, {
        cause,
      });
    }
    const problem = problemOf(answer);
    if (problem === null) return { url, protocol };
    if (problem !== "no_protocol") throw new RouteNotVerifiedError(problem, name);
  }
  throw new RouteNotVerifiedError("no_protocol", name);
}

function attemptsFor(
  { type, protocols, modelInPath }: Backend,
  model: string,
): readonly Attempt[] {
  const messages = [{ role: "user", content: "ping" }];
  if (type === "google-vertex-ai" && modelInPath) {
    const path = `/${encodeURIComponent(model).replaceAll("%40", "@")}:rawPredict`;
    const body = { anthropic_version: "vertex-2023-10-16", messages, max_tokens: 1 };
    return [attempt("anthropic_messages", path, body)];
  }
  const all: readonly Attempt[] = [
    chat({ model, messages, max_completion_tokens: 1 }),
    chat({ model, messages, max_tokens: 1 }),
    attempt("anthropic_messages", "/v1/messages", { model, messages, max_tokens: 1 }),
    attempt("openai_responses", "/v1/responses", { model, input: "ping", max_output_tokens: 16 }),
    attempt("openai_completions", "/v1/completions", { model, prompt: "ping", max_tokens: 1 }),
    attempt("openai_embeddings", "/v1/embeddings", { model, input: "ping" }),
  ];
  return all.filter(({ protocol }) => protocols.includes(protocol));
}

function chat(body: Attempt["body"]): Attempt {
  return attempt("openai_chat_completions", "/v1/chat/completions", body);
}

function attempt(protocol: string, path: string, body: Attempt["body"]): Attempt {
  return { protocol, path, body };
}

/** A base with a version of its own takes the place of the call's `/v1`, as in the sandbox. */
function urlOf(baseUrl: string, path: string): string {
  const base = baseUrl.replace(/^https?:\/\/[^/]*/, "");
  const isVersioned = base.split("/").some((part) => /^v[0-9]+[a-z0-9]*$/.test(part));
  return baseUrl + (isVersioned ? path.replace(/^\/v1/, "") : path);
}

function headersFor({ type, apiKey }: Backend): Readonly<Record<string, string>> {
  const common = { "content-type": "application/json", accept: "application/json" };
  if (type !== "anthropic") {
    return { ...common, ...apiKey === "" ? {} : { authorization: `Bearer ${apiKey}` } };
  }
  return {
    ...common,
    "anthropic-version": "2023-06-01",
    ...apiKey === "" ? {} : { "x-api-key": apiKey },
  };
}

function problemOf({ status, body }: ProbeAnswer): ProbeProblem | null {
  if (status >= 200 && status < 300) return null;
  const isAboutKey = /api[ _-]?key|unauthori[sz]ed|authenticat/i.test(body);
  if (status === 401 || status === 403 || (status === 400 && isAboutKey)) return "credential";
  if (status === 429) return "rate_limited";
  return status >= 500 ? "server_error" : "no_protocol";
}

/** Bytes of an answer that are looked at. */
const ANSWER_BYTES_MAX = 16 * 1024;

function sendProbe(
  { url, headers, body, signal, certificates }: ProbeRequest,
): Promise<ProbeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  // No resolver knows these names, and the supervisor takes them for the same.
  const lookup = HOST_ALIASES.includes(new URL(url).hostname) ? { lookup: findHere } : {};
  const trust = certificates === "" ? {} : { ca: certificates };
  const options = { method: "POST", headers, signal, ...lookup, ...trust };
  const sent = request(url, options, (response) => {
    let text = "";
    response.setEncoding("utf-8");
    response.on("error", reject);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    response.on("data", (piece: string) => {
      text += piece;
      if (text.length < ANSWER_BYTES_MAX) return;
      resolve({ status: response.statusCode ?? 0, body: text });
      sent.destroy();
    });
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

/** Always asked for all addresses: the first that answers is taken. */
function findHere(...[, , done]: Parameters<LookupFunction>): void {
  done(null, [{ address: "127.0.0.1", family: 4 }, { address: "::1", family: 6 }]);
}
