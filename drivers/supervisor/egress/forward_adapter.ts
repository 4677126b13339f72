/**
 * `GET http://host/path`: one plain request through the proxy, judged, relayed, and closed.
 *
 * @module
 */

import type { AuditEvent } from "../events/audit_event.ts";
import { invalidRequest, useConnect } from "./denial.ts";
import { addCredentials } from "./add_credentials.ts";
import { POLICY_CHANGED } from "./generation.ts";
import type { Authority } from "./http1/authority.ts";
import { answerAndClose } from "./http1/close_in_order.ts";
import { type ForwardedRequest, relayOneRequest } from "./http1/relay_requests.ts";
import type { RequestHead } from "./http1/request_head.ts";
import type { CompleteResponse } from "./http1/respond.ts";
import {
  denialOf,
  type JudgedRequest,
  judgeRequest,
  refuse,
  requestEvent,
} from "./judge_request.ts";
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
  const { judged, forwarded } = addCredentials(judge(head, live), head, live, ports.events);
  if (forwarded === null || judged.request === null) {
    return await refuseRequest(head, judged, { scene, live });
  }
  live.carries(judged.request);
  await forward(head, judged, { scene, live, signal, forwarded });
}

function judge(head: RequestHead, live: LiveConnection): JudgedRequest {
  if (head.isUpgrade) return refuse("unsupported_protocol", "Other protocols cannot be judged");
  return judgeRequest(head, live, "http");
}

/** The connection is allowed, its one request is not: nothing is dialled. */
async function refuseRequest(
  head: RequestHead,
  judged: JudgedRequest,
  { scene, live }: { readonly scene: Scene; readonly live: LiveConnection },
): Promise<void> {
  const { events } = scene.ports;
  recordAllowed(live, events, { handling: handlingOf(live), address: null });
  events.record(requestEvent(head.method, judged, live, { scheme: "http", address: null }));
  const { method } = head;
  await answerAndClose(scene.client, denialOf(judged, method, live), {
    limits: scene.limits.relay,
    method,
  });
}

async function forward(
  head: RequestHead,
  judged: JudgedRequest,
  { scene, live, signal, forwarded }: {
    readonly scene: Scene;
    readonly live: LiveConnection;
    readonly signal: AbortSignal;
    readonly forwarded: ForwardedRequest;
  },
): Promise<void> {
  const { client, limits, ports } = scene;
  const dialled = await dialAllowed(live, head.method, { scene, signal });
  if (dialled === null) return;
  const { address } = dialled;
  recordAllowed(live, ports.events, { handling: handlingOf(live), address });
  ports.events.record(requestEvent(head.method, judged, live, { scheme: "http", address }));
  let isHandedOut = false;
  try {
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
