/**
 * Decides about the messages that a program sends over a WebSocket, and fills what goes on.
 *
 * Each is judged as `WEBSOCKET_TEXT` with the path and the query of its upgrade. What is refused
 * ends the connection, since what was left out of a conversation would change what the rest means.
 * A binary message is judged alike: rules have no other word for what a program sends.
 *
 * Placeholders are filled in text, where the endpoint says so. Anywhere else they end the
 * connection before any of them is sent.
 *
 * @module
 */

import type { Endpoint } from "../../../../policy-wasm/policy.ts";
import { judgeReadings } from "../../../../policy-wasm/path_readings.ts";
import type { Request } from "../../../../policy-wasm/request.ts";
import { REASON_TEXTS } from "../../../../proto/reason.ts";
import { injectBody, isJson } from "../../credentials/inject_body.ts";
import {
  CREDENTIAL_BODY_BYTES_MAX,
  CREDENTIAL_BODY_VALUE_BYTES_MAX,
} from "../../credentials/limits.ts";
import { MarkerGuard } from "../../credentials/marker_guard.ts";
import { holdsMarker } from "../../credentials/placeholder.ts";
import { type Refused, refused } from "../../credentials/refusal.ts";
import { Resolver } from "../../credentials/resolver.ts";
import type { DenialCode, Outcome } from "../../events/audit_event.ts";
import { recordFinding } from "../add_credentials.ts";
import { endpointOf } from "../authorize_connection.ts";
import { outcomeOf, requestEvent } from "../judge_request.ts";
import type { RequestScene } from "../request_scene.ts";
import { CLOSE, decodeText } from "./frame.ts";
import type { FrameProblem } from "./frame_parser.ts";

/** What rules call a client message. */
export const TEXT_METHOD = "WEBSOCKET_TEXT";

/** The connection ends. The program is told the code and the reason. */
export interface MessageRefusal {
  readonly kind: "end";
  readonly code: number;
  readonly reason: string;
}

export type MessageVerdict =
  | { readonly kind: "forward"; readonly bytes: Uint8Array }
  | MessageRefusal;

export interface ClientMessagesOptions {
  readonly scene: RequestScene;
  /** The upgrade, and the endpoint that allowed it. */
  readonly request: Request;
  readonly endpoint: Endpoint;
}

type Judged = { readonly kind: "allowed"; readonly endpoint: Endpoint | null } | MessageRefusal;

export class ClientMessages {
  readonly #scene: RequestScene;
  readonly #request: Request;
  readonly #endpoint: Endpoint;

  constructor({ scene, request, endpoint }: ClientMessagesOptions) {
    this.#scene = scene;
    this.#request = request;
    this.#endpoint = endpoint;
  }

  /** Takes a whole text message, and returns it as it goes on. */
  text(bytes: Uint8Array): MessageVerdict {
    const text = decodeText(bytes);
    if (text === null) {
      const detail = "The text message is no UTF-8";
      return this.#deny("invalid_request", detail, { code: CLOSE.invalidText });
    }
    const judged = this.#judge();
    if (judged.kind === "end") return judged;
    const filled = this.#fills(judged.endpoint) && mayHoldMarker(text)
      ? this.#fill(bytes, text)
      : bytes;
    if (!(filled instanceof Uint8Array)) return this.#refuse(filled);
    return holdsPlaceholder(filled) ? this.#refuse(MISPLACED) : { kind: "forward", bytes: filled };
  }

  /** Asked when a binary message begins. Returns `null` where it may go on, as far as it is clean. */
  binary(): MessageRefusal | null {
    const judged = this.#judge();
    if (judged.kind === "end") return judged;
    const { generation: { credentials }, target } = this.#scene.live;
    const isMeant = this.#endpoint.allowUninspectedCredentials &&
      judged.endpoint?.allowUninspectedCredentials === true;
    if (isMeant || !credentials.isBoundHost(target)) return null;
    const detail = "A binary message goes to a host of a credential, and nothing reads it";
    this.#find("uninspected_credentials", detail);
    return this.#deny("uninspected_credentials", detail);
  }

