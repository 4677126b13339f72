/**
 * What `access` stands for, as the rules that it expands to.
 *
 * @module
 */

import type { GraphqlRule, Protocol, RequestRule } from "../policy.ts";

/** Values of `access`. */
export const PRESETS = ["read-only", "read-write", "full"] as const;

export type Preset = typeof PRESETS[number];

/** Returns the rules of a preset, or `null` where the protocol has no presets. */
export function expandPreset(protocol: Protocol, preset: Preset): readonly RequestRule[] | null {
  switch (protocol) {
    case "rest":
      return REST[preset].map(httpRule);
    case "websocket":
      return WEBSOCKET[preset].map(httpRule);
    case "graphql":
      return GRAPHQL[preset].map((operationType) => (
        { kind: "graphql", operationType, operationName: null, fields: null }
      ));
    case "sql":
      return SQL[preset].map((command) => ({ kind: "sql", command }));
    default:
      return null;
  }
}

const REST: Readonly<Record<Preset, readonly string[]>> = {
  "read-only": ["GET", "HEAD", "OPTIONS"],
  "read-write": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"],
  full: ["*"],
};

const WEBSOCKET: Readonly<Record<Preset, readonly string[]>> = {
  "read-only": ["GET"],
  "read-write": ["GET", "WEBSOCKET_TEXT"],
  full: ["*"],
};

const GRAPHQL: Readonly<Record<Preset, readonly GraphqlRule["operationType"][]>> = {
  "read-only": ["query"],
  "read-write": ["query", "mutation"],
  full: ["*"],
};

const SQL: Readonly<Record<Preset, readonly string[]>> = {
  "read-only": ["SELECT"],
  "read-write": ["SELECT", "INSERT", "UPDATE"],
  full: ["*"],
};

function httpRule(method: string): RequestRule {
  return { kind: "http", method, path: "**", query: [] };
}
