/**
 * Where a request is on its way: its connection, and what is told of it.
 *
 * @module
 */

import type { EventSink } from "../events/audit_event.ts";
import type { Scheme } from "./http1/authority.ts";
import type { LiveConnection } from "./live_connection.ts";

export interface RequestScene {
  readonly live: LiveConnection;
  readonly events: EventSink;
  readonly scheme: Scheme;
  /** Of the upstream, where there is one already. */
  readonly address: () => string | null;
}
