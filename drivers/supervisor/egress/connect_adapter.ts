/**
 * `CONNECT host:port`: a tunnel, which is relayed unread or inspected, as the policy has it.
 *
 * Whatever is refused is refused before the tunnel is said to stand.
 *
 * @module
 */

import { canonicalHost } from "../../../policy-wasm/canonical/host.ts";
import { INFERENCE_HOST, INFERENCE_PORT } from "../../../proto/inference_limits.ts";
import { writeAll } from "./byte_stream.ts";
import { confirmCaller } from "./confirm_caller.ts";
import { invalidRequest } from "./denial.ts";
import { POLICY_CHANGED } from "./generation.ts";
import type { Authority } from "./http1/authority.ts";
import { answerAndClose } from "./http1/close_in_order.ts";
import type { RequestHead } from "./http1/request_head.ts";
import { inspectTunnel } from "./inspect_tunnel.ts";
import { LiveConnection } from "./live_connection.ts";
import type { Dialled } from "./ports.ts";
import { closeQuietly, relayRaw } from "./raw_relay.ts";
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

const CONNECT = "CONNECT";
const ESTABLISHED = new TextEncoder().encode("HTTP/1.1 200 Connection Established\r\n\r\n");

/** Serves one tunnel to its end. `Host` says nothing here: the target alone counts. */
export async function handleConnect(head: RequestHead, scene: Scene): Promise<void> {
  const { client, ports, limits } = scene;
  const place = parseConnectTarget(head.target);
  if (place === null || head.framing.kind !== "none") {
    const detail = "CONNECT needs a target host:port and has no body";
    recordMalformed(ports.events, detail);
    return await answerAndClose(client, invalidRequest("invalid_request", detail), {
      limits: limits.relay,
    });
  }
  if (ports.inference !== undefined && isInference(place) && hasPolicy(scene)) {
    return await ports.inference.serve({ client, from: scene.from, signal: scene.signal });
  }
  const allowed = await admit(place, CONNECT, scene);
  if (allowed === null) return;
  const live = new LiveConnection(allowed, ports.trustedGatewayIp ?? null);
  using watch = ports.generations.watch(live);
  const signal = AbortSignal.any([watch.signal, scene.signal]);
  if (ports.generations.current !== live.generation) {
    return await refuseConnection(
      refusalOf(live, POLICY_CHANGED, POLICY_CHANGED_DETAIL),
      CONNECT,
      scene,
    );
  }
  if (live.connection.isInspected && ports.tls === null) {
    const detail = "TLS cannot be inspected: there are no certificates";
    const refused = refusalOf(live, "tls_termination_unavailable", detail);
    return await refuseConnection(refused, CONNECT, scene);
  }
  const dialled = await dialAllowed(live, CONNECT, { scene, signal });
  if (dialled === null) return;
  try {
    await serveTunnel(live, dialled, { scene, signal });
  } catch (error) {
    closeQuietly(dialled.connection);
    throw error;
  }
}

async function serveTunnel(
  live: LiveConnection,
  dialled: Dialled,
  { scene, signal }: { readonly scene: Scene; readonly signal: AbortSignal },
): Promise<void> {
  const { client, ports } = scene;
  const { isInspected } = live.connection;
  if (!isInspected) {
    recordAllowed(live, ports.events, { handling: "opaque", address: dialled.address });
  }
  try {
    await writeAll(client, ESTABLISHED);
  } catch {
    // The program is gone. It was allowed all the same, and that is what is recorded.
    if (isInspected) {
      recordAllowed(live, ports.events, { handling: null, address: dialled.address });
    }
    closeQuietly(dialled.connection);
    return closeQuietly(client);
  }
  if (!isInspected || ports.tls === null) {
    const confirm = () => confirmCaller(live, scene, signal);
    await relayRaw(client, dialled.connection, { signal, confirm });
  } else await inspectTunnel({ scene, live, dialled, tls: ports.tls, signal });
}

/** Decided before the policy, which does not know the host. */
function isInference({ host, port }: Authority): boolean {
  const form = canonicalHost(host);
  return port === INFERENCE_PORT && form.ok && form.host === INFERENCE_HOST;
}

/** In a quarantine nothing gets out, and its denial is that of the policy. */
function hasPolicy({ ports }: Scene): boolean {
  return !("quarantine" in ports.generations.current);
}

/** Returns host, as sent, and port; `null` where the target is no such thing. */
export function parseConnectTarget(target: string): Authority | null {
  const match = /^(\[[^\]]*\]|[^:[\]/?#@]+):([0-9]{1,5})$/.exec(target);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) return null;
  return { host: match[1] ?? "", port };
}
