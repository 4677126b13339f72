/**
 * What goes on of a request that was allowed, and how its body and its response are looked at on
 * their way.
 *
 * @module
 */

import type { BufferedStream } from "./buffered_stream.ts";
import type { HeaderField } from "./header_fields.ts";
import type { CompleteResponse } from "./respond.ts";
import type { ResponseHead } from "./response_head.ts";

/** Looks at the bytes of a body on their way, and may change them. */
export interface BodyFilter {
  /** Returns what may go on now; what is missing comes later. `null` ends the body: it is refused. */
  push(piece: Uint8Array): Uint8Array | null;
  /** Returns what was held back, at the end of the body. */
  end(): Uint8Array;
}

/** A request whose whole body was seen. */
export type FinishedRequest =
  | {
    readonly kind: "ready";
    readonly target: string;
    readonly fields: readonly HeaderField[];
    readonly body: Uint8Array;
  }
  | { readonly kind: "refused"; readonly response: CompleteResponse };

/** Why a whole body is not taken. */
export type WholeBodyProblem = "too_large" | "has_trailers";

/** A body that does not go on unseen. */
export type BodyRule =
  | {
    readonly kind: "filtered";
    readonly filter: BodyFilter;
    /** Returns the answer when the filter ended the body. Called once. */
    readonly refuse: () => CompleteResponse;
  }
  | {
    /** Nothing goes on before all of it is there. */
    readonly kind: "whole";
    /** Its framing counts too. */
    readonly bytesMax: number;
    readonly finish: (body: Uint8Array) => FinishedRequest;
    readonly refuse: (problem: WholeBodyProblem) => CompleteResponse;
  };

/** A response that does not come back unseen. */
export interface ResponseRule {
  readonly header: (value: string) => string;
  readonly filter: BodyFilter;
  /** Returns another such filter, for what is no body. */
  readonly another: () => BodyFilter;
}

/** A request that asks for another protocol, and may have it where its server agrees. */
export interface UpgradeRule {
  /** As in `Upgrade`. */
  readonly protocol: string;
  /** Returns whether an answer of status 101 is the one that was asked for. */
  readonly accepts: (answer: ResponseHead) => boolean;
  /** Answers the client and relays what follows, to its end. Neither side is HTTP any more. */
  readonly relay: (switched: Switched) => Promise<void>;
}

export interface Switched {
  readonly client: BufferedStream;
  readonly upstream: BufferedStream;
  /** Without secrets. */
  readonly answer: ResponseHead;
}

/** What goes on of a request. */
export interface ForwardedRequest {
  readonly target: string;
  /** Header fields in the place of those that were sent. */
  readonly fields?: readonly HeaderField[];
  readonly body?: BodyRule;
  readonly response?: ResponseRule;
  /** Without it no other protocol is asked for, and none is taken. */
  readonly upgrade?: UpgradeRule;
  /** Asked once a connection is there: returns an answer where this must not go on any more. */
  readonly recheck?: () => CompleteResponse | null;
}
