/**
 * A provider profile in memory: what a type of provider is made of.
 *
 * Every default is filled in. Endpoints and binaries are those of a policy, and what was written of
 * them is kept as a plain document, for the wire and for policies.
 *
 * @module
 */

import type { Binary, Endpoint } from "../../../policy-wasm/policy.ts";

export const CATEGORIES = [
  "other",
  "inference",
  "agent",
  "source_control",
  "messaging",
  "data",
  "knowledge",
] as const;

export type Category = typeof CATEGORIES[number];

export const AUTH_STYLES = ["basic", "bearer", "header", "query", "path"] as const;

export type AuthStyle = typeof AUTH_STYLES[number];

export const STRATEGIES = [
  "static",
  "external",
  "oauth2_refresh_token",
  "oauth2_client_credentials",
  "google_service_account_jwt",
  "aws_sts_assume_role",
] as const;

export type RefreshStrategy = typeof STRATEGIES[number];

/** A plain value, as JSON has it. */
export type Plain = { readonly [key: string]: unknown };

export interface RefreshMaterial {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly secret: boolean;
}

/** How values of a credential are made anew. */
export interface ProfileRefresh {
  readonly strategy: RefreshStrategy;
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  /** 0: the usual time. */
  readonly refreshBeforeSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly material: readonly RefreshMaterial[];
  readonly additionalOutputs: readonly { readonly output: string; readonly credential: string }[];
}

export interface ProfileCredential {
  readonly name: string;
  readonly description: string;
  readonly envVars: readonly string[];
  readonly required: boolean;
  /** Empty where nothing is said. */
  readonly authStyle: AuthStyle | "";
  readonly headerName: string;
  readonly queryParam: string;
  readonly pathTemplate: string;
  readonly refresh: ProfileRefresh | null;
}

export interface Profile {
  readonly id: string;
  readonly displayName: string;
  readonly description: string;
  readonly category: Category;
  readonly inferenceCapable: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly credentials: readonly ProfileCredential[];
  /** Names of credentials that are looked for on a person's machine. */
  readonly discovery: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly binaries: readonly Binary[];
  /** As written, and as `network_policies` takes it. */
  readonly rule: { readonly endpoints: readonly Plain[]; readonly binaries: readonly unknown[] };
  /** What an exported document says it was read at; 0 where it says nothing. */
  readonly resourceVersion: number;
}

/** One thing that is wrong with a profile document. Lines and columns count from 1. */
export interface ProfileDiagnostic {
  readonly severity: "error" | "warning";
  readonly message: string;
  /** As in `credentials[0].env_vars`; empty for the whole document. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly code: string;
  readonly fix: string | null;
}
