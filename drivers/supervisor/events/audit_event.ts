/**
 * What a supervisor records, before it takes the shape of OCSF.
 *
 * One event per decision. No event holds a secret, a header, a body or a query string; paths are
 * canonical. Text that comes from the sandbox is escaped where it is written, not here.
 *
 * @module
 */

import type { Reason } from "../../../proto/reason.ts";

/** A process of a sandbox, by its executable. */
export interface Actor {
  /** Absolute path of the executable. */
  readonly binary: string;
  /** As the host sees it. */
  readonly pid: number;
  /** Executables of its parents, nearest first. */
  readonly ancestors: readonly string[];
}

/** Where a connection goes. `address` is the one dialled, where one was. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly address?: string;
}

/**
 * Why something was refused. A policy reason, or one of the proxy's own:
 * codes as in the denial body's `error`.
 */
export type DenialCode = Reason | ProxyDenial;

/** Refusals that no policy rule gives. */
export type ProxyDenial =
  | "caller_ambiguous"
  | "credential_endpoint_mismatch"
  | "credential_expired"
  | "credential_invalid"
  | "credential_misplaced"
  | "credential_unknown"
  | "foreign_credential"
  | "uninspected_credentials"
  | "dns_failed"
  | "upstream_unreachable"
  | "upstream_tls_failed"
  | "invalid_request"
  | "request_too_large"
  | "request_authority_mismatch"
  | "server_name_mismatch"
  | "unsupported_protocol"
  | "unsupported_proxy_scheme"
  | "tls_termination_unavailable"
  | "too_many_connections"
  | "policy_changed";

/** Why a model call did not come to its end. */
export type InferenceProblem =
  | "path_not_recognised"
  | "invalid_request"
  | "request_too_large"
  | "not_configured"
  | "no_compatible_route"
  | "token_budget_exceeded"
  | "upstream_unreachable"
  | "upstream_timeout"
  | "invalid_upstream_response"
  /** A backend's own refusal, which the program was passed. */
  | "upstream_status"
  | "stream_broken"
  | "client_gone";

/** What happened to a connection or request. */
export type Outcome =
  | { readonly kind: "allowed"; readonly rule: string | null }
  /** Audit mode let it through; `reason` is what enforcement would have said. */
  | { readonly kind: "audited"; readonly rule: string | null; readonly reason: DenialCode }
  | {
    readonly kind: "denied";
    readonly rule: string | null;
    readonly reason: DenialCode;
    /** One sentence for the person, without what the sandbox sent. */
    readonly detail: string;
  };

export type AuditEvent =
  | {
    /** A CONNECT, decided. One per connection. */
    readonly kind: "connection";
    readonly actor: Actor | null;
    readonly destination: Destination;
    readonly outcome: Outcome;
    /** Hash of the policy image that decided, `null` where none did. */
    readonly generation: string | null;
    /** `tls_inspected`, `plain_inspected` or `opaque`: what happens to its bytes. */
    readonly handling: "tls_inspected" | "plain_inspected" | "opaque" | null;
  }
  | {
    /** One HTTP request, decided: in a tunnel, or by the forward proxy. */
    readonly kind: "request";
    readonly actor: Actor | null;
    readonly destination: Destination;
    readonly scheme: "http" | "https";
    readonly method: string;
    /** Canonical path without the query; `null` where the target was not valid. */
    readonly path: string | null;
    readonly outcome: Outcome;
    readonly generation: string | null;
  }
  | {
    /** A WebSocket, when it is over. What was let through is counted, and never said. */
    readonly kind: "websocket";
    readonly actor: Actor | null;
    readonly destination: Destination;
    /** Canonical path of the upgrade. */
    readonly path: string;
    /** That allowed the upgrade. */
    readonly rule: string | null;
    readonly generation: string | null;
    readonly messages: {
      readonly texts: number;
      readonly binaries: number;
      readonly fromServer: number;
    };
    /** Code of the close; `null` where it was cut off or had none. */
    readonly code: number | null;
  }
  | {
    /** One model call to `inference.local`, when it is over. Never what was asked or answered. */
    readonly kind: "inference";
    readonly actor: Actor | null;
    readonly method: string;
    /** As sent, without the query; recognised ones have one spelling. */
    readonly path: string;
    /** `null` where it was not recognised. */
    readonly protocol: string | null;
    /** Name of the route, type of its provider, and its model: of the one that answered last. */
    readonly route: string | null;
    readonly provider: string | null;
    readonly model: string | null;
    /** The backend. */
    readonly destination: Destination | null;
    /** What the program was answered. */
    readonly status: number;
    readonly problem: InferenceProblem | null;
    /** One sentence for the person, where there is a problem. */
    readonly detail: string | null;
    readonly durationMs: number;
    /** Until the reply's first byte. */
    readonly firstByteMs: number | null;
    readonly tokens: {
      readonly input: number;
      readonly output: number;
      readonly isEstimated: boolean;
    } | null;
    /** Backends that were tried. */
    readonly attempts: number;
  }
  | {
    readonly kind: "process";
    readonly activity: "launch" | "terminate";
    /** `main`, `exec`, `shell` or `transfer`. */
    readonly role: string;
    readonly binary: string;
    readonly pid: number;
    readonly exitCode?: number;
    /** True where OpenShell ended it for its time limit. */
    readonly timedOut?: boolean;
  }
  | {
    /** A policy revision, the isolation or the certificates. */
    readonly kind: "config";
    /** `loaded`, `reload_failed`, `applied`, `created`, `updated`, `removed`. */
    readonly state: string;
    readonly message: string;
    readonly version?: number;
    readonly hash?: string;
  }
  | {
    readonly kind: "lifecycle";
    readonly activity: "start" | "stop" | "failure";
    readonly message: string;
  }
  | {
    readonly kind: "finding";
    /** Stable name, as `isolation-failed`. */
    readonly uid: string;
    readonly title: string;
    readonly detail: string;
    readonly severity: "medium" | "high" | "critical";
  };

/** Takes events in the order of their decisions. What cannot be written ends the sandbox. */
export interface EventSink {
  /**
   * Nothing is let through unrecorded: an event that says so is recorded before, and where that
   * fails, this throws. It does not throw for others.
   *
   * @throws {EventLogError}
   */
  record(event: AuditEvent): void;
}
