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
  readonly msMax?: number;
  readonly bytesMax?: number;
}

/** Sends it over the network. */
export async function sendTokenRequest(
  { url, headers, body }: TokenRequest,
  { msMax = REFRESH_ANSWER_MS_MAX, bytesMax = REFRESH_ANSWER_BYTES_MAX }: SendOptions = {},
): Promise<TokenAnswer> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), msMax);
  try {
    const response = await fetch(url, {
      ...{ method: "POST", headers, body, signal: late.signal },
      redirect: "manual",
    });
    return { status: response.status, body: await readText(response, bytesMax) };
  } catch (cause) {
    if (cause instanceof MintError) throw cause;
    const detail = late.signal.aborted
      ? `the token server did not answer within ${msMax / 1000} seconds`
      : "the token server cannot be reached";
    throw new MintError("unavailable", detail, { cause });
  } finally {
    clearTimeout(timer);
  }
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
