/**
 * A tunnel whose requests are judged: TLS is terminated, and each request is read before it goes on.
 *
 * Nothing of the program reaches the upstream before the connection's event is recorded, and of a
 * request before its own.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import type { DenialCode } from "../events/audit_event.ts";
import { type ByteStream, writeAll } from "./byte_stream.ts";
import { confirmCaller } from "./confirm_caller.ts";
import { invalidRequest } from "./denial.ts";
import { type DetectedProtocol, detectProtocol } from "./detect_protocol.ts";
import { DialError } from "./dial.ts";
import { POLICY_CHANGED } from "./generation.ts";
import type { Scheme } from "./http1/authority.ts";
import { BufferedStream } from "./http1/buffered_stream.ts";
import { answerAndClose } from "./http1/close_in_order.ts";
import {
  type Judgement,
  type RelayRefusal,
  relayRequests,
  upgradeRefusal,
} from "./http1/relay_requests.ts";
import type { RequestHead } from "./http1/request_head.ts";
import { Watchdog } from "./http1/watchdog.ts";
import { denialOf, refuse, requestEvent } from "./judge_request.ts";
import type { LiveConnection } from "./live_connection.ts";
import type { Dialled, TlsPort } from "./ports.ts";
import { closeQuietly } from "./raw_relay.ts";
import { POLICY_CHANGED_DETAIL, recordAllowed, type Scene } from "./scene.ts";
import { UpstreamTlsError } from "./tls/tls_error.ts";
import { Upstream } from "./upstream.ts";
import { fillExchange, offersWebSocket } from "./websocket/fill_exchange.ts";

export interface InspectOptions {
  readonly scene: Scene;
  readonly live: LiveConnection;
  readonly dialled: Dialled;
  readonly tls: TlsPort;
  readonly signal: AbortSignal;
}

/** Relays what the policy allows until the tunnel ends; closes both sides. */
export async function inspectTunnel(options: InspectOptions): Promise<void> {
  const { scene, live, dialled, tls, signal } = options;
  const { client } = scene;
  const close = () => closeQuietly(client);
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  const upstreamFor = (spoken: TlsPort | null) =>
    new Upstream({ live, dialled, dial: scene.ports.dial, tls: spoken, signal });
  try {
    const protocol = await awaitProtocol(client, scene);
    const isConfirmed = protocol.kind === "nothing" || await confirmCaller(live, scene, signal);
    if (signal.aborted) {
      closeQuietly(dialled.connection);
      recordEnded(options);
    } else if (!isConfirmed) {
      closeQuietly(dialled.connection);
    } else if (protocol.kind === "http1") {
      const { address } = dialled;
      recordAllowed(live, scene.ports.events, { handling: "plain_inspected", address });
      await relay(client, upstreamFor(null), { ...options, scheme: "http" });
    } else if (protocol.kind === "tls") {
      await relayTls(protocol.serverName, upstreamFor(tls), options);
    } else {
      closeQuietly(dialled.connection);
      await refuseProtocol(protocol, options);
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/** Returns `nothing` also where the program waits too long, or is gone. */
async function awaitProtocol(client: BufferedStream, { limits }: Scene): Promise<DetectedProtocol> {
  const watchdog = new Watchdog(() => closeQuietly(client));
  watchdog.arm("protocol", limits.protocolMs);
  try {
    return await detectProtocol(client);
  } catch {
    // Its connection failed, or was closed because of the time or of the policy.
    return { kind: "nothing" };
  } finally {
    watchdog.dispose();
  }
}

/** Terminates TLS, while it is begun with the server, and relays what is inside. */
async function relayTls(
  serverName: string | null,
  upstream: Upstream,
  options: InspectOptions,
): Promise<void> {
  const { scene, live, dialled, tls, signal } = options;
  const { host } = live.target;
  if (serverName !== null && serverName !== host) {
    upstream.close();
    recordRefused("server_name_mismatch", "TLS names another host than the connection", options);
    // A program that is gone by now does not need to be told.
    return await writeAll(scene.client, UNRECOGNIZED_NAME).catch(() => {});
  }
  upstream.start();
  let inside: ByteStream;
  try {
    inside = await tls.terminate(scene.client, host, signal);
  } catch (error) {
    upstream.close();
    if (!(error instanceof CodedError)) throw error;
    if (signal.aborted) return recordEnded(options);
    // Mostly a program that does not trust the sandbox's certificates.
    const detail = "TLS with the program did not come about";
    return recordRefused("tls_termination_unavailable", detail, options);
  }
  const { address } = dialled;
  try {
    recordAllowed(live, scene.ports.events, { handling: "tls_inspected", address });
  } catch (error) {
    upstream.close();
    throw error;
  }
  await relay(new BufferedStream(inside), upstream, { ...options, scheme: "https" });
}

/** A fatal alert of TLS, in plain bytes as long as there are no keys (RFC 8446 section 6.2). */
const UNRECOGNIZED_NAME = Uint8Array.of(21, 3, 3, 0, 2, 2, 112);

/** The connection was allowed and has ended before anything went through it. */
function recordEnded({ scene, live, dialled, signal }: InspectOptions): void {
  if (signal.reason === POLICY_CHANGED) {
    recordRefused(POLICY_CHANGED, POLICY_CHANGED_DETAIL, { scene, live });
  } else {
    const { address } = dialled;
    recordAllowed(live, scene.ports.events, { handling: null, address });
  }
}

async function refuseProtocol(
  protocol: Exclude<DetectedProtocol, { kind: "tls" | "http1" }>,
  { scene, live, dialled }: InspectOptions,
): Promise<void> {
  if (protocol.kind === "nothing") {
    // The connection was allowed; what would have been in it will not be known.
    recordAllowed(live, scene.ports.events, { handling: null, address: dialled.address });
    return;
  }
  const detail = PROTOCOL_DETAILS[protocol.kind];
  recordRefused("unsupported_protocol", detail, { scene, live });
  if (protocol.kind === "malformed_tls") return;
  const response = invalidRequest("unsupported_protocol", detail);
  await answerAndClose(scene.client, response, { limits: scene.limits.relay });
}

const PROTOCOL_DETAILS = {
  http2: "HTTP/2 without TLS cannot be inspected: use HTTP/1.1",
  malformed_tls: "The start of TLS is malformed",
  unknown: "The policy has requests judged here, and this is neither TLS nor HTTP/1.1",
} as const;

function recordRefused(
  reason: DenialCode,
  detail: string,
  { scene, live }: Pick<InspectOptions, "scene" | "live">,
): void {
  const { rule } = live.connection.decision;
  scene.ports.events.record({
    kind: "connection",
    actor: live.actor,
    destination: live.target,
    outcome: { kind: "denied", rule, reason, detail },
    generation: live.generation.evaluator.generation,
    handling: null,
  });
}

interface Relayed extends InspectOptions {
  readonly scheme: Scheme;
}

async function relay(client: BufferedStream, upstream: Upstream, relayed: Relayed): Promise<void> {
  const { scene, live, signal, scheme } = relayed;
  try {
    await relayRequests({
      client,
      openUpstream: () => upstream.open(),
      authority: live.target,
      scheme,
      signal,
      limits: scene.limits.relay,
      judge: (head) => judge(head, upstream, relayed),
      offersUpgrade: () => offersWebSocket(live),
      onRefused: (problem) => recordMalformed(problem, upstream, relayed),
    });
  } finally {
    upstream.close();
  }
}

async function judge(
  head: RequestHead,
  upstream: Upstream,
  { scene, live, scheme }: Relayed,
): Promise<Judgement> {
  const { held, limits: { relay: limits }, ports: { events } } = scene;
  const request = { live, events, scheme, address: () => upstream.address, held, limits };
  const fill = () => fillExchange(head, request);
  const { generation } = live;
  let { judged, forwarded } = fill();
  if (judged.request !== null && forwarded !== null) {
    live.carries(judged.request);
    const problem = await prepare(upstream);
    if (problem !== null) {
      const refused = refuse(problem.code, problem.detail, live.connection.decision);
      judged = { ...refused, request: judged.request };
    } // What was revoked while the upstream was dialled must not go there.
    else if (live.generation !== generation) ({ judged, forwarded } = fill());
  }
  const { address } = upstream;
  events.record(requestEvent(head.method, judged, live, { scheme, address }));
  const { outcome } = judged;
  if (outcome.kind !== "denied" && forwarded !== null) return { verdict: "allow", ...forwarded };
  const isUntaken = outcome.kind === "denied" && outcome.reason === "unsupported_protocol";
  const denial = head.isUpgrade && isUntaken
    ? upgradeRefusal(outcome.detail)
    : denialOf(judged, head.method, live);
  return { verdict: "deny", ...denial };
}

/** Returns why the upstream cannot be used, `null` where it can. */
async function prepare(
  upstream: Upstream,
): Promise<{ readonly code: DenialCode; readonly detail: string } | null> {
  try {
    await upstream.prepare();
    return null;
  } catch (error) {
    if (error instanceof UpstreamTlsError) {
      return { code: "upstream_tls_failed", detail: `TLS with the server failed: ${error.detail}` };
    }
    if (error instanceof DialError) return { code: "upstream_unreachable", detail: error.message };
    throw error;
  }
}

/** A request that could not be read was not let through either. */
function recordMalformed(
  problem: RelayRefusal,
  upstream: Upstream,
  { scene, live, scheme }: Relayed,
): void {
  const judged = refuse(codeOf(problem), `The request cannot be judged: ${problem}`);
  const { address } = upstream;
  scene.ports.events.record(requestEvent("-", judged, live, { scheme, address }));
}

function codeOf(problem: RelayRefusal): DenialCode {
  switch (problem) {
    case "head_too_large":
    case "too_many_headers":
      return "request_too_large";
    case "http2_preface":
    case "unsupported_version":
    case "upgrade_not_supported":
      return "unsupported_protocol";
    default:
      return "invalid_request";
  }
}
