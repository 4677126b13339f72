/**
 * `GET http://host/path`: one plain request through the proxy, judged, relayed, and closed.
 *
 * @module
 */

import type { AuditEvent } from "../events/audit_event.ts";
import { invalidRequest, useConnect } from "./denial.ts";
import type { WithCredentials } from "./add_credentials.ts";
import { POLICY_CHANGED } from "./generation.ts";
import type { Authority } from "./http1/authority.ts";
import { answerAndClose } from "./http1/close_in_order.ts";
import { relayOneRequest } from "./http1/relay_requests.ts";
import type { RequestHead } from "./http1/request_head.ts";
import type { CompleteResponse } from "./http1/respond.ts";
import { denialOf, type JudgedRequest, requestEvent } from "./judge_request.ts";
import { LiveConnection } from "./live_connection.ts";
import { closeQuietly } from "./raw_relay.ts";
import {
  admit,
  dialAllowed,
  POLICY_CHANGED_DETAIL,
  recordAllowed,
  recordMalformed,
  refusalOf,
  refuseConnection,
  type Scene,
} from "./scene.ts";
import { fillExchange } from "./websocket/fill_exchange.ts";

/** Serves one request to the proxy itself. */
export async function handleForward(head: RequestHead, scene: Scene): Promise<void> {
  const { client, limits, ports } = scene;
  const place = parseAbsoluteTarget(head.target);
  if ("status" in place) {
    recordMalformed(ports.events, "The target is nothing that is forwarded");
    return await answerAndClose(client, place, { limits: limits.relay, method: head.method });
  }
  const allowed = await admit(place, head.method, scene);
  if (allowed === null) return;
  const live = new LiveConnection(allowed, ports.trustedGatewayIp ?? null);
  using watch = ports.generations.watch(live);
  const signal = AbortSignal.any([watch.signal, scene.signal]);
  if (ports.generations.current !== live.generation) {
    const refused = refusalOf(live, POLICY_CHANGED, POLICY_CHANGED_DETAIL);
    return await refuseConnection(refused, head.method, scene);
  }
  const { judged, forwarded } = fill(head, { scene, live, address: null });
  if (forwarded === null || judged.request === null) {
    return await refuseRequest(head, judged, { scene, live, address: null });
  }
  live.carries(judged.request);
  await forward(head, { scene, live, signal });
}

interface OneRequest {
  readonly scene: Scene;
  readonly live: LiveConnection;
  /** Of the server, once it was dialled. */
  readonly address: string | null;
}

function fill(head: RequestHead, { scene, live, address }: OneRequest): WithCredentials {
  const { held, limits: { relay: limits }, ports: { events } } = scene;
  const request = { live, events, scheme: "http", address: () => address, held, limits } as const;
  return fillExchange(head, request);
}

/** The connection is allowed, its one request is not: nothing is sent. */
async function refuseRequest(
  head: RequestHead,
  judged: JudgedRequest,
  { scene, live, address }: OneRequest,
): Promise<void> {
  const { events } = scene.ports;
  recordAllowed(live, events, { handling: handlingOf(live), address });
  events.record(requestEvent(head.method, judged, live, { scheme: "http", address }));
  const { method } = head;
  await answerAndClose(scene.client, denialOf(judged, method, live), {
    limits: scene.limits.relay,
    method,
  });
}

async function forward(
  head: RequestHead,
  { scene, live, signal }: Omit<OneRequest, "address"> & { readonly signal: AbortSignal },
): Promise<void> {
  const { client, limits, ports } = scene;
  const dialled = await dialAllowed(live, head.method, { scene, signal });
  if (dialled === null) return;
  const { address } = dialled;
  // What was revoked while it was dialled must not go there.
  const { judged, forwarded } = fill(head, { scene, live, address });
  if (forwarded === null) {
    closeQuietly(dialled.connection);
    return await refuseRequest(head, judged, { scene, live, address });
  }
  let isHandedOut = false;
  try {
    recordAllowed(live, ports.events, { handling: handlingOf(live), address });
    ports.events.record(requestEvent(head.method, judged, live, { scheme: "http", address }));
    await relayOneRequest({
      client,
      openUpstream: () => {
        isHandedOut = true;
        return Promise.resolve(dialled.connection);
      },
      authority: live.target,
      scheme: "http",
      signal,
      limits: limits.relay,
      head,
      forwarded,
    });
  } finally {
    if (!isHandedOut) closeQuietly(dialled.connection);
  }
}

function handlingOf(live: LiveConnection): Extract<AuditEvent, { kind: "connection" }>["handling"] {
  return live.connection.isInspected ? "plain_inspected" : "opaque";
}

/** Returns host, as sent, and port, or the answer to a target that is nothing to forward. */
export function parseAbsoluteTarget(target: string): Authority | CompleteResponse {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target)?.[1]?.toLowerCase();
  if (scheme === "https") return useConnect();
  if (scheme === undefined) {
    const detail = "This is a proxy: the target has to be http://host/path, or CONNECT host:port";
    return invalidRequest("invalid_request", detail);
  }
  if (scheme !== "http") {
    return invalidRequest("unsupported_proxy_scheme", "Only http is forwarded, and CONNECT");
  }
  const match = /^http:\/\/(\[[^\]]*\]|[^:[\]/?#@]+)(?::([0-9]{1,5}))?(?:[/?]|$)/i.exec(target);
  const port = Number(match?.[2] ?? 80);
  if (match === null || port < 1 || port > 65_535) {
    return invalidRequest("invalid_request", "The target names no host and port");
  }
  return { host: match[1] ?? "", port };
}
