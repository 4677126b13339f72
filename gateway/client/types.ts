/**
 * What a client sees of a gateway, as plain values.
 *
 * Generated messages end in this folder: nobody who calls it needs to know the wire.
 *
 * @module
 */

import type { ProviderCalls } from "./provider_types.ts";
import type { InferenceCalls } from "./inference_types.ts";

/** Phases of a sandbox, as the wire numbers them and as a person reads them. */
export const PHASES = [
  "Unspecified",
  "Provisioning",
  "Ready",
  "Error",
  "Deleting",
  "Unknown",
  "Stopping",
  "Stopped",
  "Starting",
] as const;

export type Phase = typeof PHASES[number];

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface SandboxView {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly workspace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resourceVersion: number;
  /** Since 1970, in milliseconds. */
  readonly createdAtMs: number;
  readonly phase: Phase;
  readonly policyVersion: number;
  /** `null` while the main process runs. */
  readonly exitCode: number | null;
  readonly conditions: readonly Condition[];
  readonly command: readonly string[];
  readonly tty: boolean;
}

/** A value that JSON can hold. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export interface NewSandbox {
  /** Empty lets the gateway choose. */
  readonly name: string;
  readonly workspace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly tty: boolean;
  /** Otherwise the gateway deletes it when it has ended. */
  readonly isKept: boolean;
  /** Names of its providers; left out: none. */
  readonly providers?: readonly string[];
  /** A policy document that was checked; `null` is the gateway's default. */
  readonly policy: string | null;
  readonly resources: { readonly [key: string]: Json } | null;
  readonly driverConfig: { readonly [key: string]: Json } | null;
}

export interface SandboxName {
  readonly name: string;
  readonly workspace: string;
}

export interface SandboxQuery {
  readonly workspace: string;
  readonly limit: number;
  readonly offset: number;
  readonly selector: string;
  readonly allWorkspaces: boolean;
}

