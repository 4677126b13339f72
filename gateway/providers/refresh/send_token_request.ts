/**
 * Asks a token server: one request, no redirection, an answer of a limited size in a limited time.
 *
 * @module
 */

import { REFRESH_ANSWER_BYTES_MAX, REFRESH_ANSWER_MS_MAX } from "../../../proto/refresh_limits.ts";
import { MintError } from "./refresh_errors.ts";

/** A POST. Its body holds secrets. */
export interface TokenRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface TokenAnswer {
  readonly status: number;
  readonly body: string;
}

/** @throws {MintError} where nothing answers as it should. */
export type SendTokenRequest = (request: TokenRequest) => Promise<TokenAnswer>;

export interface SendOptions {
  /** PEM of what is trusted besides the authorities that come with the program. */
  readonly certificates?: string;
  readonly msMax?: number;
  readonly bytesMax?: number;
}

/** Sends it over the network. */
export async function sendTokenRequest(
  { url, headers, body }: TokenRequest,
  { certificates = "", msMax = REFRESH_ANSWER_MS_MAX, bytesMax = REFRESH_ANSWER_BYTES_MAX }:
    SendOptions = {},
): Promise<TokenAnswer> {
  // Made for each request: there are few, and what is trusted may change.
  using client = Deno.createHttpClient({ caCerts: [certificates] });
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), msMax);
  try {
    const response = await fetch(url, {
      ...{ method: "POST", headers, body, signal: late.signal, client },
      redirect: "manual",
    });
    return { status: response.status, body: await readText(response, bytesMax) };
  } catch (cause) {
    if (cause instanceof MintError) throw cause;
    throw new MintError("unavailable", describe(cause, late.signal.aborted ? msMax : null), {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** What the system says may quote the address: of it only that it is about a certificate. */
function describe(cause: unknown, waitedMs: number | null): string {
  if (waitedMs !== null) return `the token server did not answer within ${waitedMs / 1000} seconds`;
  const reason = cause instanceof Error ? String(cause.cause ?? cause) : "";
  const isAboutTrust = /invalid peer certificate/.test(reason);
  return isAboutTrust
    ? "the certificate of the token server is not trusted here"
    : "the token server cannot be reached";
}

async function readText({ body }: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.length;
    if (size > bytesMax) {
      const detail = `the token server answered with more than ${bytesMax} bytes`;
      throw new MintError("failed_precondition", detail);
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
