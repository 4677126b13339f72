/**
 * Who wrote an audit event.
 *
 * @module
 */

/** The supervisor of a sandbox, or the gateway about it. */
export type EventOrigin = "sandbox" | "gateway";

export const EVENT_ORIGINS: readonly EventOrigin[] = ["sandbox", "gateway"];
