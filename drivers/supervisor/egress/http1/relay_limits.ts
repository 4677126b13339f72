/**
 * The times and amounts that a relay goes by; tests shorten them.
 *
 * @module
 */

import {
  HTTP_DRAIN_MS_MAX,
  WEBSOCKET_CLOSE_MS_MAX,
  WEBSOCKET_IDLE_MS_MAX,
  WEBSOCKET_MESSAGE_MS_MAX,
} from "../../../../proto/egress_limits.ts";
import {
  HTTP_BODY_IDLE_MS_MAX,
  HTTP_DRAIN_BYTES_MAX,
  HTTP_HEAD_MS_MAX,
  HTTP_IDLE_MS_MAX,
  HTTP_RESPONSE_MS_MAX,
} from "../../../../proto/egress_limits.ts";

export interface RelayLimits {
  /** Between two requests. */
  readonly idleMs: number;
  /** From a request's first byte to the end of its head. */
  readonly headMs: number;
  /** From the end of a request to the head of its response. */
  readonly responseMs: number;
  /** Without any byte of a body moving, either way. */
  readonly bodyIdleMs: number;
  /** For which a client that has its last answer may go on sending. */
  readonly drainMs: number;
  readonly drainBytesMax: number;
  /** Without any byte of a WebSocket moving, either way. */
  readonly webSocketIdleMs: number;
  /** For a text message over a WebSocket, from its first byte on. */
  readonly webSocketMessageMs: number;
  /** For the other side of a WebSocket to answer a close. */
  readonly webSocketCloseMs: number;
}

export const RELAY_LIMITS: RelayLimits = {
  idleMs: HTTP_IDLE_MS_MAX,
  headMs: HTTP_HEAD_MS_MAX,
  responseMs: HTTP_RESPONSE_MS_MAX,
  bodyIdleMs: HTTP_BODY_IDLE_MS_MAX,
  drainMs: HTTP_DRAIN_MS_MAX,
  drainBytesMax: HTTP_DRAIN_BYTES_MAX,
  webSocketIdleMs: WEBSOCKET_IDLE_MS_MAX,
  webSocketMessageMs: WEBSOCKET_MESSAGE_MS_MAX,
  webSocketCloseMs: WEBSOCKET_CLOSE_MS_MAX,
};