export interface LogLine {
  readonly timestampMs: number;
  readonly level: string;
  readonly target: string;
  readonly message: string;
  readonly source: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface PlatformEvent {
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export type SandboxEvent =
  | { readonly kind: "sandbox"; readonly sandbox: SandboxView }
  | { readonly kind: "log"; readonly log: LogLine }
  | { readonly kind: "event"; readonly event: PlatformEvent }
  | { readonly kind: "warning"; readonly message: string };

export interface LogQuery {
  readonly sandboxId: string;
  readonly workspace: string;
  readonly lines: number;
  /** Since 1970, in milliseconds; 0 is from the start. */
  readonly sinceMs: number;
  /** `gateway`, `sandbox`; empty is both. */
  readonly sources: readonly string[];
  /** Empty is every level. */
  readonly level: string;
}

export interface EventRecord {
  readonly source: string;
  /** JSON, byte for byte as stored. */
  readonly record: string;
}

export interface ChainState {
  readonly source: string;
  readonly events: number;
  readonly intact: boolean;
  /** Line from 1 of the first event that does not follow its predecessor; 0 where intact. */
  readonly brokenLine: number;
  readonly problem: string;
}

export interface WindowSize {
  readonly cols: number;
  readonly rows: number;
}

export type ProcessInput =
  | { readonly kind: "stdin"; readonly bytes: Uint8Array }
  | { readonly kind: "end" }
  | { readonly kind: "resize"; readonly size: WindowSize }
  /** `HUP`, `INT`, `KILL`, `QUIT` or `TERM`. */
  | { readonly kind: "signal"; readonly signal: string };

export type ProcessOutput =
  | { readonly kind: "stdout"; readonly bytes: Uint8Array }
  | { readonly kind: "stderr"; readonly bytes: Uint8Array }
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "notice"; readonly text: string };

export interface ExecRequest {
  readonly sandboxId: string;
  readonly command: readonly string[];
  /** Empty is the workspace of the sandbox. */
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** 0 is no limit. */
  readonly timeoutSeconds: number;
  /** `null` is no terminal. */
  readonly terminal: WindowSize | null;
}

export interface AttachRequest {
  readonly sandboxId: string;
  readonly readOnly: boolean;
  readonly terminal: WindowSize | null;
}

/** A stream in both directions; aborting the signal ends it. */
export interface Duplex<Input> {
  readonly inputs: AsyncIterable<Input>;
  readonly signal: AbortSignal;
}

export interface ForwardTarget {
  readonly sandboxId: string;
  readonly port: number;
}

/** Whose policy: that of a sandbox, or the one for all. */
export type PolicyScope =
  | { readonly kind: "sandbox"; readonly name: string; readonly workspace: string }
  | { readonly kind: "global" };

export interface PolicySet {
  readonly version: number;
  readonly hash: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const POLICY_STATUSES = [
  "unspecified",
  "pending",
  "loaded",
  "failed",
  "superseded",
] as const;

export type PolicyStatus = typeof POLICY_STATUSES[number];

export interface PolicyRevision {
  readonly version: number;
  readonly hash: string;
  readonly status: PolicyStatus;
  readonly loadError: string;
  readonly createdAtMs: number;
  readonly loadedAtMs: number;
  readonly provenance: Readonly<Record<string, string>>;
  /** The document as a plain value; `null` where the gateway sent none. */
  readonly policy: Json;
  /** Version that is in force now. */
  readonly activeVersion: number;
}

export interface SettingView {
  readonly key: string;
  readonly value: string | boolean;
  readonly scope: "global" | "sandbox";
}

/** Calls about settings. Each throws a `GatewayError` when the gateway says no. */
export interface SettingCalls {
  /** Those of a sandbox by its id, with the global ones; or the global ones alone. */
  getSettings(sandboxId: string | null): Promise<readonly SettingView[]>;
  setSetting(scope: PolicyScope, key: string, value: string): Promise<void>;
  /** Returns false where it was not set. */
  deleteSetting(scope: PolicyScope, key: string): Promise<boolean>;
}

/** What is in force for a sandbox. */
export interface EffectivePolicy {
  readonly version: number;
  readonly hash: string;
  /** A whole number that may be too large for a number. */
  readonly configRevision: string;
  readonly source: "sandbox" | "global";
  readonly globalVersion: number;
  readonly policy: Json;
}

export interface Health {
  readonly status: "healthy" | "degraded" | "unhealthy" | "unknown";
  readonly version: string;
}

export interface User {
  readonly subject: string;
  readonly identityProvider: string;
}

export interface GatewayInfo extends Health {
  readonly drivers: readonly {
    readonly name: string;
    readonly driverName: string;
    readonly driverVersion: string;
  }[];
}

/**
 * An open connection to a gateway. Every method throws a `GatewayError` when the gateway says no
 * or cannot be reached.
 */
export interface Gateway extends ProviderCalls, SettingCalls {
  /** Name of its registration; `openshell` is the local one. */
  readonly name: string;
  readonly endpoint: string;
  /** How the client says who it is. */
  readonly auth: "mtls" | "plaintext";
  readonly inference: InferenceCalls;
  health(): Promise<Health>;
  info(): Promise<GatewayInfo>;
  currentUser(): Promise<User>;
  createSandbox(sandbox: NewSandbox): Promise<SandboxView>;
  getSandbox(name: SandboxName): Promise<SandboxView>;
  listSandboxes(query: SandboxQuery): Promise<readonly SandboxView[]>;
  /** Returns false where there was none. */
  deleteSandbox(name: SandboxName): Promise<boolean>;
  stopSandbox(name: SandboxName): Promise<SandboxView>;
  startSandbox(name: SandboxName): Promise<SandboxView>;
  /** Status and platform events, until the signal or the end of the sandbox. */
  watchSandbox(sandboxId: string, signal: AbortSignal): AsyncIterable<SandboxEvent>;
  getLogs(query: LogQuery): Promise<readonly LogLine[]>;
  followLogs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine>;
  readEvents(query: LogQuery, follow: boolean, signal: AbortSignal): AsyncIterable<EventRecord>;
  verifyEvents(sandboxId: string): Promise<readonly ChainState[]>;
  exec(request: ExecRequest, duplex: Duplex<ProcessInput>): AsyncIterable<ProcessOutput>;
  attach(request: AttachRequest, duplex: Duplex<ProcessInput>): AsyncIterable<ProcessOutput>;
  forward(target: ForwardTarget, duplex: Duplex<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Sends a document that was checked. `isForced` has it taken although it is not proved. */
  setPolicy(scope: PolicyScope, policy: string, isForced?: boolean): Promise<PolicySet>;
  deleteGlobalPolicy(): Promise<boolean>;
  getPolicy(scope: PolicyScope, version: number): Promise<PolicyRevision>;
  listPolicies(scope: PolicyScope, limit: number): Promise<readonly PolicyRevision[]>;
  getEffectivePolicy(sandboxId: string): Promise<EffectivePolicy>;
  close(): void;
}

/** Which gateway a person wants. */
export interface GatewayChoice {
  /** URL of `--gateway-endpoint`. */
  readonly endpoint?: string;
  /** Name of `--gateway`. */
  readonly name?: string;
  /** Does not check the gateway's certificate. */
  readonly insecure: boolean;
}
