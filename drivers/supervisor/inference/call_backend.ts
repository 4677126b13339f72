/**
 * Sends one model call to one backend, and waits for the head of its reply.
 *
 * A backend is the operator's choice, so it may be an address of this machine or of its network;
 * the address that was resolved is the one that is dialled, and nothing else is.
 *
 * @module
 */

import { HTTP_HEAD_BYTES_MAX, HTTP_INTERIM_RESPONSES_MAX } from "../../../proto/egress_limits.ts";
import { CodedError } from "../../../proto/errors.ts";
import { HOST_ALIASES } from "../../../policy-wasm/destination.ts";
import { type ByteStream, writeAll } from "../egress/byte_stream.ts";
import { BufferedStream } from "../egress/http1/buffered_stream.ts";
import type { HeaderField } from "../egress/http1/header_fields.ts";
import { parseResponseHead, type ResponseHead } from "../egress/http1/response_head.ts";
import { Watchdog } from "../egress/http1/watchdog.ts";
import { writeRequestHead } from "../egress/http1/write_head.ts";
import type { DialPort, ResolvePort, TlsPort } from "../egress/ports.ts";
import type { InferenceRoute } from "./inference_routes.ts";

export interface BackendPorts {
  readonly resolve: ResolvePort;
  readonly dial: DialPort;
  readonly tls: Pick<TlsPort, "connect">;
}

export interface BackendCall {
  readonly route: InferenceRoute;
  readonly method: "GET" | "POST";
  readonly target: string;
  readonly fields: readonly HeaderField[];
  /** `null` for a call without a body. */
  readonly body: Uint8Array | null;
  /** For the head of the reply, from the end of the connection's making. */
  readonly replyMs: number;
  readonly signal: AbortSignal;
}

/** A reply whose body is still to be read; whoever has it closes it. */
export interface BackendReply {
  readonly kind: "reply";
  readonly head: ResponseHead;
  readonly stream: BufferedStream;
  readonly address: string;
}

export type BackendFailure = {
  readonly kind: "failed";
  readonly problem:
    | "upstream_unreachable"
    | "upstream_timeout"
    | "invalid_upstream_response"
    | "aborted";
};

/** Never rejects but for a mistake of OpenShell's. */
export async function callBackend(
  call: BackendCall,
  ports: BackendPorts,
): Promise<BackendReply | BackendFailure> {
  const opened = await open(call, ports);
  if (opened === null) {
    return { kind: "failed", problem: call.signal.aborted ? "aborted" : "upstream_unreachable" };
  }
  const stream = new BufferedStream(opened.stream);
  let isLate = false;
  const close = () => stream.close();
  const watchdog = new Watchdog(() => {
    isLate = true;
    close();
  });
  call.signal.addEventListener("abort", close);
  if (call.signal.aborted) close();
  watchdog.arm("reply", call.replyMs);
  try {
    const head = await exchange(stream, call);
    if (head !== null && !call.signal.aborted) {
      return { kind: "reply", head, stream, address: opened.address };
    }
    close();
    return { kind: "failed", problem: problemOf(call.signal, isLate, "invalid_upstream_response") };
  } catch {
    // Its connection failed, or was closed for its time.
    close();
    return { kind: "failed", problem: problemOf(call.signal, isLate, "upstream_unreachable") };
  } finally {
    watchdog.dispose();
    call.signal.removeEventListener("abort", close);
  }
}

function problemOf(
  signal: AbortSignal,
  isLate: boolean,
  other: BackendFailure["problem"],
): BackendFailure["problem"] {
  return signal.aborted ? "aborted" : isLate ? "upstream_timeout" : other;
}

/** Returns `null` where the backend cannot be connected to, or is not who it should be. */
async function open(
  { route: { host, port, scheme }, signal }: BackendCall,
  { resolve, dial, tls }: BackendPorts,
): Promise<{ readonly stream: ByteStream; readonly address: string } | null> {
  const resolution = HOST_ALIASES.includes(host)
    ? { ok: true as const, addresses: ["127.0.0.1", "::1"] }
    : await resolve(host);
  if (!resolution.ok) return null;
  try {
    const { connection, address } = await dial({ addresses: resolution.addresses, port, signal });
    if (scheme === "http") return { stream: connection, address };
    return { stream: await tls.connect(connection, host, signal), address };
  } catch (error) {
    if (error instanceof CodedError) return null;
    throw error;
  }
}

/** Returns the head of the reply, `null` for one that is not valid. */
async function exchange(stream: BufferedStream, call: BackendCall): Promise<ResponseHead | null> {
  const sent = writeAll(stream, encode(call)).then(() => true, () => false);
  for (let interim = 0; interim <= HTTP_INTERIM_RESPONSES_MAX; interim += 1) {
    const read = await stream.readHead(HTTP_HEAD_BYTES_MAX);
    if (read.kind === "ended") throw new Deno.errors.UnexpectedEof("no reply");
    if (read.kind !== "head") return null;
    const form = parseResponseHead(read.bytes, { method: call.method });
    if (!form.ok) return null;
    if (form.head.status >= 200) {
      // A backend may answer before it has read all; what is left of the body is not waited for.
      void sent;
      return form.head;
    }
  }
  return null;
}

function encode({ route, method, target, fields, body }: BackendCall): Uint8Array {
  const head = writeRequestHead({
    method,
    target,
    version: "1.1",
    fields,
    framing: body === null ? { kind: "none" } : { kind: "length", bytes: body.length },
    host: null,
    connectionTokens: new Set(),
    expectsContinue: false,
    isUpgrade: false,
    keepAlive: false,
  }, {
    target,
    authority: { host: route.host, port: route.port },
    scheme: route.scheme,
    closes: true,
  });
  if (body === null) return head;
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