  /** Refuses a placeholder in what is not filled: a binary message, or a control frame. */
  misplaced(): MessageRefusal {
    return this.#refuse(MISPLACED);
  }

  /** Refuses what cannot be read as frames. */
  unreadable(problem: FrameProblem | "held_too_much" | "message_timeout"): MessageRefusal {
    const detail = `The WebSocket message cannot be judged: ${problem}`;
    switch (problem) {
      case "message_too_large":
      case "too_many_fragments":
        return this.#deny("request_too_large", detail, { code: CLOSE.tooLarge });
      case "held_too_much":
        return this.#deny("request_too_large", detail, { code: CLOSE.tryLater });
      case "message_timeout":
        return this.#deny("invalid_request", detail);
      default:
        return this.#deny("invalid_request", detail, { code: CLOSE.protocolError });
    }
  }

  #judge(): Judged {
    const { live } = this.#scene;
    const { evaluator } = live.generation;
    const decision = judgeReadings(
      { ...this.#request, method: TEXT_METHOD },
      (reading) => evaluator.request(live.connection, reading),
    );
    const { verdict, audited, reason, rule } = decision;
    if (verdict === "deny") return this.#deny(reason, REASON_TEXTS[reason], { rule });
    if (audited) this.#record(outcomeOf(decision));
    return { kind: "allowed", endpoint: endpointOf(live.generation, decision) };
  }

  #fills(endpoint: Endpoint | null): boolean {
    return this.#endpoint.websocketCredentialRewrite &&
      endpoint?.websocketCredentialRewrite === true;
  }

  /** Returns the message with values. What is too large for that may hold no placeholder. */
  #fill(bytes: Uint8Array, text: string): Uint8Array | Refused {
    if (bytes.length > CREDENTIAL_BODY_BYTES_MAX) return bytes;
    const { generation: { credentials: set }, target: { host, port } } = this.#scene.live;
    const place = { host, port, path: this.#request.path };
    const valueBytesMax = CREDENTIAL_BODY_VALUE_BYTES_MAX;
    const resolver = new Resolver({ set, place, nowMs: Date.now(), valueBytesMax });
    const injected = injectBody(bytes, isJson(text) ? "json" : "text", resolver);
    return injected.kind === "refused" ? injected : injected.body;
  }

  #refuse(problem: Refused): MessageRefusal {
    recordFinding(problem, this.#scene);
    return this.#deny(problem.problem, problem.detail);
  }

  #deny(
    reason: DenialCode,
    detail: string,
    { code = CLOSE.refused, rule = this.#scene.live.connection.decision.rule }: {
      readonly code?: number;
      readonly rule?: string | null;
    } = {},
  ): MessageRefusal {
    this.#record({ kind: "denied", rule, reason, detail });
    return { kind: "end", code, reason };
  }

  #record(outcome: Outcome): void {
    const { live, events, scheme, address } = this.#scene;
    const judged = { outcome, request: this.#request };
    events.record(requestEvent(TEXT_METHOD, judged, live, { scheme, address: address() }));
  }

  #find(problem: string, detail: string): void {
    const { live: { actor, target }, events } = this.#scene;
    events.record({
      kind: "finding",
      uid: `openshell.provider_credential.${problem}`,
      title: "A credential was not where it belongs",
      detail: `${actor.binary} towards ${target.host}:${target.port}: ${detail}`,
      severity: "high",
    });
  }
}

const MISPLACED = refused("credential_misplaced", {
  detail: "The message holds a placeholder where none is replaced",
});

/** Returns whether bytes hold a placeholder, in any form that a server may read. */
export function holdsPlaceholder(bytes: Uint8Array): boolean {
  return new MarkerGuard().push(bytes).kind === "found";
}

/** JSON may have any character of one escaped. */
function mayHoldMarker(text: string): boolean {
  return holdsMarker(text) || /\\u00/i.test(text);
}
