/**
 * Judges one request, which may ask for a WebSocket, and says what goes on of it.
 *
 * Where the policy has WebSockets, everything else is refused, in audit mode too; elsewhere a
 * WebSocket is taken where the endpoint has its text filled. Any other protocol is refused.
 *
 * @module
 */

import { judgeReadings } from "../../../../policy-wasm/path_readings.ts";
import { matchesHost } from "../../../../policy-wasm/reference_glob.ts";
import type { Endpoint } from "../../../../policy-wasm/policy.ts";
import type { Request } from "../../../../policy-wasm/request.ts";
import type { Reason } from "../../../../proto/reason.ts";
import { REASON_TEXTS } from "../../../../proto/reason.ts";
import { refused } from "../../credentials/refusal.ts";
import { holdsMarker, redact } from "../../credentials/placeholder.ts";
import {
  addCredentials,
  recordFinding,
  responseRule,
  type WithCredentials,
} from "../add_credentials.ts";
import type { ForwardedRequest, UpgradeRule } from "../http1/forwarded_request.ts";
import type { RelayLimits } from "../http1/relay_limits.ts";
import type { RequestHead } from "../http1/request_head.ts";
import { type JudgedRequest, judgeRequest, refuse } from "../judge_request.ts";
import type { LiveConnection } from "../live_connection.ts";
import type { RequestScene } from "../request_scene.ts";
import { ClientMessages, TEXT_METHOD } from "./client_messages.ts";
import { type Handshake, isAnswerTo, readHandshake } from "./handshake.ts";
import type { HeldBytes } from "./held_bytes.ts";
import { relayWebSocket } from "./relay_websocket.ts";

export interface ExchangeScene extends RequestScene {
  readonly limits: RelayLimits;
  readonly held: HeldBytes;
}

/** Whether a connection may become a WebSocket, as far as its place goes. */
export function offersWebSocket({ generation, target: { host, port } }: LiveConnection): boolean {
  return generation.upgrading.some((endpoint) =>
    endpoint.ports.includes(port) && (endpoint.host === "" || matchesHost(endpoint.host, host))
  );
}

/** Returns what goes on of a request, and `null` where nothing does. */
export function fillExchange(head: RequestHead, scene: ExchangeScene): WithCredentials {
  const { live, scheme } = scene;
  if (!head.isUpgrade) {
    return addCredentials(judgePlain(judgeRequest(head, live, scheme), live), head, scene);
  }
  if (!offersWebSocket(live)) return denied(NOT_TAKEN);
  const judged = judgeRequest(head, live, scheme);
  const { request, target, endpoint } = judged;
  if (request === null || target === null) return denied(judged);
  const problem = findUpgradeProblem(request, judged, live);
  if (problem !== null || endpoint === null) return denied({ ...(problem ?? NOT_TAKEN), request });
  const form = readHandshake(head);
  if (!form.ok) {
    const detail = `The handshake of the WebSocket is not valid: ${form.problem}`;
    return denied({ ...refuse("invalid_request", detail, judged.outcome), request });
  }
  const { handshake } = form;
  const filled = addCredentials(judged, { ...head, fields: handshake.fields }, scene);
  if (filled.forwarded === null) return filled;
  const foreign = findForeign(handshake, scene);
  if (foreign !== null) return denied({ ...foreign, request });
  const { forwarded } = filled;
  const upgrade = upgradeRule(handshake, { request, endpoint, ...forwarded }, scene);
  return { judged, forwarded: { fields: handshake.fields, ...forwarded, upgrade } };
}

interface Upgrade extends Pick<ForwardedRequest, "response"> {
  readonly request: Request;
  readonly endpoint: Endpoint;
}

/** Says what is an answer to the handshake, and relays what follows. */
function upgradeRule(
  handshake: Handshake,
  { request, endpoint, response }: Upgrade,
  scene: ExchangeScene,
): UpgradeRule {
  const { live, events, held, limits } = scene;
  const { generation, connection: { decision: { rule } } } = live;
  const messages = new ClientMessages({ scene, request, endpoint });
  const secrets = endpoint.websocketCredentialRewrite ? secretsIn(live) : [];
  const covers = [response, secrets.length === 0 ? undefined : responseRule(secrets, scene)];
  const filters = () => covers.flatMap((cover) => cover === undefined ? [] : [cover.another()]);
  return {
    protocol: "websocket",
    accepts: (answer) => isAnswerTo(handshake, answer),
    relay: async (switched) => {
      const options = { ...switched, live, generation, messages, filters, held, limits };
      const { code, ...counts } = await relayWebSocket(options);
      const address = scene.address();
      events.record({
        kind: "websocket",
        actor: live.actor,
        destination: { ...live.target, ...(address !== null && { address }) },
        path: redact(request.path),
        rule,
        generation: generation.evaluator.generation,
        messages: counts,
        code,
      });
    },
  };
}

/** A request that asks for no other protocol: at a WebSocket there is none. */
function judgePlain(judged: JudgedRequest, live: LiveConnection): JudgedRequest {
  const { request, outcome } = judged;
  if (judged.target === null || request === null || !offersWebSocket(live)) return judged;
  if (!isForWebSockets(request, live)) return judged;
  return { ...refuse("websocket_required", REASON_TEXTS.websocket_required, outcome), request };
}

function findUpgradeProblem(
  request: Request,
  { endpoint, outcome }: JudgedRequest,
  live: LiveConnection,
): JudgedRequest | null {
  if (ask(TEXT_METHOD, request, live) === "graphql_invalid") {
    const detail = "GraphQL over WebSocket cannot be judged here";
    return refuse("unsupported_protocol", detail, outcome);
  }
  if (isForWebSockets(request, live)) return null;
  const isFilled = endpoint?.protocol === "rest" && endpoint.websocketCredentialRewrite;
  return isFilled ? null : NOT_TAKEN;
}

const NOT_TAKEN = refuse("unsupported_protocol", "Other protocols cannot be judged");

/** The policy says so itself: of all methods, such an endpoint takes those of a WebSocket alone. */
function isForWebSockets(request: Request, live: LiveConnection): boolean {
  return ask("POST", request, live) === "websocket_required";
}

function ask(method: string, request: Request, { generation, connection }: LiveConnection): Reason {
  const { evaluator } = generation;
  return judgeReadings(
    { ...request, method },
    (reading) => evaluator.request(connection, reading),
  ).reason;
}

/** Browsers cannot set headers, so keys are sent as subprotocols. */
const KEY_IN_PROTOCOL = /(?:api-?key|bearer|token|secret|password)|^[^.]{32,}$|[._-]sk-/i;

function findForeign({ protocols }: Handshake, scene: ExchangeScene): JudgedRequest | null {
  const { generation: { credentials }, target, connection } = scene.live;
  if (!credentials.isBoundHost(target)) return null;
  const isForeign = protocols.some((name) => KEY_IN_PROTOCOL.test(name) && !holdsMarker(name));
  if (!isForeign) return null;
  const problem = refused("foreign_credential");
  recordFinding(problem, scene);
  return refuse(problem.problem, problem.detail, connection.decision);
}

/** Values in the forms in which a text message has them. */
function secretsIn({ generation: { credentials } }: LiveConnection): readonly string[] {
  return credentials.secrets().flatMap((value) => {
    const escaped = JSON.stringify(value).slice(1, -1);
    return escaped === value ? [value] : [value, escaped];
  });
}

function denied(judged: JudgedRequest): WithCredentials {
  return { judged, forwarded: null };
}
